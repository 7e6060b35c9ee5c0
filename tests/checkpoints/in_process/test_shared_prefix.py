"""The shared-prefix engine: token for token what plain batched `generate` says, in less work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from fixtures.checkpoints.in_process import shared_prefix
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.kv_cache import FIRST, TokenStore
from fixtures.checkpoints.in_process.prefix_tree import Node
from fixtures.checkpoints.in_process.shared_prefix import SharedPrefix, Sizes, _Run
from fixtures.checkpoints.interface import Checkpoint, CheckpointSpec, EngineSettings
from fixtures.checkpoints.source.directory import Source
from fixtures.questions.conversation import Conversation, Readout, Role, eliciting, solving
from fixtures.questions.strategies import strategies
from tests.support.tiny import CHATML, tiny_checkpoint

QUESTIONS = (
    "Ada has 2 pens and buys 3 more. How many pens does she have?",
    "A tray holds 6 eggs. A cook uses 4 trays and then 5 more eggs. How many eggs does the cook use altogether?",
    "Bo reads 7 pages a day. How many pages does he read in a week?",
)
READOUTS: tuple[Readout, ...] = ("slot", "free")
ROLES: tuple[Role, ...] = ("base", "instruct")
ONE_A_FORM = ("direct_hint", "structured_report", "natural_query", "recall_signal", "no_signal")
"""A strategy for each place of the signal, each slot, and each branch of the prefixes that are shared."""


def asked(
    readout: Readout,
    hints: Sequence[float],
    questions: Sequence[str] = QUESTIONS,
    names: Sequence[str] | None = None,
) -> list[Conversation]:
    """What the protocol asks at once: strategies (all of them) at every hint about a block of problems, but of tools,
    which the tiny chat template does not know."""
    return [
        eliciting(question, f"The answer is {5 + i}.", strategy, strategy.wording(i), hint, readout)
        for strategy in map(strategies().__getitem__, names or strategies())
        for i, question in enumerate(questions)
        for hint in (strategy.hints(tuple(hints)) if strategy.has_signal else (None,))
        if strategy.placement != "tool"
    ]


def tiny(directory: Path, role: Role = "instruct", **settings: Any) -> InProcessCheckpoint:
    spec = CheckpointSpec("tiny", role, "tiny", "--checkpoint")
    return InProcessCheckpoint(spec, Source(directory, "tiny"), EngineSettings(device="cpu", **settings))


def with_model(directory: Path, model: Any) -> Path:
    """A tiny checkpoint with another model behind its tokenizer."""
    tiny_checkpoint(directory, chat_template=CHATML)
    model.save_pretrained(directory)
    return directory


def small(**changes: Any) -> dict[str, Any]:
    """A configuration with the tiny tokenizer's vocabulary."""
    return {
        "vocab_size": 261,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
        **changes,
    }


@pytest.fixture
def llama(tmp_path: Path) -> InProcessCheckpoint:
    return tiny(tiny_checkpoint(tmp_path, chat_template=CHATML))


@pytest.fixture
def sliding(tmp_path: Path) -> InProcessCheckpoint:
    """A Gemma 3 whose window is far shorter than the prompts."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    layers = ["sliding_attention", "full_attention"]
    return tiny(
        with_model(
            tmp_path, Gemma3ForCausalLM(Gemma3TextConfig(**small(sliding_window=24, layer_types=layers)))
        )
    )


@pytest.fixture
def convolving(tmp_path: Path) -> InProcessCheckpoint:
    """An LFM2, half of whose layers keep no key and value a token."""
    from transformers import Lfm2Config, Lfm2ForCausalLM

    torch.manual_seed(0)
    return tiny(
        with_model(tmp_path, Lfm2ForCausalLM(Lfm2Config(**small(layer_types=["conv", "full_attention"]))))
    )


def assert_equal(checkpoint: InProcessCheckpoint, conversations: list[Conversation], tokens: int) -> None:
    """Both paths give every reply once, and the same; log-probabilities agree to their last digits."""
    plain = dict(checkpoint.generate_plainly(conversations, tokens, logprobs=True))
    shared = list(checkpoint.generate(conversations, tokens, logprobs=True))
    assert sorted(at for at, _ in shared) == list(range(len(conversations)))
    for at, reply in shared:
        assert (reply.text, reply.finish, reply.tokens) == (
            plain[at].text,
            plain[at].finish,
            plain[at].tokens,
        )
        assert reply.logprobs == pytest.approx(plain[at].logprobs, abs=1e-3)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("model", ["llama", "sliding"])
def test_equal_on_tiny_models(model: str, readout: Readout, request: pytest.FixtureRequest) -> None:
    assert_equal(request.getfixturevalue(model), asked(readout, (10, 60)), 12)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("role", ROLES)
def test_equal_on_the_embedded_checkpoints(
    embedded: dict[Role, Checkpoint], role: Role, readout: Readout
) -> None:
    checkpoint = embedded[role]
    assert isinstance(checkpoint, InProcessCheckpoint)
    conversations = asked(readout, (10, 60), QUESTIONS[:1], ONE_A_FORM)
    assert_equal(checkpoint, conversations, 8 if readout == "slot" else 12)
    assert not checkpoint.notes


@pytest.mark.parametrize("role", ROLES)
def test_answers_are_equal(embedded: dict[Role, Checkpoint], role: Role) -> None:
    checkpoint = embedded[role]
    assert isinstance(checkpoint, InProcessCheckpoint)
    assert_equal(checkpoint, [solving(question) for question in QUESTIONS], 12)


@pytest.mark.parametrize("model", ["llama", "sliding"])
@pytest.mark.parametrize(("tokens", "rows"), [(1, 1), (64, 3), (10**6, 10**6)])
def test_sizes_change_nothing(
    model: str, tokens: int, rows: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are admitted as others end; the replies end at different steps, and some are asked for twice."""
    checkpoint = request.getfixturevalue(model)
    monkeypatch.setattr(checkpoint, "_batch_tokens", tokens)
    monkeypatch.setattr(_Run, "_room", lambda _: rows)
    conversations = asked("free", (10,), QUESTIONS[:2])
    assert_equal(checkpoint, [*conversations, *map(solving, QUESTIONS), *conversations[:3]], 9)


