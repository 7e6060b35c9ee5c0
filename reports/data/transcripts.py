"""transcripts: trials as conversations, in plain data: what is quoted, shown, and kept beside the report as JSONL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fixtures.errors import InputError, brief
from fixtures.measuring.measured import Measured, Transcript
from fixtures.questions.conversation import eliciting
from fixtures.questions.strategies import strategies

ANSWERS, TRIALS = "answers.jsonl", "trials.jsonl"


@dataclass(frozen=True)
class Exchange:
    """One trial as a reader sees it.

    `problem` and `wording` count from 1. `hint`, `target` (what full compliance states) and `stated` are percent;
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


def exchanges(measured: Measured, strategy: str) -> list[Exchange]:
    return [_exchange(measured, transcript) for transcript in measured.transcripts(strategy)]


def _exchange(measured: Measured, transcript: Transcript) -> Exchange:
    trial, reading = transcript.trial, transcript.reading
    answer = measured.answers[trial.problem]
    asked = eliciting(
        answer.problem.question,
        answer.text.strip(),
        strategies()[trial.strategy],
        trial.wording,
        trial.hint,
        measured.settings.readout,
    )
    *system, question, answered, ask = [message.content for message in asked.messages]
    return Exchange(
        checkpoint=measured.name,
        strategy=trial.strategy,
        problem=trial.problem + 1,
        wording=trial.wording + 1,
        hint=trial.hint,
        target=transcript.target,
        status=reading.status,
        stated=reading.value,
        system=system[0] if system else None,
        question=question,
        answer=answered,
        ask=ask,
        reply=transcript.spoken.text,
        span=reading.span,
    )


def save(directory: Path, measured: Iterable[Measured]) -> None:
    """Write every answer and every trial. A trial's question and answer are those of its problem's answer."""
    with (
        (directory / ANSWERS).open("w", encoding="utf-8") as answers,
        (directory / TRIALS).open("w", encoding="utf-8") as trials,
    ):
        for one in measured:
            answers.writelines(_line(answer) for answer in _answers(one))
            for strategy in one.strategies:
                trials.writelines(_line(_trial(exchange)) for exchange in exchanges(one, strategy))


class Saved:
    """What `save` wrote, cell by cell. Read anew by each iteration, so that no more is held than is looked at."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __iter__(self) -> Iterator[Exchange]:
        """Raises InputError for files that are missing, or that `save` did not write."""
        try:
            answers = {(row["checkpoint"], row["problem"]): row for row in _rows(self._directory / ANSWERS)}
            for row in _rows(self._directory / TRIALS):
                answer = answers[row["checkpoint"], row["problem"]]
                yield _joined(row, answer["question"], answer["answer"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"{ANSWERS} and {TRIALS} are not what a run wrote ({brief(error)})"
            raise InputError(f"{self._directory}: {said}", "run again") from error


def _answers(measured: Measured) -> Iterator[dict[str, Any]]:
    asked = {t.trial.problem: t for strategy in measured.strategies for t in measured.transcripts(strategy)}
    for at, answer in enumerate(measured.answers):
        if at in asked:
            exchange = _exchange(measured, asked[at])
            yield {
                "checkpoint": measured.name,
                "problem": at + 1,
                "question": exchange.question,
                "answer": exchange.answer,
                "correct": answer.correct,
                "internal": answer.internal,
            }


def _trial(exchange: Exchange) -> dict[str, Any]:
    return {key: value for key, value in asdict(exchange).items() if key not in ("question", "answer")}


def _joined(trial: dict[str, Any], question: str, answer: str) -> Exchange:
    span = tuple(trial["span"]) if trial["span"] else None
    return Exchange(**{**trial, "span": span, "question": question, "answer": answer})


def _line(row: dict[str, Any]) -> str:
    """In ASCII, so that no text of a model can break the file."""
    return json.dumps(row) + "\n"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
