"""PEFT adapters: what is put on a base, taken off again, and refused. One base in memory, loaded once."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from fixtures.checkpoints.in_process import shared_weights
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.loading import load_model
from fixtures.checkpoints.in_process.placement import Place
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source.adapter import WEIGHTS
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, Message, Role
from tests.checkpoints.in_process.test_shared_prefix import asked, assert_equal
from tests.support.tiny import CHATML, tiny_checkpoint

QUESTION = ("Ada has 2 pens and buys 3 more. How many pens does she have?",)
LORA: dict[str, Any] = {"r": 4, "target_modules": "all-linear", "init_lora_weights": False}
KINDS: dict[str, Callable[[], Any]] = {
    "lora": lambda: LoraConfig(**LORA),
    "dora": lambda: LoraConfig(**{**LORA, "use_dora": True, "target_modules": ["q_proj"]}),
    "whole-module": lambda: LoraConfig(
        **{**LORA, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}
    ),
    "embedding": lambda: LoraConfig(**{**LORA, "target_modules": ["q_proj", "embed_tokens"]}),
    "bias": lambda: LoraConfig(**{**LORA, "bias": "all"}),
    "ia3": lambda: IA3Config(
        target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], init_ia3_weights=False
    ),
    "loha": lambda: LoHaConfig(r=2, target_modules=["q_proj"], init_weights=False),
    "lokr": lambda: LoKrConfig(r=2, target_modules=["q_proj"], init_weights=False),
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "base")


def adapted(base: Path, directory: Path, config: Any = None, seed: int = 0) -> Path:
    """An adapter with random weights, large enough to change replies, as PEFT saves one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config or LoraConfig(**LORA))
        with torch.no_grad():
            for weight in model.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn_like(weight) * 0.5)
        model.save_pretrained(directory)
    return directory


def opened(spec: str | Path, role: Role = "instruct", name: str = "mine") -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec(name, role, str(spec), "--checkpoint"), EngineSettings(device="cpu")
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