def test_what_is_shared_is_read_once(llama: InProcessCheckpoint) -> None:
    conversations = asked("slot", (10, 25, 40, 60, 95))
    read: list[int] = []
    llama._load_model().base_model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    made = dict(llama.generate(conversations, 1))
    assert len(made) == len(conversations)
    assert 3 * sum(read) < 2 * sum(len(llama.token_ids(conversation)) for conversation in conversations)


def test_nothing_is_kept_of_what_has_ended(
    llama: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert llama._numbers, "which probes have stores of their own for"
    stores: list[TokenStore] = []
    make = TokenStore.__init__

    def remembered(store: TokenStore, *rest: Any) -> None:
        make(store, *rest)
        stores.append(store)

    monkeypatch.setattr(TokenStore, "__init__", remembered)
    list(llama.generate(asked("slot", (10, 60)), 4))
    (store,) = stores
    assert store._size > FIRST, "the store has grown"
    assert sorted(store._free) == list(range(1, store._size))


@pytest.mark.parametrize("place", ["_prefill", "_step"])
def test_halves_when_memory_runs_out(
    llama: InProcessCheckpoint, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations = asked("free", (10, 60))
    expected = [reply.text for _, reply in sorted(llama.generate_plainly(conversations, 6))]
    work, largest = getattr(_Run, place), []

    def scarce(run: _Run, *nodes: Any) -> Any:
        run.at_once = len(nodes[0]) if nodes else len(run._rows)
        if run.at_once > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        largest.append(run.at_once)
        return work(run, *nodes)

    monkeypatch.setattr(_Run, place, scarce)
    made = list(llama.generate(conversations, 6))
    assert [reply.text for _, reply in sorted(made)] == expected
    assert max(largest) > 1


def test_halves_when_one_stretch_does_not_fit_beside_the_rows(
    llama: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stretches are read one by one, and there is memory for three sequences."""
    conversations = asked("free", (10, 60))
    expected = [reply.text for _, reply in sorted(llama.generate_plainly(conversations, 6))]
    prefill, held = _Run._prefill, []

    def scarce(run: _Run, nodes: list[Node]) -> None:
        assert len(nodes) == 1
        held.append(len(run._rows) + len(run._waiting) + 1)
        prefill(run, nodes)
        if held[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_Run, "_prefill", scarce)
    drafts = llama._drafts(conversations, 6)
    engine = SharedPrefix(llama._load_model(), Sizes(tokens=1, memory=1 << 30))
    assert sorted(engine.complete(drafts, logprobs=False)) == list(range(len(drafts)))
    assert [draft.reply().text for draft in drafts] == expected
    assert max(held) == 4


@pytest.mark.parametrize("one_prompt", [True, False])
def test_out_of_memory_that_no_halving_mends_is_not_hidden(
    llama: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch, one_prompt: bool
) -> None:
    """Replies to one prompt cost nothing to begin, so that all of them wait even where memory holds one row."""

    def none_left(run: _Run) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_Run, "_step", none_left)
    conversations = asked("free", (10,))
    with pytest.raises(torch.OutOfMemoryError):
        list(llama.generate(conversations[:1] * 3 if one_prompt else conversations, 6))


def test_other_errors_are_not_taken_for_memory(
    llama: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama._load_model()

    def broken(run: _Run) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(_Run, "_step", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        list(llama.generate(asked("free", (10,)), 6))


def test_a_model_that_cannot_share_goes_the_plain_way_and_says_so_once(
    convolving: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_prefix._Run, "complete", None)
    conversations = asked("slot", (10,), QUESTIONS[:1])
    plain = dict(convolving.generate_plainly(conversations, 4))
    assert dict(convolving.generate(conversations, 4)) == plain
    convolving.close()
    assert dict(convolving.generate(conversations, 4)) == plain
    assert convolving.notes == ["plain batches, which are slower: it has layers of the kind conv"]


def test_replies_come_as_they_are_made(llama: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Run, "_room", lambda _: 4)
    passes: list[int] = []
    llama._load_model().register_forward_pre_hook(lambda *_: passes.append(1))
    replies = llama.generate(asked("free", (10, 60)), 6)
    next(replies)
    first = len(passes)
    list(replies)
    assert 0 < 5 * first < len(passes)


def test_the_same_work_gives_the_same_bytes(llama: InProcessCheckpoint) -> None:
    """Log-probabilities too, to their last digit: a profile is the same after an interruption."""
    conversations = [solving(question) for question in QUESTIONS]
    first, again = (dict(llama.generate(conversations, 12, logprobs=True)) for _ in range(2))
    assert first == again


def test_no_conversations_no_replies(llama: InProcessCheckpoint) -> None:
    assert list(llama.generate([], 6)) == []
