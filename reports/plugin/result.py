"""result: the verdict on one pytest item as plain data, and the report that carries it."""

from __future__ import annotations

import pytest

from fixtures.plugin.hooks import FUTILE, LOOK, is_informative
from fixtures.plugin.selection import claim, subject
from fixtures.stats.verdict import Verdict
from reports.data.verdicts import Result


def result(item: pytest.Item, verdict: Verdict) -> Result:
    asked = subject(item)
    behavior, metric = claim(item)
    return {
        "id": item.nodeid,
        "behavior": behavior,
        "metric": metric,
        "checkpoint": asked.judged,
        "strategy": asked.strategy,
        "verdict": "informative" if is_informative(item) else verdict.outcome,
        "outcome": verdict.outcome,
        "value": verdict.value,
        "low": verdict.low,
        "high": verdict.high,
        "op": verdict.op,
        "bound": verdict.bound,
        "unit": verdict.unit,
        "flaw": verdict.flaw,
        "n_problems": verdict.n,
        "broken": verdict.broken,
        "needed": verdict.problems_needed() if verdict.outcome == "undecided" and not verdict.flaw else None,
        "stopped_early": not item.stash[LOOK].last,
        "futile": item.stash[FUTILE],
    }


def found(report: pytest.TestReport) -> Result | None:
    """The verdict that hooks.py has put on a report; None where its test reached none."""
    result: Result | None = getattr(report, "found", None)
    return result