def said(checkpoint: InProcessCheckpoint) -> list[tuple[str, tuple[float, ...]]]:
    """Replies with their log-probabilities, which tell apart even weights that say the same."""
    replies = dict(checkpoint.generate(asked("slot", (25.0,), QUESTION), 4, logprobs=True))
    return [(replies[at].text, replies[at].logprobs) for at in sorted(replies)]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The bases that are loaded, in order. There is room for one, and never another one in memory then."""
    loaded: list[Path] = []

    def counted(directory: Path, *rest: Any) -> Any:
        assert not shared_weights._loaded
        loaded.append(directory)
        return load_model(directory, *rest)

    monkeypatch.setattr(Place, "has_room", lambda *_: False)
    monkeypatch.setattr(shared_weights, "_loaded", set())
    monkeypatch.setattr("fixtures.checkpoints.in_process.shared_weights.load_model", counted)
    return loaded


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_says_what_peft_says_and_leaves_the_base_as_it_was(
    base: Path, tmp_path: Path, kind: Callable[[], Any]
) -> None:
    adapter = adapted(base, tmp_path / "adapter", kind())
    mine, plain = opened(f"{base}#{adapter}"), opened(base)
    before = said(plain)
    model = mine._load_model()
    ids = torch.tensor([mine.token_ids(asked("slot", (25.0,), QUESTION)[0])])
    with torch.inference_mode():
        whole = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
        expected = whole(ids).logits
        assert torch.equal(model(ids).logits, expected)
    assert said(mine) != before
    assert said(plain) == before


def resized(base: Path, directory: Path, whole: tuple[str, ...] = ()) -> Path:
    """An adapter with two more tokens than its base has, as training saves it: tokenizer, embeddings and all."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<a>", "<b>"])
    tokenizer.save_pretrained(directory)
    model.resize_token_embeddings(len(tokenizer))
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(torch.randn(len(tokenizer), 16))
    config = LoraConfig(**LORA, modules_to_save=[*whole], task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(directory)
    return directory


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("whole", [(), ("embed_tokens", "lm_head")], ids=["saved", "trained"])
def test_an_adapter_may_bring_more_tokens(
    base: Path, tmp_path: Path, loads: list[Path], whole: tuple[str, ...], tied: bool
) -> None:
    if tied:
        config = AutoConfig.from_pretrained(base, tie_word_embeddings=True)
        AutoModelForCausalLM.from_config(config).save_pretrained(base)
    adapter, other = resized(base, tmp_path / "adapter", whole), adapted(base, tmp_path / "other")
    mine, plain, third = opened(f"{base}#{adapter}"), opened(base), opened(f"{base}#{other}")
    before = said(plain), said(third)
    assert len(mine.token_ids(Conversation((Message("user", "<a>"),)))) < len(
        plain.token_ids(Conversation((Message("user", "<a>"),)))
    )
    model = mine._load_model()
    ids = torch.tensor([[*mine.token_ids(asked("slot", (25.0,), QUESTION)[0]), 261, 262]])
    with torch.inference_mode():
        grown = AutoModelForCausalLM.from_pretrained(base)
        grown.resize_token_embeddings(263)
        expected = PeftModel.from_pretrained(grown, str(adapter))(ids).logits
        assert torch.equal(model(ids).logits, expected)
    said(mine)
    assert (said(plain), said(third)) == before
    assert loads == [base, base]


def test_a_weight_that_lies_where_a_freed_one_lay_has_been_replaced() -> None:
    layer = torch.nn.Linear(2, 2)
    before = shared_weights._traces(layer)
    assert shared_weights._is_untouched(layer, before)
    layer.weight = torch.nn.Parameter(layer.weight.data)
    assert not shared_weights._is_untouched(layer, before)


def test_a_larger_vocabulary_with_half_of_its_weights_is_refused(base: Path, tmp_path: Path) -> None:
    adapter = resized(base, tmp_path / "adapter")
    weights = load_file(adapter / WEIGHTS)
    del weights["base_model.model.lm_head.weight"]
    save_file(weights, adapter / WEIGHTS)
    with pytest.raises(InputError, match="resizes the vocabulary, and has not both embeddings for it"):
        said(opened(f"{base}#{adapter}"))


def test_both_engines_say_the_same_token_for_token(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    assert_equal(opened(f"{base}#{adapter}"), asked("slot", (10.0, 95.0)), 12)


def test_a_base_is_loaded_once_for_all_that_is_made_of_it(
    base: Path, tmp_path: Path, loads: list[Path]
) -> None:
    adapters = [adapted(base, tmp_path / f"step-{seed}", seed=seed) for seed in (1, 2)]
    lineage = [opened(base), *(opened(f"{base}#{adapter}") for adapter in adapters)]
    first = [said(checkpoint) for checkpoint in lineage]
    assert loads == [base]
    assert len(set(map(str, first))) == 3
    again = [said(checkpoint) for checkpoint in reversed(lineage)][::-1]
    assert again == first
    assert loads == [base]


def test_another_base_takes_its_place_in_memory(base: Path, tmp_path: Path, loads: list[Path]) -> None:
    other = tiny_checkpoint(tmp_path / "other", seed=1)
    adapter = adapted(base, tmp_path / "adapter")
    mine, plain, third = opened(f"{base}#{adapter}"), opened(base), opened(other)
    expected = said(mine)
    said(third)
    assert said(mine) == expected
    assert loads == [base, other, base]
    plain.close()
    assert mine._base._model is not None, "one that is still open is made of it"


def test_two_bases_stay_where_there_is_room(base: Path, tmp_path: Path) -> None:
    mine, other = opened(base), opened(tiny_checkpoint(tmp_path / "other", seed=1))
    said(mine)
    said(other)
    assert {mine._base, other._base} <= {*shared_weights._loaded}


def test_memory_is_given_back_by_the_last_one(base: Path, tmp_path: Path) -> None:
    """Whether or not Python has collected the others."""
    mine, other = opened(base), opened(f"{base}#{adapted(base, tmp_path / 'adapter')}")
    shared = mine._base
    said(mine)
    mine.close()
    del mine
    assert shared._model is not None
    other.close()
    assert shared._model is None
    assert opened(base)._base is not shared


def test_what_cannot_be_opened_holds_no_weights(base: Path, tmp_path: Path) -> None:
    mine = opened(base)
    lacking = adapted(base, tmp_path / "adapter")
    shutil.copy(tiny_checkpoint(tmp_path / "broken") / "tokenizer_config.json", lacking)
    (lacking / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError):
        opened(f"{base}#{lacking}")
    assert mine._base.users == {mine}


def test_an_adapter_that_changes_the_base_itself_makes_it_be_read_again(
    tmp_path: Path, loads: list[Path]
) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from tests.checkpoints.in_process.test_shared_prefix import small, with_model

    torch.manual_seed(0)
    config = {name: value for name, value in small().items() if name != "head_dim"}
    base = with_model(tmp_path / "base", Qwen2ForCausalLM(Qwen2Config(**config)))
    adapter = adapted(base, tmp_path / "adapter", LoraConfig(**{**LORA, "bias": "all"}))
    plain, mine = opened(base), opened(f"{base}#{adapter}")
    before = said(plain)
    assert said(mine) != before
    assert said(plain) == before
    assert loads == [base, base]


def test_the_fingerprint_covers_base_and_adapter(base: Path, tmp_path: Path) -> None:
    one, two = (adapted(base, tmp_path / f"{seed}", seed=seed) for seed in (1, 2))
    other = tiny_checkpoint(tmp_path / "other", seed=1)
    specs = [f"{base}", f"{base}#{one}", f"{base}#{two}", f"{other}#{one}"]
    assert len({opened(spec).fingerprint for spec in specs}) == 4
    moved = shutil.copytree(one, tmp_path / "moved")
    assert opened(f"{base}#{moved}").fingerprint == opened(specs[1]).fingerprint
    assert "peft" in opened(specs[1]).engine
    assert "peft" not in opened(base).engine
    assert any(
        note.startswith(f"base {opened(base).fingerprint}, adapter ") for note in opened(specs[1]).notes
    )


def test_the_adapter_s_own_tokenizer_and_template_are_used(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base", chat_template=None)
    adapter = adapted(base, tmp_path / "adapter")
    with pytest.raises(InputError, match="has no chat template"):
        opened(f"{base}#{adapter}")
    trained = tiny_checkpoint(tmp_path / "trained", chat_template="[mine]" + CHATML)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(trained / name, adapter)
    mine = opened(f"{base}#{adapter}")
    assert mine.render(asked("slot", (25.0,))[0]).startswith("[mine]")
    assert "the tokenizer and chat template are the adapter's" in mine.notes
    assert said(mine)


def configured(adapter: Path, **settings: object) -> None:
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def test_a_pattern_for_modules_is_not_matched_but_read_off_the_weights(base: Path, tmp_path: Path) -> None:
    adapter = adapted(base, tmp_path / "adapter", LoraConfig(**{**LORA, "target_modules": ["q_proj"]}))
    expected = said(opened(f"{base}#{adapter}"))
    configured(adapter, target_modules=r".*(([a-z._0-9]+)+)+!|.*\.q_proj")
    assert said(opened(f"{base}#{adapter}")) == expected


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-config": (
        lambda at: (at / "adapter_config.json").unlink(),
        r"adapter has no adapter_config\.json; behind #",
    ),
    "pickle": (
        lambda at: (at / "adapter_model.safetensors").rename(at / "adapter_model.bin"),
        "has its adapter as a pickle only, which can run code",
    ),
    "no-weights": (
        lambda at: (at / "adapter_model.safetensors").unlink(),
        r"adapter has no adapter_model\.safetensors",
    ),
    "damaged": (
        lambda at: (at / "adapter_model.safetensors").write_bytes(b"\x10" * 20),
        "is truncated or damaged",
    ),
    "template": (
        lambda at: (at / "chat_template.jinja").write_text(CHATML),
        "adapter has a chat template, and no tokenizer that it belongs to",
    ),
    "kind": (lambda at: configured(at, peft_type="POLY"), "is an adapter of the kind POLY, and there are"),
    "module": (lambda at: configured(at, megatron_config={"a": 1}), "has megatron_config, which is not"),
    "rank": (lambda at: configured(at, r="many"), r"adapter_config\.json is damaged"),
    "patterns": (lambda at: configured(at, rank_pattern=[1]), r"adapter_config\.json is damaged"),
    "pattern": (
        lambda at: configured(at, rank_pattern={"(a+)+!": 4}),
        "rank_pattern whose matching may never end",
    ),
}


@pytest.mark.parametrize(("damage", "words"), BAD.values(), ids=BAD)
def test_a_bad_adapter_is_one_line(
    base: Path, tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    damage(adapter)
    with pytest.raises(InputError, match=words):
        opened(f"{base}#{adapter}")


@pytest.mark.parametrize("spec", ["{base}#", "#{base}", "{base}#./nowhere"])
def test_a_spec_that_names_no_adapter(base: Path, spec: str) -> None:
    with pytest.raises(InputError, match=r"its #|behind #"):
        opened(spec.format(base=base))


def test_a_directory_may_have_a_hash_in_its_name(base: Path) -> None:
    assert opened(base.rename(base.with_name("base#2")))


def test_prompt_tuning_is_refused(base: Path, tmp_path: Path) -> None:
    config = PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(tmp_path / "adapter")
    with pytest.raises(InputError, match="of the kind PROMPT_TUNING, and there are only LORA"):
        opened(f"{base}#{tmp_path / 'adapter'}")


@pytest.mark.parametrize("settings", [{"r": 10**10}, {"rank_pattern": {"q_proj": 10**10}}])
def test_an_adapter_that_asks_for_terabytes(base: Path, tmp_path: Path, settings: dict[str, object]) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    configured(adapter, **settings)
    with pytest.raises(
        InputError, match="asks for a rank of 10,000,000,000, and its weights have at most 32"
    ):
        opened(f"{base}#{adapter}")


def test_one_long_weight_is_no_leave_for_terabytes(base: Path, tmp_path: Path) -> None:
    """PEFT would make weights of that rank for every module before it looks at those in the file: here 1.8 GB."""
    adapter = adapted(base, tmp_path / "adapter")
    configured(adapter, r=(rank := 2_000_000))
    weights = load_file(adapter / WEIGHTS)
    save_file({**weights, "long.lora_A.weight": torch.zeros(rank, 1, dtype=torch.int8)}, adapter / WEIGHTS)
    mine = opened(f"{base}#{adapter}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="give the base that it was trained on"):
        said(mine)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


@pytest.mark.parametrize("settings", [{"r": 3}, {"target_modules": ["q_proj", "o_proj"]}])
def test_an_adapter_that_is_not_what_it_says(base: Path, tmp_path: Path, settings: dict[str, object]) -> None:
    adapter = adapted(base, tmp_path / "adapter", LoraConfig(**{**LORA, "target_modules": ["q_proj"]}))
    configured(adapter, **settings)
    mine = opened(f"{base}#{adapter}")
    with pytest.raises(InputError, match=r"^--checkpoint \S+: its adapter .*; give the base that it was"):
        said(mine)
    assert said(opened(base)), "the base is as it was"


def test_an_adapter_of_another_base(base: Path, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.checkpoints.in_process.test_shared_prefix import small, with_model

    larger = with_model(tmp_path / "larger", LlamaForCausalLM(LlamaConfig(**small())))
    adapter = adapted(larger, tmp_path / "adapter")
    with pytest.raises(InputError, match="only in one of them; give the base that it was trained on"):
        said(opened(f"{base}#{adapter}"))
