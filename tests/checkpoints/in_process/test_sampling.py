"""Sampled replies: drawn from the distribution that is asked for, the same in any batch and order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from numpy.typing import NDArray
from transformers import GenerationConfig

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.sampling import Distribution, Sampler, distribution_of, seed_of
from fixtures.checkpoints.in_process.shared_prefix import _Run
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings, Reply
from fixtures.checkpoints.source.directory import Source
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, eliciting, solving
from fixtures.questions.strategies import strategies
from tests.support.tiny import tiny_checkpoint

DRAWS = 20_000
LOGITS = torch.tensor([0.3, 2.0, -1.0, 1.2, 0.9, -4.0, 1.9, 0.0])
PLAIN = Distribution(1.0, 1.0, 0)


def reference(logits: torch.Tensor, distribution: Distribution) -> NDArray[np.float64]:
    """The probability of each token, by numpy."""
    scaled = logits.numpy().astype(np.float64) / distribution.temperature
    probability = np.exp(scaled - scaled.max())
    order = np.argsort(-scaled)
    if distribution.top_k:
        probability[order[distribution.top_k :]] = 0
    probability /= probability.sum()
    before = np.cumsum(probability[order]) - probability[order]
    probability[order[before >= distribution.top_p]] = 0
    whole: NDArray[np.float64] = probability / probability.sum()
    return whole


@pytest.mark.parametrize(
    ("distribution", "kept"),
    [
        (PLAIN, 8),
        (Distribution(0.5, 1.0, 0), 8),
        (Distribution(2.0, 1.0, 0), 8),
        (Distribution(1.0, 1.0, 3), 3),
        (Distribution(1.0, 0.7, 0), 3),
        (Distribution(0.6, 0.95, 5), 4),
        (Distribution(1.0, 1.0, 1), 1),
        (Distribution(1.0, 1e-9, 0), 1),
        (Distribution(1.0, 1.0, 100), 8),
    ],
    ids=str,
)
def test_tokens_are_drawn_from_the_distribution(distribution: Distribution, kept: int) -> None:
    """Half of the draws are of other seeds, half at other places."""
    expected = reference(LOGITS, distribution)
    assert (expected > 0).sum() == kept
    drawn = [Sampler(distribution, seed).choose(LOGITS, 3) for seed in range(DRAWS // 2)]
    drawn += [Sampler(distribution, 7).choose(LOGITS, place) for place in range(DRAWS // 2)]
    counts = np.bincount(drawn, minlength=len(LOGITS))
    assert not counts[expected == 0].any()
    possible = expected > 0
    # the seeds are fixed: this holds or fails for good
    expected_counts = DRAWS * expected[possible]
    assert kept == 1 or scipy.stats.chisquare(counts[possible], expected_counts).pvalue > 1e-3


def test_the_reference_is_that_of_transformers() -> None:
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    for ours in (Distribution(0.6, 0.95, 5), Distribution(1.5, 0.5, 0), Distribution(1.0, 0.99, 7)):
        scores = LOGITS[None].double()
        scores = TemperatureLogitsWarper(ours.temperature)(None, scores)
        scores = TopKLogitsWarper(ours.top_k)(None, scores) if ours.top_k else scores
        scores = TopPLogitsWarper(ours.top_p)(None, scores)
        assert torch.softmax(scores, -1)[0].tolist() == pytest.approx(reference(LOGITS, ours).tolist())


def test_a_token_depends_on_seed_and_place() -> None:
    def drawn(seed: int, places: Sequence[int]) -> list[int]:
        return [Sampler(PLAIN, seed).choose(torch.zeros(1000), place) for place in places]

    assert drawn(1, range(20)) == drawn(1, range(20))
    assert drawn(1, range(19, -1, -1)) == drawn(1, range(20))[::-1]
    assert drawn(1, range(20)) != drawn(2, range(20))
    assert len(set(drawn(1, range(20)))) > 15


def test_seeds_are_of_what_is_asked() -> None:
    assert seed_of("a", 0) == seed_of("a", 0)
    assert len({seed_of(prompt, sample) for prompt in ("a", "b", "1\na") for sample in (0, 1)}) == 6
    assert 0 <= seed_of("\ud800", 3) < 2**64


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (1.0, 1.0, 50)),
        ({"temperature": 0.6, "top_p": 0.95, "top_k": 20}, (0.6, 0.95, 20)),
        ({"temperature": 0.7, "top_k": 0}, (0.7, 1.0, 0)),
        ({"top_k": None, "top_p": None, "temperature": None}, (1.0, 1.0, 0)),
    ],
)
def test_the_distribution_of_a_generation_config(
    settings: dict[str, Any], expected: tuple[float, float, int]
) -> None:
    said = GenerationConfig(do_sample=True, **{"top_k": 50, **settings})
    assert distribution_of(said) == Distribution(*expected)


class Said:
    """A generation_config that transformers would not read."""

    def __init__(self, **settings: Any) -> None:
        self.do_sample, self.temperature, self.top_p, self.top_k = True, 1.0, 1.0, 0
        vars(self).update(settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"do_sample": False}, "does not sample (do_sample); leave --sampling out, or correct the file"),
        ({"do_sample": None}, "does not sample (do_sample); leave --sampling out, or correct the file"),
        ({"temperature": 0.0}, "has temperature 0, top_p 1 and top_k 0; correct the file"),
        ({"temperature": float("nan")}, "has temperature nan, top_p 1 and top_k 0; correct the file"),
        ({"top_p": 1.5}, "has temperature 1, top_p 1.5 and top_k 0; correct the file"),
        ({"top_k": -1}, "has temperature 1, top_p 1 and top_k -1; correct the file"),
    ],
)
def test_what_cannot_be_sampled_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        distribution_of(Said(**settings))
    assert str(refused.value) == f"its generation_config.json {words}"


def sampling(directory: Path, **settings: Any) -> InProcessCheckpoint:
    """A tiny checkpoint of random weights that samples."""
    tiny_checkpoint(directory)
    values = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 40, "eos_token_id": [1, 4]}
    (directory / "generation_config.json").write_text(json.dumps(values))
    spec = CheckpointSpec("tiny", "instruct", "tiny", "--checkpoint")
    own = EngineSettings(device="cpu", sampling="checkpoint", **settings)
    return InProcessCheckpoint(spec, Source(directory, "tiny"), own)


def asked(samples: int = 2) -> list[Conversation]:
    known = strategies()
    return [
        eliciting(question, "The answer is 5.", known[name], i, hint, "free", sample=sample)
        for i, question in enumerate(("What is 2 plus 3?", "A tray holds 6 eggs, and 5 more. How many?"))
        for name in ("natural_query", "direct_hint")
        for hint in (10, 60)
        for sample in range(samples)
    ]


def replied(checkpoint: InProcessCheckpoint, conversations: list[Conversation]) -> list[Reply]:
    return [reply for _, reply in sorted(checkpoint.generate(conversations, 24), key=lambda pair: pair[0])]


def test_the_same_reply_in_any_batch_and_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = sampling(tmp_path)
    conversations = asked()
    together = replied(checkpoint, conversations)
    plainly = dict(checkpoint.generate_plainly(conversations, 24))
    assert together == [plainly[at] for at in range(len(conversations))]
    assert together == replied(checkpoint, conversations[::-1])[::-1]
    assert together == [reply for one in conversations for reply in replied(checkpoint, [one])]
    monkeypatch.setattr(_Run, "_room", lambda _: 3)
    assert together == replied(checkpoint, conversations)


def test_each_sample_is_another_draw(tmp_path: Path) -> None:
    checkpoint = sampling(tmp_path)
    texts = [reply.text for reply in replied(checkpoint, asked(3))]
    assert len(set(texts)) == len(texts)
    greedy = EngineSettings(device="cpu")
    plain = InProcessCheckpoint(CheckpointSpec("tiny", "instruct", "", ""), Source(tmp_path, "tiny"), greedy)
    same = [reply.text for reply in replied(plain, asked(2))]
    assert same[::2] == same[1::2], "and greedy replies are all the same"


def test_confidence_is_that_of_the_likeliest_token(tmp_path: Path) -> None:
    """With both engines, whatever was drawn."""
    checkpoint = sampling(tmp_path)
    conversations = [solving("What is 2 plus 3?"), solving("What is 4 plus 3?")]
    shared = dict(checkpoint.generate(conversations, 12, logprobs=True))
    plain = dict(checkpoint.generate_plainly(conversations, 12, logprobs=True))
    for at, reply in shared.items():
        assert reply.logprobs == pytest.approx(plain[at].logprobs, abs=1e-3)
        assert max(reply.logprobs) < -0.5


def test_decoding_says_how_it_samples(tmp_path: Path) -> None:
    decoding = sampling(tmp_path).decoding
    assert {name: decoding[name] for name in ("sampling", "temperature", "top_p", "top_k")} == {
        "sampling": "checkpoint",
        "temperature": 0.8,
        "top_p": 0.95,
        "top_k": 40,
    }


def test_a_checkpoint_that_does_not_sample_is_refused(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path)
    spec = CheckpointSpec("tiny", "instruct", "tiny", "--checkpoint")
    with pytest.raises(InputError, match=r"its generation_config.json does not sample"):
        InProcessCheckpoint(
            spec, Source(tmp_path, "tiny"), EngineSettings(device="cpu", sampling="checkpoint")
        )
