"""heat_map: a table of strategies by metrics, in which each cell has its verdict if a behavior judged it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reports.data import profile
from reports.data.profile import Profile
from reports.data.verdicts import AS_FAR, Result, Shown, falls_short, of_cell, worst
from reports.wording.tables import (
    EXPECTATION,
    METRICS,
    Judged,
    as_judged,
    bound_of,
    in_order,
    interval,
    number,
    stated_of,
)

FORMS: dict[Judged, str] = {"within_rho": ".2f", "bias_low": "+.1f", "slope": ".2f", "exact": ".0%"}
"""How an estimate is written."""


class Cell(NamedTuple):
    """One estimate. `outcome` is None where no behavior judged it; `bounds` are those of the behaviors that did."""

    value: str
    interval: str
    outcome: Shown | None
    bounds: str


class Row(NamedTuple):
    strategy: str
    cells: list[Cell]
    stated_rate: str
    n_problems: int
    n_trials: int
    ambiguous: int
    missing: int
    early: str
    """Says that verdicts were reached before the last problem; empty where none was."""


def heat_map(profile: Profile, name: str) -> list[Row]:
    """One row a strategy of a checkpoint, in the order of strategies.toml."""
    return [
        _row(strategy, cell, of_cell(profile["verdicts"], name, strategy))
        for strategy, cell in in_order(profile["checkpoints"][name]["strategies"])
    ]


def _row(strategy: str, cell: profile.Cell, results: Sequence[Result]) -> Row:
    return Row(
        strategy,
        [_cell(cell, name, results) for name in FORMS],
        stated_of(cell),
        cell["n_problems"],
        cell["n_trials"],
        cell["ambiguous"],
        cell["missing"],
        _early(results),
    )


def _early(results: Sequence[Result]) -> str:
    if any(map(falls_short, results)):
        return AS_FAR
    return "settled early" if any(r["stopped_early"] for r in results) else ""


def _cell(cell: profile.Cell, name: Judged, results: Sequence[Result]) -> Cell:
    found, form = as_judged(cell, name, results), FORMS[name]
    judged = [r for r in results if r["metric"] == METRICS[name] and r["behavior"] != EXPECTATION]
    fewer = found.n_problems < cell["n_problems"]
    return Cell(
        number(found.estimate["value"], form),
        f"{interval(found.estimate, form)}{f' at {found.n_problems} problems' if fewer else ''}",
        worst(r["verdict"] for r in judged),
        ", ".join(bound_of(r) for r in judged),
    )
