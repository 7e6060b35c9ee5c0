"""Which numbers a begun turn may go on with: as brute force finds them, however a vocabulary writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fixtures.checkpoints.in_process import checkpoint as engine
from fixtures.checkpoints.in_process import probe
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.number_reader import read_alone
from fixtures.checkpoints.in_process.number_tokens import NumberTokens
from fixtures.checkpoints.in_process.number_tree import NumberTree
from fixtures.checkpoints.in_process.number_tree import Path as Branch
from fixtures.protocol.expected import expected
from tests.checkpoints.in_process.test_shared_prefix import QUESTIONS, asked, small, tiny, with_model
from tests.support.tiny import CHATML, tiny_checkpoint

SPACE = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"
"""How a byte-level vocabulary writes a space."""
PAIRS = [(a, b) for a in "0123456789" for b in "0123456789"]
VOCABULARIES: dict[str, list[tuple[str, str]]] = {
    "a token a digit": [],
    "a token a number": [*PAIRS, *((f"{a}{b}", c) for a, b in PAIRS for c in "0123456789")],
    "with the space": [(SPACE, digit) for digit in "0123456789"],
}
"""As in Qwen 2 and SmolLM2; in Llama 3, with groups of up to three digits; and in GPT-2."""


class BruteForce:
    """Each number by all its spellings, each token by a plain forward pass of the whole text."""

    def __init__(self, checkpoint: InProcessCheckpoint, prompt: list[int]) -> None:
        self._model, self._prompt = checkpoint._load_model(), prompt
        tokenizer = checkpoint._tokenizer
        self.texts = [
            tokenizer.decode([0, token])[len(tokenizer.decode([0])) :] for token in range(len(tokenizer))
        ]
        self.behind = cache(self._behind)

    def _behind(self, path: tuple[int, ...]) -> torch.Tensor:
        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([[*self._prompt, *path]])).logits
        own: torch.Tensor = logits[0, -1].double().softmax(dim=-1)
        return own

    def spellings(self, text: str) -> Iterator[tuple[int, ...]]:
        if not text:
            yield ()
        for token, own in enumerate(self.texts):
            if own and text.startswith(own):
                yield from ((token, *rest) for rest in self.spellings(text[len(own) :]))

    def share(self, path: tuple[int, ...], pattern: str) -> float:
        """The probability of the tokens that begin like the pattern."""
        own = self.behind(path)
        return sum(float(own[t]) for t, text in enumerate(self.texts) if re.match(pattern, text))

    def probability(self, number: int) -> float:
        found = 0.0
        for path in (*self.spellings(f"{number}"), *self.spellings(f" {number}")):
            written = np.prod([float(self.behind(path[:at])[token]) for at, token in enumerate(path)])
            goes_on = self.share(path, "0$") if number == 10 else 0.0
            if number < 10:
                goes_on = self.share(path, r"[-0-9/\u2013\u2014]|[.,][0-9]|[.,]\Z")
            found += float(written) * (1 - goes_on)
        return found


def sharpened(checkpoint: InProcessCheckpoint, times: float) -> InProcessCheckpoint:
    """Random weights hold everything for about as likely."""
    with torch.no_grad():
        checkpoint._load_model().lm_head.weight.mul_(times)
    return checkpoint


def assert_as_brute_force(checkpoint: InProcessCheckpoint) -> None:
    conversations = asked("slot", (25,), QUESTIONS[:1])[:3]
    for at, reply in checkpoint.generate(conversations, 3):
        brute = BruteForce(checkpoint, checkpoint.token_ids(conversations[at]))
        known = [brute.probability(number) for number in range(101)]
        found, true = expected(reply.numbers, 25), expected(known, 25)
        assert found is not None
        assert true is not None
        assert found.mean == pytest.approx(true.mean, abs=1e-4)
        assert found.spread == pytest.approx(true.spread, abs=1e-4)
        assert found.mass == pytest.approx(true.mass, abs=1e-6)
        assert found.on_hint == pytest.approx(true.on_hint, abs=1e-6)
        assert list(reply.numbers) == pytest.approx(known, abs=1e-6)
    assert not checkpoint.notes


@pytest.mark.parametrize("times", [1, 60])
@pytest.mark.parametrize("kind", VOCABULARIES)
def test_they_are_as_probable_as_brute_force_finds(tmp_path: Path, kind: str, times: float) -> None:
    directory = tiny_checkpoint(tmp_path, chat_template=CHATML, merges=VOCABULARIES[kind])
    assert_as_brute_force(sharpened(tiny(directory), times))


def test_what_a_layer_no_longer_sees_is_not_read(tmp_path: Path) -> None:
    """A Gemma 3 whose window is far shorter than the prompts."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    kinds = ["sliding_attention", "full_attention"]
    model = Gemma3ForCausalLM(Gemma3TextConfig(**small(sliding_window=24, layer_types=kinds)))
    assert_as_brute_force(tiny(with_model(tmp_path, model)))


