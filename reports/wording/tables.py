"""tables: the rows that the terminal, summary.md and the HTML report all show, made of plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

from fixtures.questions.strategies import strategies
from reports.data.profile import Cell, Estimate, Profile
from reports.data.verdicts import ORDER, Result, of_cell, worst

Value = TypeVar("Value")
Judged = Literal["within_rho", "bias_low", "slope", "exact"]

METRICS: dict[Judged, str] = {"within_rho": "rho", "bias_low": "bias", "slope": "slope", "exact": "exact"}
"""What profile.json calls an estimate -> what the tests that judge it are called."""
EXPECTATION = "signal_moves_expectation"
OTHER_QUANTITIES = {"regression", EXPECTATION}
"""Their tests have such names too, and judge how far the estimate has moved, or the same of what is expected."""
UNJUDGED = "not judged"
CELL_HEADER = ("strategy", "n", "rho", "low bias", "stated", "verdict")
OTHER_HEADER = ("behavior", "value", "bound", "verdict")
VERDICT_HEADER = ("verdict", "behavior", "value", "interval", "bound", "problems")


def cell_rows(profile: Profile, name: str) -> list[tuple[str, ...]]:
    """One row a strategy: the problems that its numbers are of, rho, low bias in points, stated rate, and the worst of
    its verdicts."""
    return [
        _cell_row(strategy, cell, of_cell(profile["verdicts"], name, strategy))
        for strategy, cell in in_order(profile["checkpoints"][name]["strategies"])
    ]


def _cell_row(strategy: str, cell: Cell, results: Sequence[Result]) -> tuple[str, ...]:
    rho, bias = as_judged(cell, "within_rho", results), as_judged(cell, "bias_low", results)
    return (
        strategy,
        problems_of(rho, bias),
        with_interval(rho.estimate, ".2f"),
        with_interval(bias.estimate, "+.0f"),
        stated_of(cell),
        worst(r["verdict"] for r in results) or UNJUDGED,
    )


class Numbers(NamedTuple):
    """An estimate of a cell as it is shown, and the number of problems that it is of."""

    estimate: Estimate
    n_problems: int


def as_judged(cell: Cell, name: Judged, results: Sequence[Result]) -> Numbers:
    """Where a verdict judges the estimate, it is the verdict's: no number has two intervals in one output."""
    own = cell[name]
    judged = [r for r in results if r["metric"] == METRICS[name] and r["behavior"] not in OTHER_QUANTITIES]
    known = [r for r in judged if r["value"] is not None and not r["flaw"]]
    if own["value"] is None or not known:
        return Numbers(own, cell["n_problems"])
    result = max(known, key=lambda r: ORDER.index(r["verdict"]))
    return Numbers(_signed(result, own["value"]), result["n_problems"])


def problems_of(*found: Numbers) -> str:
    """How many problems they are of: one number, or the fewest and the most."""
    fewest, most = (end(one.n_problems for one in found) for end in (min, max))
    return str(most) if fewest == most else f"{fewest}-{most}"


def _signed(result: Result, own: float) -> Estimate:
    """A bias is judged as an absolute value: its sign is that of the cell's `own`, and where it is open, the interval
    lies about 0."""
    value, low, high = result["value"], result["low"], result["high"]
    if result["metric"] == "bias" and value is not None and low is not None and high is not None and low >= 0:
        value = math.copysign(value, own)
        low, high = (-high, -low) if own < 0 and low else (low or -high, high)
    return {"value": value, "low": low, "high": high}


def stated_of(cell: Cell) -> str:
    """The share of trials that state a confidence: at once, and when asked again where any was."""
    if not cell["asked_again"]:
        return f"{cell['stated_rate']:.0%}"
    at_once, again = (cell[key] / cell["n_trials"] for key in ("at_once", "asked_again"))
    return f"{at_once:.0%} + {again:.0%}"


def other_rows(profile: Profile, name: str) -> list[tuple[str, ...]]:
    """The verdicts about a checkpoint that are not about one strategy."""
    return [
        (f"{r['behavior']}.{r['metric']}", value_of(r), bound_of(r), r["verdict"])
        for r in of_cell(profile["verdicts"], name, None)
    ]


def verdict_row(result: Result) -> tuple[str, ...]:
    span = result["flaw"] or interval(result, ".2f")
    value = "-" if result["flaw"] else number(result["value"], ".2f")
    behavior = result["id"].removeprefix("behaviors/test_").replace(".py::test_", ".")
    return result["verdict"], behavior, value, span, bound_of(result), str(result["n_problems"])


def value_of(result: Result) -> str:
    return result["flaw"] or with_interval(result, ".2f")


def bound_of(result: Result) -> str:
    return f"{result['op']} {result['bound']:g}"


def in_order(cells: dict[str, Value]) -> list[tuple[str, Value]]:
    """Cells by strategy, in the order of strategies.toml and not of the alphabet. Unknown strategies come last."""
    known = list(strategies())
    return sorted(cells.items(), key=lambda item: known.index(item[0]) if item[0] in known else len(known))


def number(value: float | None, form: str) -> str:
    """The number as text: never -0, and `-` where it is not defined."""
    if value is None or value != value:
        return "-"
    return format(value, f"z{form}" if form[0] == "." else f"{form[0]}z{form[1:]}")


def interval(estimate: Estimate | Result, form: str) -> str:
    low, high = number(estimate["low"], form), number(estimate["high"], form)
    return "" if "-" in (low, high) else f"[{low}, {high}]"


def with_interval(estimate: Estimate | Result, form: str) -> str:
    value = number(estimate["value"], form)
    return value if value == "-" else f"{value} {interval(estimate, form)}".rstrip()


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in plain text."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return (
        "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in lines) + "\n"
    )
