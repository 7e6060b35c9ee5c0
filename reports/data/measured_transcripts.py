"""measured_transcripts: turns what was measured into transcripts, and writes them as JSONL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fixtures.measuring.measured import Measured, Transcript
from fixtures.protocol.trials import Answer, Trial
from fixtures.questions.conversation import AGAIN
from fixtures.questions.strategies import strategies
from reports.data.transcripts import ANSWERS, TRIALS, Again, Answered, Exchange, Expected


def exchanges(measured: Measured, strategy: str) -> list[Exchange]:
    return [_exchange(measured, transcript) for transcript in measured.transcripts(strategy)]


def _exchange(measured: Measured, transcript: Transcript) -> Exchange:
    trial, reading = transcript.trial, transcript.reading
    answer, strategy = measured.answers[trial.problem], strategies()[trial.strategy]
    assert isinstance(answer, Answer), "a run that has a trial's reply has the answer that it is about"
    asked = answer.elicited(strategy, trial.wording, trial.hint, measured.settings.readout, trial.sample)
    said = {message.role: message.content for message in asked.messages if not message.calls}
    return Exchange(
        checkpoint=measured.name,
        strategy=trial.strategy,
        problem=trial.problem + 1,
        wording=trial.wording + 1,
        hint=trial.hint,
        target=transcript.target,
        status=reading.status,
        stated=reading.value,
        system=said.get("system"),
        question=asked.opening,
        answer=said["assistant"],
        ask=said["user"],
        reply=trial.first.text,
        span=reading.span,
        finish=trial.first.finish,
        thought=trial.first.thought,
        again=_again(trial),
        read_again=transcript.spoken is trial.again,
        sample=trial.sample + 1,
        expected=Expected(**asdict(trial.expected)) if trial.expected else None,
        tool=said.get("tool"),
    )


def _again(trial: Trial) -> Again | None:
    if trial.again is None:
        return None
    said = trial.again
    return Again(AGAIN[trial.wording % len(AGAIN)], said.text, said.finish, said.thought)


def save(directory: Path, measured: Iterable[Measured]) -> None:
    """Write every answer and every trial. A trial's question and answer stand with its problem's answer."""
    with (
        (directory / ANSWERS).open("w", encoding="utf-8") as answers,
        (directory / TRIALS).open("w", encoding="utf-8") as trials,
    ):
        for one in measured:
            answers.writelines(_line(vars(answer)) for answer in _answers(one))
            for strategy in one.strategies:
                trials.writelines(_line(_trial(exchange)) for exchange in exchanges(one, strategy))


def _answers(measured: Measured) -> Iterator[Answered]:
    """The answers that a trial was about."""
    asked = {t.problem: t for strategy in measured.strategies for t in measured.transcripts(strategy)}
    for problem, answer in enumerate(measured.answers):
        if problem in asked and isinstance(answer, Answer):
            exchange = _exchange(measured, asked[problem])
            yield Answered(
                measured.name,
                exchange.problem,
                exchange.question,
                exchange.answer,
                answer.correct,
                answer.internal,
                answer.finish,
                answer.thought,
            )


def _trial(exchange: Exchange) -> dict[str, Any]:
    """`asdict` of the whole would copy each text."""
    nested = {key: vars(value) for key in ("again", "expected") if (value := getattr(exchange, key))}
    own = {key: value for key, value in vars(exchange).items() if key not in ("question", "answer")}
    return own | nested


def _line(row: dict[str, Any]) -> str:
    """In ASCII, so that no text of a model can break the file."""
    return json.dumps(row) + "\n"
