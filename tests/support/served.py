"""Served checkpoints and what they are asked in their tests, beside the script that speaks for the server."""

from __future__ import annotations

from typing import Any

from fixtures.checkpoints.interface import Checkpoint, CheckpointSpec, EngineSettings, Reply, Thinking
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.served.checkpoint import ServedCheckpoint
from fixtures.questions.conversation import Conversation, Readout, Role, eliciting
from fixtures.questions.strategies import strategies
from tests.support.scripted import ScriptedCheckpoint, question

HINTS = (10.0, 25.0, 60.0)


def opened(
    spec: str, role: Role = "instruct", thinking: Thinking = "default", **settings: Any
) -> ServedCheckpoint:
    option = "--base" if role == "base" else "--checkpoint"
    named = CheckpointSpec("tuned", role, spec, option, thinking)
    checkpoint = open_checkpoint(named, EngineSettings(**settings))
    assert isinstance(checkpoint, ServedCheckpoint)
    return checkpoint


def conversations(problems: int, readout: Readout = "free") -> list[Conversation]:
    """Six a problem."""
    known = strategies()
    return [
        eliciting(question(i), "The answer is 7.", known[name], i % 3, hint, readout)
        for i in range(problems)
        for name in ("direct_hint", "natural_query")
        for hint in HINTS
    ]


def replies(checkpoint: Checkpoint, asked: list[Conversation], *, logprobs: bool = False) -> list[Reply]:
    """In order; each exactly once."""
    made = [one for one in checkpoint.generate(asked, 64, logprobs=logprobs) if one]
    assert sorted(at for at, _ in made) == list(range(len(asked)))
    return [reply for _, reply in sorted(made, key=lambda pair: pair[0])]


def scripted(asked: list[Conversation], script: str = "obedient") -> list[Reply]:
    """What the script itself says."""
    return replies(ScriptedCheckpoint(CheckpointSpec("tuned", "instruct", "", ""), script), asked)
