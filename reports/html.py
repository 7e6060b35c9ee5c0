"""html: the pieces that Heedful adds to pytest-html's page. Every text goes through an autoescaping template."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fixtures.conversation import eliciting
from fixtures.measurement import Measured, Measurement, Transcript
from fixtures.strategies import strategies
from reports import tables
from reports.text import printable


def summary(measurement: Measurement, verdicts: Sequence[dict[str, Any]]) -> str:
    """Provenance and the cells of every checkpoint, above the test table."""
    return _render(
        "summary.html.j2",
        checkpoints=[(measured, tables.cell_rows(measured)) for measured in measurement.done.values()],
        header=tables.CELL_HEADER,
        problems=measurement.problem_set,
        counts={
            outcome: sum(v["verdict"] == outcome for v in verdicts)
            for outcome in ("held", "refuted", "undecided")
        },
    )


def conversation(measured: Measured, transcript: Transcript) -> dict[str, Any]:
    """A trial as plain data: its turns, and the reply around the span that its number was read from."""
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
    start, end = reading.span or (len(trial.text), len(trial.text))
    return {
        "title": f"{trial.strategy}, problem {trial.problem + 1}, wording {trial.wording + 1}",
        "hint": None if trial.hint is None else f"{trial.hint:g}%",
        "stated": reading.status if reading.value is None else f"{reading.value:g}%",
        "turns": [(message.role, printable(message.content)) for message in asked.messages],
        "reply": [printable(part) for part in (trial.text[:start], trial.text[start:end], trial.text[end:])],
    }


def transcripts(conversations: Sequence[dict[str, Any]]) -> str:
    return _render("transcripts.html.j2", conversations=conversations)


def table_cell(text: str) -> str:
    return str(Markup("<td>{}</td>").format(text))


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
