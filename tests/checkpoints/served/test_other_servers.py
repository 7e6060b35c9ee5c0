"""Any other server, vLLM or llama.cpp say, that serves the embedded SmolLM2 in fp32 at HEEDFUL_SERVED (a URL, # and the
model's name): it is asked rightly if it says what the same weights say in process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fixtures.checkpoints.interface import Checkpoint, CheckpointSpec, EngineSettings, Reply
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.served import checkpoint as served
from fixtures.questions.conversation import Conversation, Readout, Role, solving
from tests.support.scripted import question
from tests.support.served import conversations, opened

SPEC = os.environ.get("HEEDFUL_SERVED", "")
pytestmark = pytest.mark.skipif(not SPEC, reason="HEEDFUL_SERVED names no server")
NEW_TOKENS = 16


@pytest.fixture(scope="module", params=["base", "instruct"])
def here(request: pytest.FixtureRequest) -> Iterator[Checkpoint]:
    checkpoint = open_checkpoint(
        CheckpointSpec("smol", request.param, "embedded:smollm2-135m-instruct", "--checkpoint"),
        EngineSettings(device="cpu"),
    )
    yield checkpoint
    checkpoint.close()


def said(checkpoint: Checkpoint, asked: list[Conversation], **how: bool) -> list[Reply]:
    return [
        reply
        for _, reply in sorted(
            filter(None, checkpoint.generate(asked, NEW_TOKENS, **how)), key=lambda made: made[0]
        )
    ]


def test_it_says_the_same(here: Checkpoint) -> None:
    readouts: dict[Role, Readout] = {"base": "slot", "instruct": "free"}
    asked = conversations(2, readouts[here.role])
    assert said(opened(SPEC, here.role), asked) == said(here, asked)


def test_its_log_probabilities_are_the_same(here: Checkpoint) -> None:
    there = opened(SPEC, here.role)
    if served.NO_LOGPROBS in there.notes:
        pytest.skip(served.NO_LOGPROBS)
    asked = [solving(question(problem)) for problem in range(2)]
    for mine, theirs in zip(said(here, asked, logprobs=True), said(there, asked, logprobs=True), strict=True):
        assert theirs.tokens == mine.tokens
        assert theirs.logprobs == pytest.approx(mine.logprobs, abs=5e-3)


def test_it_goes_on_with_a_turn_that_is_begun(here: Checkpoint) -> None:
    if here.role == "base":
        pytest.skip("a base checkpoint has no turns")
    there = opened(SPEC, slot=True)
    assert served.SLOT in there.notes
    asked = conversations(2, "slot")
    assert said(there, asked) == said(here, asked)
