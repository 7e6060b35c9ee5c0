"""transcripts: trials as conversations, and the JSONL files that keep them beside the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.errors import InputError, brief

ANSWERS, TRIALS = "answers.jsonl", "trials.jsonl"


@dataclass(frozen=True)
class Answered:
    """A checkpoint's answer to one problem, as a line of answers.jsonl. `internal` is its confidence in 0..1.

    `correct` is None where nobody knows: the answer was cut off, or there is none.
    """

    checkpoint: str
    problem: int
    question: str
    answer: str
    correct: bool | None
    internal: float | None
    finish: str
    thought: str


@dataclass(frozen=True)
class Again:
    """The second reply of a trial: what was asked, what was thought and said, and how the reply ended."""

    ask: str
    reply: str
    finish: str
    thought: str


@dataclass(frozen=True)
class Expected:
    """Which number would have been written, in percent: mean and spread over 0..100. `mass` is the probability of any,
    and `on_hint` the hint's share of it, or None."""

    mean: float
    spread: float
    mass: float
    on_hint: float | None


@dataclass(frozen=True)
class Exchange:
    """One trial as a reader sees it: a line of trials.jsonl, with the question and the answer of its problem.

    `problem` and `wording` count from 1. `hint`, `target` (what full compliance states) and `stated` are percent.
    `span` is where the reply writes the stated value: the second one where `read_again`. `system` is None where the
    monitor spoke in the user's turn. `sample` counts the draws of a trial from 1.
    `tool` is what the monitor said as a tool, behind the answer, or None.
    """

    checkpoint: str
    strategy: str
    problem: int
    wording: int
    hint: float | None
    target: float | None
    status: str
    stated: float | None
    system: str | None
    question: str
    answer: str
    ask: str
    reply: str
    span: tuple[int, int] | None
    finish: str = "stop"
    thought: str = ""
    again: Again | None = None
    read_again: bool = False
    sample: int = 1
    expected: Expected | None = None
    tool: str | None = None

    @property
    def turns(self) -> list[tuple[str, str]]:
        """All that is said, as (speaker, text)."""
        system = [] if self.system is None else [("system", self.system)]
        again = [("user", self.again.ask), ("checkpoint", self.again.reply)] if self.again else []
        tool = [] if self.tool is None else [("tool", self.tool)]
        own = [("user", self.question), ("checkpoint", self.answer), *tool, ("user", self.ask)]
        return [*system, *own, ("checkpoint", self.reply), *again]

    @property
    def distance(self) -> float:
        """Points between what is stated and what full compliance states; 0 where either is not there."""
        if self.stated is None or self.target is None:
            return 0.0
        return abs(self.stated - self.target)

    @property
    def marked(self) -> tuple[str, str, str]:
        """The reply that was read, before, in and after the span of its number."""
        read = self.again.reply if self.again and self.read_again else self.reply
        start, end = self.span or (len(read), len(read))
        return read[:start], read[start:end], read[end:]


class Saved:
    """The trials in a run's --output. Each iteration reads them anew, so that memory holds no more than one cell."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __iter__(self) -> Iterator[Exchange]:
        """Raises InputError for files that are missing, or that no run has written."""
        try:
            answered = [Answered(**row) for row in _rows(self._directory / ANSWERS)]
            answers = {(one.checkpoint, one.problem): one for one in answered}
            for row in _rows(self._directory / TRIALS):
                span = tuple(row.pop("span") or ()) or None
                again = row.pop("again")
                about = answers[row["checkpoint"], row["problem"]]
                inside = row.pop("expected", None)
                yield Exchange(
                    **row,
                    span=span,
                    again=Again(**again) if again else None,
                    expected=Expected(**inside) if inside else None,
                    question=about.question,
                    answer=about.answer,
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"{ANSWERS} and {TRIALS} are not what a run wrote ({brief(error)})"
            raise InputError(f"{self._directory}: {said}", "run again") from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
