"""The in-process engine on both real embedded checkpoints: BOS, batching, log-probabilities, ends of turns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, GenerationConfig

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.draft import Draft
from fixtures.checkpoints.interface import Checkpoint, CheckpointSpec, EngineSettings, Reply
from fixtures.checkpoints.source.directory import Source
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, Role, eliciting, solving
from fixtures.questions.strategies import strategies
from tests.support.tiny import CHATML, tiny_checkpoint

QUESTIONS = (
    "Ada has 2 pens and buys 3 more. How many pens does she have?",
    "A tray holds 6 eggs. A cook uses 4 trays and then 5 more eggs. How many eggs does the cook use altogether?",
    "Bo reads 7 pages a day. How many pages does he read in a week?",
)
ROLES: tuple[Role, ...] = ("base", "instruct")


def _conversations() -> list[Conversation]:
    """Of different lengths, so that batches are padded."""
    return [
        eliciting(question, "The answer is 5.", strategies()[name], 0, hint, "slot")
        for question, name, hint in zip(
            QUESTIONS, ("direct_hint", "natural_query", "structured_report"), (25.0, 60.0, 95.0), strict=True
        )
    ]


def _in_order(
    checkpoint: Checkpoint, conversations: list[Conversation], tokens: int, **how: Any
) -> list[Reply]:
    replies = dict(filter(None, checkpoint.generate(conversations, tokens, **how)))
    return [replies[i] for i in range(len(conversations))]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", [s.name for s in strategies().values() if s.placement != "tool"])
def test_exactly_one_leading_bos(embedded: dict[Role, Checkpoint], role: Role, name: str) -> None:
    checkpoint = embedded[role]
    assert isinstance(checkpoint, InProcessCheckpoint)
    bos = checkpoint._tokenizer.bos_token_id
    strategy = strategies()[name]
    hint = strategy.hints((25.0,))[0] if strategy.has_signal else None
    ids = checkpoint.token_ids(eliciting(QUESTIONS[0], "5", strategy, 0, hint, "slot"))
    assert ids[0] == bos
    assert ids[1] != bos
    if role == "base":
        assert bos not in ids[1:]


@pytest.mark.parametrize(
    ("role", "why"), [("instruct", "its chat template knows no tools"), ("base", "plain text")]
)
def test_neither_can_be_told_what_a_tool_says(embedded: dict[Role, Checkpoint], role: Role, why: str) -> None:
    """SmolLM2's template writes the result, and leaves out the call."""
    assert why in str(embedded[role].no_tools)


@pytest.mark.parametrize("role", ROLES)
def test_batch_composition_changes_nothing(embedded: dict[Role, Checkpoint], role: Role) -> None:
    conversations = _conversations()
    together = _in_order(embedded[role], conversations, 8)
    alone = [_in_order(embedded[role], [conversation], 8)[0] for conversation in conversations]
    backwards = _in_order(embedded[role], conversations[::-1], 8)[::-1]
    assert together == alone == backwards


