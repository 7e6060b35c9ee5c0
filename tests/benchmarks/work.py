"""The work that the benchmark measures: what the protocol asks about word problems, on one embedded checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.options.table import TABLE
from fixtures.options.values import DEMO
from fixtures.questions.conversation import Conversation, Role, eliciting, solving
from fixtures.questions.strategies import Strategy, strategies

HINTS = (10.0, 25.0, 40.0, 60.0, 95.0)
TOKENS = {"slot": 8, "free": 64, "answers": int(str(TABLE["--max-answer-tokens"].default))}
"""New tokens a reply: the command line's defaults."""

Stage = Literal["slot", "free", "answers"]


def without_tools() -> list[Strategy]:
    """The strategies that every chat template can say."""
    return [strategy for strategy in strategies().values() if strategy.placement != "tool"]


@dataclass(frozen=True)
class Work:
    """`stage`: trials in one readout, or the answers. `solved` has questions and the checkpoint's answers."""

    stage: Stage
    role: Role
    solved: tuple[tuple[str, str], ...]

    def conversations(self) -> list[Conversation]:
        if self.stage == "answers":
            return [solving(question) for question, _ in self.solved]
        return [
            eliciting(question, answer.strip(), strategy, strategy.wording(i), hint, self.stage)
            for strategy in without_tools()
            for i, (question, answer) in enumerate(self.solved)
            for hint in (strategy.hints(HINTS) if strategy.has_signal else (None,))
        ]

    @property
    def tokens(self) -> int:
        return TOKENS[self.stage]

    def first(self, n: int) -> Work:
        """The same with fewer problems."""
        return replace(self, solved=self.solved[:n])

    def answered(self, texts: list[str]) -> Work:
        return replace(self, solved=tuple((q, text) for (q, _), text in zip(self.solved, texts, strict=True)))

    def as_json(self) -> dict[str, Any]:
        """What `Work(**...)` takes, after a round trip."""
        return asdict(self)

    def checkpoint(self) -> InProcessCheckpoint:
        """In fp32 on the CPU, its weights loaded."""
        (spec,) = (spec for spec in DEMO if spec.role == self.role)
        checkpoint = open_checkpoint(spec, EngineSettings(device="cpu"))
        assert isinstance(checkpoint, InProcessCheckpoint)
        checkpoint._load_model()
        return checkpoint
