"""tables: the rows that the terminal, summary.md and the HTML report all show, made of plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from fixtures.questions.strategies import strategies
from reports.data.profile import Cell, Estimate, Profile
from reports.data.verdicts import Result, of_cell, worst

Value = TypeVar("Value")

UNJUDGED = "not judged"
CELL_HEADER = ("strategy", "n", "rho", "low bias", "stated", "verdict")
OTHER_HEADER = ("behavior", "value", "bound", "verdict")
VERDICT_HEADER = ("verdict", "behavior", "value", "interval", "bound", "problems")


def cell_rows(profile: Profile, name: str) -> list[tuple[str, ...]]:
    """One row a strategy: problems, rho, low bias in points, stated rate, and the worst of its verdicts."""
    return [
        _cell_row(strategy, cell, of_cell(profile["verdicts"], name, strategy))
        for strategy, cell in in_order(profile["checkpoints"][name]["strategies"])
    ]


def _cell_row(strategy: str, cell: Cell, results: Sequence[Result]) -> tuple[str, ...]:
    return (
        strategy,
        str(cell["n_problems"]),
        " ".join(measured(cell, "within_rho", judging(results, "rho"), ".2f")).rstrip(),
        " ".join(measured(cell, "bias_low", judging(results, "bias"), "+.0f")).rstrip(),
        stated_of(cell),
        worst(r["verdict"] for r in results) or UNJUDGED,
    )


def judging(results: Sequence[Result], metric: str) -> list[Result]:
    """The verdicts on a metric of the cell itself; `regression` judges how far it has moved."""
    return [r for r in results if r["metric"] == metric and r["behavior"] != "regression"]


def measured(
    cell: Cell, name: Literal["within_rho", "bias_low", "slope", "exact"], judged: Sequence[Result], form: str
) -> tuple[str, str]:
    """Value and interval of an estimate. Where a verdict judges the same trials, the interval is the verdict's."""
    estimate = cell[name]
    if estimate["value"] is None:
        return "-", ""
    same = [r for r in judged if r["n_problems"] == cell["n_problems"] and not r["flaw"]]
    shown = _signed(same[0], estimate["value"]) if same else estimate
    return number(estimate["value"], form), interval(shown, form)


def _signed(result: Result, value: float) -> Estimate:
    """A bias is judged as an absolute value: where its sign is open, the interval lies about 0."""
    low, high = result["low"], result["high"]
    if result["metric"] == "bias" and low is not None and high is not None and low >= 0:
        low, high = (-high, -low) if value < 0 and low else (low or -high, high)
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
