"""verdicts: the verdict on one behavior as plain data, as it stands in profile.json, junit.xml and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from fixtures.stats.verdict import Op, Outcome

ORDER: tuple[Outcome, ...] = ("held", "undecided", "refuted")
"""From best to worst."""
AS_FAR = "judged as far as the store goes"


class Result(TypedDict):
    """`metric` is what the behavior's test is called; `strategy` is None where a behavior judges several."""

    id: str
    behavior: str
    metric: str
    checkpoint: str
    strategy: str | None
    verdict: Outcome
    value: float | None
    low: float | None
    high: float | None
    op: Op
    bound: float
    unit: str
    flaw: str | None
    n_problems: int
    stopped_early: bool


def falls_short(result: Result) -> bool:
    """Whether a verdict is open only because the store that is judged again holds no more trials."""
    return result["stopped_early"] and result["verdict"] == "undecided"


def worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    """The worst of several outcomes; None of none."""
    return max(outcomes, key=ORDER.index, default=None)


def counts(results: Sequence[Result]) -> dict[Outcome, int]:
    return {outcome: sum(r["verdict"] == outcome for r in results) for outcome in ORDER}


def of_checkpoint(results: Sequence[Result], checkpoint: str) -> list[Result]:
    return [r for r in results if r["checkpoint"] == checkpoint]


def of_cell(results: Sequence[Result], checkpoint: str, strategy: str | None) -> list[Result]:
    """The verdicts on one strategy of a checkpoint; with None those on several strategies together."""
    return [r for r in of_checkpoint(results, checkpoint) if r["strategy"] == strategy]
