"""Weights that have changed since the last run, and weights that make no numbers: on real tiny models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, DeepseekV3Config, DeepseekV3ForCausalLM

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source.adapter import WEIGHTS
from fixtures.errors import FailedError, InputError
from fixtures.measuring.block_queue import take
from fixtures.measuring.workers import Worker
from fixtures.protocol.block import Block
from fixtures.protocol.making import make
from fixtures.protocol.trials import Settings
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import strategies
from fixtures.store.database import Store, counts
from tests.checkpoints.source.test_adapter import adapted
from tests.support.tiny import tiny_checkpoint

SETTINGS = Settings((10.0, 60.0), "slot", 6, 6)
PROBLEMS = {i: Problem(f"What is {i} plus 2?", Decimal(i + 2)) for i in range(3)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def opened(directory: Path, spec: str = "") -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec(directory.name, "instruct", spec or str(directory), "--checkpoint"),
        EngineSettings(device="cpu"),
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


def block(checkpoint: InProcessCheckpoint, store: Store) -> Block:
    return Block(checkpoint, PROBLEMS, [strategies()["natural_query"]], SETTINGS, store)


def texts(whole: Block) -> list[str]:
    return [answer.text for answer in whole.answers] + [trial.first.text for trial in whole.trials]


def test_weights_that_are_replaced_at_their_path_make_everything_again(tmp_path: Path, store: Store) -> None:
    """By files of the same size and times, as a copy that keeps them would leave."""
    place = tiny_checkpoint(tmp_path / "model", seed=0)
    times = {file: file.stat() for file in place.iterdir()}
    before = block(opened(place), store)
    make(before)
    tiny_checkpoint(place, seed=1)
    for file, was in times.items():
        os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
        assert file.stat().st_size == was.st_size
    after = block(opened(place), store)
    assert after.find() == 0
    make(after)
    alone = Store(tmp_path / "alone.sqlite3")
    expected = block(opened(place), alone)
    make(expected)
    alone.close()
    assert texts(after) == texts(expected) != texts(before)


def poisoned(place: Path, *, tokens: str) -> Path:
    """A checkpoint that makes NaN once it has read one of the tokens."""
    tiny_checkpoint(place, seed=1)
    model = AutoModelForCausalLM.from_pretrained(place)
    tokenizer = opened(place)._tokenizer
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer(tokens, add_special_tokens=False)["input_ids"]] = (
            torch.nan
        )
    model.save_pretrained(place)
    return place


def test_weights_that_are_replaced_before_they_are_loaded_answer_nothing(
    tmp_path: Path, store: Store
) -> None:
    """What they say would be kept as that of the weights that were opened."""
    place = tiny_checkpoint(tmp_path / "model", seed=0)
    checkpoint = opened(place)
    tiny_checkpoint(place, seed=1)
    with pytest.raises(InputError, match="the files in model have changed since this run began"):
        make(block(checkpoint, store))
    assert not counts(store.path)


def mixture(place: Path, seed: int) -> Path:
    """A mixture of experts: what routes a token is kept in a buffer, which is read from the file as well."""
    tiny_checkpoint(place)
    config = DeepseekV3Config(
        vocab_size=261,
        hidden_size=16,
        intermediate_size=32,
        moe_intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        n_routed_experts=4,
        n_group=1,
        topk_group=1,
        num_experts_per_tok=2,
        first_k_dense_replace=1,
        kv_lora_rank=4,
        q_lora_rank=4,
        qk_rope_head_dim=4,
        qk_nope_head_dim=4,
        v_head_dim=4,
    )
    torch.manual_seed(seed)
    model = DeepseekV3ForCausalLM(config)
    for buffer in model.buffers():
        buffer.fill_(seed)
    model.save_pretrained(place)
    return place


@pytest.mark.parametrize(
    "made", [lambda place, seed: tiny_checkpoint(place, seed=seed), mixture], ids=["llama", "mixture"]
)
def test_weights_in_memory_do_not_change_with_their_file(
    tmp_path: Path, made: Callable[[Path, int], Path]
) -> None:
    place, other = (made(tmp_path / name, seed) for seed, name in enumerate(("model", "other")))
    in_memory_as_read(opened(place)._load_model(), place / "model.safetensors", other / "model.safetensors")


def test_an_adapter_in_memory_does_not_change_with_its_file(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    one, other = (adapted(base, tmp_path / str(seed), seed=seed) / WEIGHTS for seed in (1, 2))
    in_memory_as_read(opened(base, f"{base}#{one.parent}")._load_model(), one, other)


def in_memory_as_read(model: torch.nn.Module, file: Path, other: Path) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with file.open("r+b") as changed:
        changed.write(other.read_bytes())
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_an_adapter_that_is_replaced_before_it_is_loaded_answers_nothing(
    tmp_path: Path, store: Store
) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    adapter = adapted(base, tmp_path / "adapter", seed=1)
    checkpoint = opened(base, f"{base}#{adapter}")
    adapted(base, adapter, seed=2)
    with pytest.raises(InputError, match="the files in adapter have changed since this run began"):
        make(block(checkpoint, store))
    assert not counts(store.path)


def test_files_that_are_only_touched_have_not_changed(tmp_path: Path, store: Store) -> None:
    place = tiny_checkpoint(tmp_path / "model")
    whole = block(opened(place), store)
    for file in place.iterdir():
        file.chmod(0o600)
    make(whole)
    assert whole.find() == whole.size


@pytest.mark.parametrize("plainly", [False, True], ids=["shared-prefix", "plain"])
def test_a_checkpoint_that_makes_nan_fails_and_the_others_do_not(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, plainly: bool
) -> None:
    if plainly:
        monkeypatch.setattr(InProcessCheckpoint, "generate", InProcessCheckpoint.generate_plainly)
    checkpoints = {
        "broken": opened(poisoned(tmp_path / "broken", tokens="?")),
        "sound": opened(tiny_checkpoint(tmp_path / "sound")),
    }
    blocks = {name: [block(checkpoint, store)] for name, checkpoint in checkpoints.items()}
    failed: dict[str, FailedError] = {}
    take(checkpoints, blocks, store, Worker(tmp_path), failed)
    assert set(failed) == {"broken"}
    assert isinstance(failed["broken"], FailedError)
    assert str(failed["broken"]) == (
        f"--checkpoint {tmp_path / 'broken'}: its logits are not numbers (NaN): check its weights, or give another "
        "--dtype"
    )
    (sound,) = blocks["sound"]
    assert sound.find() == sound.size
    assert {fingerprint for _, fingerprint in counts(store.path)} == {checkpoints["sound"].fingerprint}


def with_weights(place: Path, **more: torch.Tensor) -> Path:
    """A checkpoint whose file has these weights too."""
    file = tiny_checkpoint(place) / "model.safetensors"
    save_file({**load_file(file), **more}, file, metadata={"format": "pt"})
    return place


USELESS = {
    "layer": ("model.layers.1.mlp.up_proj.weight", r"has 1 weights that no layer .*\(model\.layers\.1\.mlp"),
    "bias": (
        "model.layers.0.self_attn.q_proj.bias",
        r"no layer of its architecture takes \(model\.layers\.0",
    ),
    "scale": ("model.layers.0.mlp.up_proj.weight_scale", "no layer of its architecture takes"),
    "reward": ("score.weight", r"is a reward or classification model: it has score\.weight"),
    "value": ("v_head.summary.weight", r"is a reward or classification model: it has v_head\.summary"),
}


@pytest.mark.parametrize(("name", "words"), USELESS.values(), ids=USELESS)
def test_weights_that_no_layer_takes_are_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        opened(with_weights(tmp_path / "model", **{name: torch.ones(2)}))._load_model()


def test_weights_that_a_reply_does_not_need_are_noted(tmp_path: Path) -> None:
    names = ["vision_tower.patch.weight", "mtp.0.fc.weight", "model.layers.0.self_attn.masked_bias"]
    checkpoint = opened(with_weights(tmp_path / "model", **{name: torch.ones(2) for name in names}))
    assert checkpoint._load_model()
    assert checkpoint.notes == [
        "3 weights are not used: those for images and sound, that are computed anew, that predict further tokens"
    ]


def test_what_is_computed_anew_is_not_even_noted(tmp_path: Path) -> None:
    checkpoint = opened(
        with_weights(tmp_path / "model", **{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    )
    assert checkpoint._load_model()
    assert not checkpoint.notes
