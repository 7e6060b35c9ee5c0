"""page: writes the report as HTML, from plain data. Every text goes through an autoescaping template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.data.profile import Profile
from reports.data.run import Run
from reports.data.transcripts import Exchange
from reports.data.verdicts import ORDER, Shown, counts, of_cell, of_checkpoint, worst
from reports.wording import paper, tables
from reports.wording.evidence import Chosen, shown, wordings_disagree
from reports.wording.heat_map import heat_map
from reports.wording.printable import printable, quoted
from reports.wording.remarks import remarks
from reports.wording.sentence import sentence

SYMBOLS = {"informative": "i", "held": "✓", "undecided": "?", "refuted": "✗"}
TESTS = Markup('<h2 id="tests">Every test</h2>')
"""Stands between `report` and pytest-html's table of tests."""
TEMPLATES = Path(__file__).with_name("templates")


class ShownCell(NamedTuple):
    """The transcripts that the page shows of a cell; `outcome` is the worst of its verdicts, None where it has none."""

    anchor: str
    checkpoint: str
    strategy: str
    outcome: Shown | None
    n_trials: int
    chosen: Sequence[Chosen]


def report(profile: Profile, run: Run, exchanges: Iterable[Exchange]) -> str:
    """The report without its table of tests: verdicts, figures, the paper, transcripts, provenance."""
    from reports.views import figures, layers  # matplotlib, which only a run that comes to its end needs

    names, cells = list(profile["checkpoints"]), _cells(profile, exchanges)
    return _render(
        "report.html.j2",
        profile=profile,
        run=run,
        counts=counts(profile["verdicts"]),
        sentences=[(_outcome(profile, name), sentence(profile, name)) for name in names],
        heat={name: heat_map(profile, name) for name in names},
        remarks={name: remarks(checkpoint) for name, checkpoint in profile["checkpoints"].items()},
        others={name: tables.other_rows(profile, name) for name in names},
        key=figures.key(names),
        doses=list(figures.dose_response(profile)),
        layers=list(layers.by_layer(profile)),
        paper={name: paper.rows(profile["checkpoints"][name]) for name in names},
        reliability=list(figures.reliability(profile)),
        internal=list(figures.internal(profile)),
        wordings=list(figures.wordings(profile)),
        disagreements=list(_disagreements(profile)),
        hints=[f"{hint:g}" for hint in profile["hints"]],
        cells=cells,
    )


def document(profile: Profile, body: str) -> str:
    """A whole page around `report`. A table of verdicts stands where pytest-html has its table of tests."""
    rows = [tables.verdict_row(result) for result in profile["verdicts"]]
    return _render("document.html.j2", body=Markup(body), header=tables.VERDICT_HEADER, rows=rows)


def cell_link(checkpoint: str, strategy: str) -> str:
    """A link from a test to the transcripts of the cell that it judges."""
    where = anchor(checkpoint, strategy)
    return _render("link.html.j2", checkpoint=checkpoint, strategy=strategy, anchor=where)


def table_cell(text: str) -> str:
    return str(Markup("<td>{}</td>").format(text))


def anchor(checkpoint: str, strategy: str) -> str:
    return f"cell-{checkpoint}-{strategy}"


def _disagreements(profile: Profile) -> Iterator[str]:
    for name, checkpoint in profile["checkpoints"].items():
        for strategy, cell in tables.in_order(checkpoint["strategies"]):
            if line := wordings_disagree(cell["wordings_p"], cell["by_wording"], profile["alpha"]):
                yield f"{name}, {strategy}: {line}"


def _outcome(profile: Profile, name: str) -> Shown | None:
    return worst(r["verdict"] for r in of_checkpoint(profile["verdicts"], name))


def _cells(profile: Profile, exchanges: Iterable[Exchange]) -> list[ShownCell]:
    return [
        ShownCell(
            anchor(checkpoint, strategy),
            checkpoint,
            strategy,
            worst(r["verdict"] for r in of_cell(profile["verdicts"], checkpoint, strategy)),
            profile["checkpoints"][checkpoint]["strategies"][strategy]["n_trials"],
            shown(list(group)),
        )
        for (checkpoint, strategy), group in groupby(exchanges, key=lambda e: (e.checkpoint, e.strategy))
    ]


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        printable=printable, quoted=quoted, share=lambda rate: tables.number(rate, ".0%")
    )
    environment.globals.update(symbols=SYMBOLS, outcomes=ORDER)
    return environment
