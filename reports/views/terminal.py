"""terminal: prints the cells and verdicts of every checkpoint at the end of a run, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.data.profile import Profile
from reports.wording import tables
from reports.wording.printable import printable
from reports.wording.remarks import remarks
from reports.wording.sentence import sentence
from reports.wording.tables import number

if TYPE_CHECKING:
    import pytest

WIDTH, COLUMN = 80, 30
COLOURS = {"held": "green", "undecided": "yellow", "refuted": "red"}


def write(reporter: pytest.TerminalReporter, profile: Profile) -> None:
    for name, checkpoint in profile["checkpoints"].items():
        solved = f"{checkpoint['n_problems']} problems, {number(checkpoint['accuracy'], '.0%')} solved"
        reporter.section(f"{name} ({checkpoint['role']}): {solved}", sep="-")
        _table(reporter, tables.CELL_HEADER, tables.cell_rows(profile, name))
        if others := tables.other_rows(profile, name):
            reporter.line("")
            _table(reporter, tables.OTHER_HEADER, others)
        for remark in remarks(checkpoint):
            paragraph(reporter, remark)
        for note in checkpoint["notes"]:
            reporter.line(f"note: {printable(note)}")
    reporter.section("verdict", sep="-")
    for name in profile["checkpoints"]:
        paragraph(reporter, sentence(profile, name))
    if not profile["complete"]:
        paragraph(reporter, "Not every behavior was judged: the run was stopped, or a checkpoint failed.")


def paragraph(reporter: pytest.TerminalReporter, text: str) -> None:
    for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False):
        reporter.line(line)


def _table(reporter: pytest.TerminalReporter, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Each line in the colour of its verdict, which stands in its last column."""
    first, *lines = tables.aligned(header, [[_short(text) for text in row] for row in rows])
    reporter.line(first)
    for line, row in zip(lines, rows, strict=True):
        colour = COLOURS.get(row[-1])
        reporter.line(line, **({colour: True} if colour else {}))


def _short(text: str) -> str:
    """The beginning of a text that a table has no room for: the failure shows all of it."""
    return text if len(text) <= COLUMN else f"{text[: COLUMN - 3]}..."
