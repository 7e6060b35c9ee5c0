"""tables: the rows that the terminal, summary.md and the HTML report show alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fixtures.estimate import Estimate
from fixtures.measurement import Measured

PAPER_TABLE_2 = {
    ("base", "direct_hint"): (1.000, -0.1),
    ("base", "cot_reasoning"): (0.998, -0.0),
    ("base", "contrast_frame"): (0.022, 62.0),
    ("instruct", "direct_hint"): (0.926, 0.0),
    ("instruct", "contrast_frame"): (0.954, 0.0),
    ("instruct", "cot_reasoning"): (0.528, 16.8),
    ("instruct", "natural_query"): (0.036, 40.0),
}
"""(role, strategy) -> (rho, low bias in points) of Llama-3.2-3B (§4.3, Table 2)."""

CELL_HEADER = ("strategy", "rho", "low bias, points", "stated", "paper: rho, bias")
VERDICT_HEADER = ("verdict", "behavior", "value", "interval", "bound")


def cell_rows(measured: Measured) -> list[tuple[str, ...]]:
    """One row a strategy: rho and low bias with their intervals, stated rate, the paper's numbers."""
    rows: list[tuple[str, ...]] = []
    for strategy in measured.strategies:
        cell = measured[strategy]
        paper = PAPER_TABLE_2.get((measured.role, strategy))
        rows.append(
            (
                strategy,
                interval(cell.rho, ".2f"),
                interval(cell.bias_low, "+.1f"),
                f"{cell.stated_rate:.0%}",
                f"{paper[0]:.3f}, {paper[1]:+.1f}" if paper else "",
            )
        )
    return rows


def verdict_row(verdict: dict[str, Any]) -> tuple[str, ...]:
    behavior = verdict["id"].removeprefix("behaviors/test_").replace(".py::test_", ".")
    value = "-" if math.isnan(verdict["value"]) else f"{verdict['value']:.2f}"
    span = f"[{verdict['low']:.2f}, {verdict['high']:.2f}]"
    if verdict["flaw"]:
        value, span = "-", verdict["flaw"]
    return verdict["verdict"], behavior, value, span, f"{verdict['op']} {verdict['bound']:g}"


def interval(estimate: Estimate, form: str) -> str:
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


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