@pytest.mark.parametrize("role", ROLES)
def test_a_plain_batch_is_halved_when_memory_runs_out(
    embedded: dict[Role, Checkpoint], role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = embedded[role]
    assert isinstance(checkpoint, InProcessCheckpoint)
    conversations = _conversations()
    expected = dict(checkpoint.generate_plainly(conversations, 4))
    generate, sizes = checkpoint._generate, []

    def scarce(drafts: list[Draft], *rest: Any) -> None:
        sizes.append(len(drafts))
        if len(drafts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        generate(drafts, *rest)

    monkeypatch.setattr(checkpoint, "_generate", scarce)
    assert dict(checkpoint.generate_plainly(conversations, 4)) == expected
    assert sizes == [3, 2, 1, 1, 1]


def test_out_of_memory_with_one_plain_row_is_not_hidden(
    embedded: dict[Role, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    checkpoint = embedded["base"]
    assert isinstance(checkpoint, InProcessCheckpoint)
    monkeypatch.setattr(checkpoint, "_generate", none_left)
    with pytest.raises(torch.OutOfMemoryError):
        list(checkpoint.generate_plainly(_conversations()[:1], 4))


@pytest.mark.parametrize("role", ROLES)
def test_logprobs_are_those_of_a_plain_forward_pass(embedded: dict[Role, Checkpoint], role: Role) -> None:
    checkpoint = embedded[role]
    assert isinstance(checkpoint, InProcessCheckpoint)
    prompts = [solving(question) for question in QUESTIONS]
    replies = _in_order(checkpoint, prompts, 12, logprobs=True)
    for prompt, reply in zip(prompts, replies, strict=True):
        assert "".join(reply.tokens) == reply.text
        assert len(reply.tokens) == len(reply.logprobs) > 0
        assert reply.new_tokens is not None
        assert len(reply.tokens) <= reply.new_tokens
        ids = checkpoint.token_ids(prompt)
        with torch.inference_mode():
            for logprob in reply.logprobs[:3]:
                step = checkpoint._load_model()(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
                assert logprob == pytest.approx(float(step.max()), abs=1e-3)
                ids = [*ids, int(step.argmax())]


def test_a_base_reply_ends_where_the_next_turn_begins(embedded: dict[Role, Checkpoint]) -> None:
    replies = _in_order(embedded["base"], [solving(question) for question in QUESTIONS], 48)
    assert all("\nUser:" not in reply.text for reply in replies)


def test_the_limit_is_told_from_an_end(embedded: dict[Role, Checkpoint]) -> None:
    (reply,) = _in_order(embedded["instruct"], [solving(QUESTIONS[1])], 3)
    assert reply.finish == "length"
    slot = eliciting(QUESTIONS[0], "5", strategies()["direct_hint"], 0, 25, "slot")
    (reply,) = _in_order(embedded["instruct"], [slot], 16)
    assert (reply.text, reply.finish) == (" 25%.", "stop")


def _tiny(directory: Path, role: Role = "instruct", **settings: Any) -> InProcessCheckpoint:
    spec = CheckpointSpec("tiny", role, "tiny", "--checkpoint")
    return InProcessCheckpoint(spec, Source(directory, "tiny"), EngineSettings(device="cpu", **settings))


def test_the_checkpoint_s_own_sampling_settings_do_not_leak_in(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path, chat_template=CHATML)
    conversations = _conversations()
    plain = _in_order(_tiny(tmp_path), conversations, 8)
    GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=50.0, top_k=3, min_new_tokens=7
    ).save_pretrained(tmp_path)
    assert _in_order(_tiny(tmp_path), conversations, 8) == plain


def test_a_tokenizer_without_a_pad_token_pads_with_its_end_token(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path, chat_template=CHATML, pad_token=None)
    assert len(_in_order(_tiny(tmp_path), _conversations(), 4)) == 3


def test_weights_that_are_lacking_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tiny_checkpoint(tmp_path, chat_template=CHATML)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 weights .*model\.norm\.weight"):
        _in_order(_tiny(tmp_path), _conversations(), 4)


def _t5(at: Path) -> None:
    _configure(at, model_type="t5")


def _wider(at: Path) -> None:
    _configure(at, hidden_size=32)


def _configure(at: Path, **settings: object) -> None:
    file = at / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_t5, r"its weights cannot be loaded as a causal language model \(.*T5Config"),
        (_wider, r"has 12 weights of another shape than its config\.json says \(lm_head\.weight"),
        (
            lambda at: (at / "model.safetensors").rename(at / "model-1.safetensors"),
            r"its weights cannot be loaded as a causal language model \(.*model\.safetensors",
        ),
    ],
    ids=["encoder-decoder", "hidden-size", "shard-without-index"],
)
def test_what_only_loading_shows_is_one_line(
    tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    tiny_checkpoint(tmp_path, chat_template=CHATML)
    damage(tmp_path)
    checkpoint = _tiny(tmp_path)
    with pytest.raises(InputError, match=rf"^--checkpoint tiny: {words}"):
        _in_order(checkpoint, _conversations(), 4)


def _go_on(at: Path, text: str) -> None:
    """Make the weights of a checkpoint say `text` after a colon, whatever stands before: each token says the next."""
    from safetensors.torch import load_file, save_file

    weights = load_file(at / "model.safetensors")
    spoken = AutoTokenizer.from_pretrained(at)(":" + text, add_special_tokens=False)["input_ids"]
    for name, weight in weights.items():
        if not name.endswith("norm.weight"):
            weight.zero_()
    for place, (token, following) in enumerate(itertools.pairwise(spoken)):
        weights["model.embed_tokens.weight"][token, place] = 1
        weights["lm_head.weight"][following, place] = 1
    save_file(weights, at / "model.safetensors", metadata={"format": "pt"})


def test_an_empty_reply_has_no_tokens(tmp_path: Path) -> None:
    _go_on(tiny_checkpoint(tmp_path), "\nUser:")
    prompts = [solving(question) for question in QUESTIONS]
    assert _in_order(_tiny(tmp_path, "base"), prompts, 20, logprobs=True) == [Reply("", "stop")] * len(
        prompts
    )


@pytest.mark.parametrize(("dtype", "expected"), [(None, "float32"), ("bfloat16", "bfloat16")])
def test_dtype_on_cpu(tmp_path: Path, dtype: str | None, expected: str) -> None:
    tiny_checkpoint(tmp_path, chat_template=CHATML)
    assert _tiny(tmp_path, dtype=dtype).dtype == expected
