"""verdicts: one behavior's verdict as plain data, as it goes into profile.json, junit.xml and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from fixtures.plugin.hooks import LOOK
from fixtures.plugin.selection import subject
from fixtures.stats.verdict import Verdict

Result = dict[str, Any]

ORDER = ("held", "undecided", "refuted")
"""From best to worst."""
AS_FAR = "judged as far as the store goes"
NUMBERS = ("value", "low", "high", "op", "bound", "unit", "flaw")


def result(item: pytest.Item, verdict: Verdict) -> Result:
    """`strategy` is None where a behavior judges several; `metric` is what its test is called."""
    asked = subject(item)
    numbers = asdict(verdict)
    return {
        "id": item.nodeid,
        "behavior": item.path.stem.removeprefix("test_"),
        "metric": getattr(item, "originalname", item.name).removeprefix("test_"),
        "checkpoint": asked.judged,
        "strategy": asked.strategy,
        "verdict": verdict.outcome,
        **{name: numbers[name] for name in NUMBERS},
        "n_problems": verdict.n,
        "stopped_early": not item.stash[LOOK].last,
    }


def falls_short(result: Result) -> bool:
    """Whether it is open only since the run that is judged again had asked no more: a run with a checkpoint goes on."""
    return bool(result["stopped_early"]) and result["verdict"] == "undecided"


def worst(outcomes: Iterable[str]) -> str | None:
    """The worst of several outcomes; None of none."""
    return max(outcomes, key=ORDER.index, default=None)


def counts(results: Sequence[Result]) -> dict[str, int]:
    return {outcome: sum(r["verdict"] == outcome for r in results) for outcome in ORDER}


def of_cell(results: Sequence[Result], checkpoint: str, strategy: str) -> list[Result]:
    return [r for r in results if (r["checkpoint"], r["strategy"]) == (checkpoint, strategy)]


def over_cells(results: Sequence[Result], checkpoint: str) -> list[Result]:
    """The verdicts about a checkpoint that are not about one strategy."""
    return [r for r in results if r["checkpoint"] == checkpoint and r["strategy"] is None]
