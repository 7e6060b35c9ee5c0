"""run: what run.json holds, as types: what a reader needs to repeat a run."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from fixtures.questions.conversation import Readout, Role
from reports.data.profile import Problems


class Asked(TypedDict):
    """A checkpoint, and how it was asked."""

    spec: str
    role: Role
    fingerprint: str
    dtype: str
    engine: str
    readout: Readout
    max_answer_tokens: int
    max_reply_tokens: int


class Counts(TypedDict):
    answers: int
    trials: int


class Command(TypedDict):
    """A command, to be given in a checkout of `revision` (None outside a git checkout)."""

    command: str
    revision: str | None
    versions: dict[str, str]


class Plan(Command):
    """What is known of a run before it is judged. `prompts` is a digest of all words that checkpoints are asked with.

    Fewer trials than `planned_trials` are taken where behaviors are settled early.
    """

    platform: str
    problems: Problems
    prompts: str
    hints: list[float]
    seed: int
    alpha: float
    store: str
    planned_trials: int
    taken: Counts
    checkpoints: dict[str, Asked]


class Run(Plan):
    """A run that has ended. `judged_again` is the command that judged it from its store, where one did."""

    started: str
    wall_seconds: float
    made: Counts
    reused: Counts
    replies_per_second: float
    tokens_per_second: NotRequired[float | None]
    judged_again: NotRequired[Command]