@pytest.mark.parametrize("rows", [1, 3, 10**6])
def test_what_is_asked_at_once_changes_nothing(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are read as others end; some are asked for twice, and others write no number."""
    from fixtures.checkpoints.in_process.shared_prefix import _Run

    checkpoint = sharpened(tiny(tiny_checkpoint(tmp_path, chat_template=CHATML)), 60)
    conversations = asked("slot", (10, 60), QUESTIONS[:2])
    mixed = [*conversations[:20], *asked("free", (10,), QUESTIONS[:1]), *conversations[:3]]
    tokens = checkpoint._numbers
    assert tokens is not None
    monkeypatch.setattr(_Run, "_room", lambda _: rows)
    plain = dict(checkpoint.generate_plainly(mixed, 6))
    for at, reply in checkpoint.generate(mixed, 6):
        assert reply == plain[at]
        if mixed[at].begun:
            alone = read_alone(checkpoint._load_model(), tokens, checkpoint.token_ids(mixed[at]))
            assert list(reply.numbers) == pytest.approx(alone.tolist(), abs=1e-6)
        else:
            assert reply.numbers == ()


def test_a_model_that_cannot_share_has_none(tmp_path: Path) -> None:
    from transformers import Lfm2Config, Lfm2ForCausalLM

    torch.manual_seed(0)
    model = Lfm2ForCausalLM(Lfm2Config(**small(layer_types=["conv", "full_attention"])))
    checkpoint = tiny(with_model(tmp_path, model))
    assert not checkpoint.reads_numbers
    assert [
        reply.numbers for _, reply in checkpoint.generate(asked("slot", (10,), QUESTIONS[:1])[:2], 2)
    ] == [()] * 2


def test_a_model_that_reads_branches_otherwise_has_none_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one would that counts columns, and not positions."""
    true = read_alone
    monkeypatch.setattr(probe, "read_alone", lambda *given: true(*given)[::-1].copy())
    checkpoint = tiny(tiny_checkpoint(tmp_path, chat_template=CHATML))
    conversations = asked("slot", (10,), QUESTIONS[:1])[:2]
    assert [reply.numbers for _, reply in checkpoint.generate(conversations, 2)] == [()] * 2
    assert checkpoint.notes == [engine.NO_NUMBERS]


Says = Callable[[str], dict[str, float]]


def grown(tmp_path: Path, says: Says) -> Any:
    """The masses of a model that says what `says` gives behind a text: the probabilities of the next tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint(tmp_path))
    tokens = NumberTokens.of(tokenizer)
    assert tokens is not None
    tree = NumberTree(tokens, 0)

    def text(path: Branch) -> str:
        return "".join(tokenizer.decode([0, token])[3:] for token in path.tokens[1:])

    while paths := tree.grow():
        for path in paths:
            likely = says(text(path))
            own = [likely.get(tokenizer.decode([0, token])[3:], 0.0) for token in tokens.ids]
            tree.take(path, np.array(own))
    return {number: round(mass, 9) for number, mass in enumerate(tree.masses) if mass > 1e-9}


def test_only_whole_numbers_up_to_100_count(tmp_path: Path) -> None:
    behind: dict[str, dict[str, float]] = {
        "": {" ": 0.8, "7": 0.1},
        "7": {"/": 0.6, "%": 0.4},
        " ": {"2": 0.5, "0": 0.25, "1": 0.25},
        " 2": {"5": 0.25, ".": 0.5, "-": 0.15, "%": 0.1},
        " 0": {",": 0.5, "5": 0.5},
        " 1": {"0": 1.0},
        " 10": {"0": 0.5, "1": 0.25, ".": 0.25},
    }
    assert grown(tmp_path, lambda text: behind.get(text, {})) == {
        2: pytest.approx(0.4 * 0.1),
        7: pytest.approx(0.1 * 0.4),
        10: pytest.approx(0.2 * 0.5),
        25: pytest.approx(0.4 * 0.25),
        100: pytest.approx(0.2 * 0.5),
    }


def test_what_can_hardly_matter_is_not_read(tmp_path: Path) -> None:
    read: list[str] = []

    def says(text: str) -> dict[str, float]:
        read.append(text)
        sure = {"": {" ": 1.0}, " ": {"9": 1 - 1e-8, "1": 1e-8}, " 9": {"0": 1.0}}
        return sure.get(text, {"%": 1.0})

    assert grown(tmp_path, says) == {1: 1e-8, 90: pytest.approx(1)}
    assert read == ["", " ", " 9"]
