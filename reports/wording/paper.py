"""paper: sets what arXiv 2601.08842 reports for Llama-3.2-3B beside what this run measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reports.data.profile import Checkpoint, Estimate
from reports.wording.tables import interval, number

TABLE_2 = {
    ("base", "direct_hint"): (1.000, -0.1),
    ("base", "cot_reasoning"): (0.998, -0.0),
    ("base", "contrast_frame"): (0.022, 62.0),
    ("instruct", "direct_hint"): (0.926, 0.0),
    ("instruct", "contrast_frame"): (0.954, 0.0),
    ("instruct", "cot_reasoning"): (0.528, 16.8),
    ("instruct", "natural_query"): (0.036, 40.0),
}
"""(role, strategy) -> (rho, low bias in points) (§4.3, Table 2)."""
POOLED = {"instruct": (0.448, 13.9, 14.2)}
"""Role -> rho and low bias of all samples pooled, and the mean low bias over strategies (Table 2)."""
INTERNAL = {"base": (0.035, 3.5)}
"""Role -> Pearson r and confidence delta in points (§4.1, Table 1)."""
ECE = {"base": 0.65, "instruct": 0.28}
"""§4.5, Figure 3."""


class Row(NamedTuple):
    source: str
    quantity: str
    paper: str
    measured: str
    interval: str


def rows(checkpoint: Checkpoint) -> list[Row]:
    """Every number that the paper reports for this checkpoint's role, and ours."""
    return [*_table_2(checkpoint), *_pooled(checkpoint), *_table_1(checkpoint), *_calibration(checkpoint)]


def _table_2(checkpoint: Checkpoint) -> Iterator[Row]:
    for (role, strategy), (rho, bias) in TABLE_2.items():
        cell = checkpoint["strategies"].get(strategy)
        if role == checkpoint["role"] and cell:
            yield _row("Table 2", f"{strategy}: rho", rho, cell["rho"], "+.3f", "+.2f")
            yield _row("Table 2", f"{strategy}: low bias, points", bias, cell["bias_low"], "+.1f")


def _pooled(checkpoint: Checkpoint) -> Iterator[Row]:
    ours = checkpoint["pooled"]
    if ours and checkpoint["role"] in POOLED:
        rho, bias, mean = POOLED[checkpoint["role"]]
        yield _row("Table 2", "all samples pooled: rho", rho, ours["rho"], "+.3f", "+.2f")
        yield _row("Table 2", "all samples pooled: low bias, points", bias, ours["bias_low"], "+.1f")
        yield _row("Table 2", "mean over strategies: low bias, points", mean, ours["strategy_mean"], "+.1f")


def _table_1(checkpoint: Checkpoint) -> Iterator[Row]:
    internal = checkpoint["internal"]
    if internal and checkpoint["role"] in INTERNAL:
        pearson, delta = INTERNAL[checkpoint["role"]]
        ours = internal["intervals"]
        yield _row("Table 1", "internal confidence: Pearson r", pearson, ours["pearson_r"], "+.3f", "+.2f")
        yield _row("Table 1", "internal confidence: delta, points", delta, ours["delta"], "+.1f")


def _calibration(checkpoint: Checkpoint) -> Iterator[Row]:
    calibration = checkpoint["calibration"]
    if calibration:
        ours = calibration["ece"]
        yield _row("§4.5", "expected calibration error", ECE[checkpoint["role"]], ours, ".2f")


def _row(
    source: str, quantity: str, paper: float, ours: Estimate, form: str, own_form: str | None = None
) -> Row:
    shown = own_form or form
    value = number(ours["value"], shown)
    return Row(source, quantity, format(paper, form), value, "" if value == "-" else interval(ours, shown))
