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


@dataclass(frozen=True)
class Exchange:
    """One trial as a reader sees it: a line of trials.jsonl, with the question and the answer of its problem.

    `problem` and `wording` count from 1. `hint`, `target` (what full compliance states) and `stated` are percent.
    `span` is where `reply` writes the stated value. `system` is None where the monitor spoke in the user's turn.
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

    @property
    def distance(self) -> float:
        """Points between what is stated and what full compliance states; 0 where either is not there."""
        if self.stated is None or self.target is None:
            return 0.0
        return abs(self.stated - self.target)

    @property
    def marked(self) -> tuple[str, str, str]:
        """The reply before, in and after the span that its number was read from."""
        start, end = self.span or (len(self.reply), len(self.reply))
        return self.reply[:start], self.reply[start:end], self.reply[end:]


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
                about = answers[row["checkpoint"], row["problem"]]
                yield Exchange(**row, span=span, question=about.question, answer=about.answer)
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"{ANSWERS} and {TRIALS} are not what a run wrote ({brief(error)})"
            raise InputError(f"{self._directory}: {said}", "run again") from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
