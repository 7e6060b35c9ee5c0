"""verdicts: the verdict on one behavior as plain data, as it stands in profile.json, junit.xml and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypedDict

from fixtures.stats.verdict import Op, Outcome

Shown = Literal["informative", "held", "undecided", "refuted"]
"""The word of a verdict: informative is one that never fails."""
ORDER: tuple[Shown, ...] = ("informative", "held", "undecided", "refuted")
"""From best to worst."""
AS_FAR = "judged as far as the store goes"


class Result(TypedDict):
    """`metric` is what the behavior's test is called; `strategy` is None where a behavior judges several.

    `outcome` is what an informative verdict would be. `needed` says about how many problems would likely settle an
    undecided one; None where more may not. `broken` names the wording that breaks the bound by itself.
    `futile` says that no more was asked, since later looks would hardly have settled it.
    """

    id: str
    behavior: str
    metric: str
    checkpoint: str
    strategy: str | None
    verdict: Shown
    outcome: Outcome
    value: float | None
    low: float | None
    high: float | None
    op: Op
    bound: float
    unit: str
    flaw: str | None
    n_problems: int
    broken: str | None
    needed: int | None
    stopped_early: bool
    futile: bool


def falls_short(result: Result) -> bool:
    """Whether a verdict is open only because the store that is judged again holds no more trials."""
    return result["stopped_early"] and result["outcome"] == "undecided" and not result["futile"]


def worst(outcomes: Iterable[Shown]) -> Shown | None:
    """The worst of several outcomes; None of none."""
    return max(outcomes, key=ORDER.index, default=None)


def counts(results: Sequence[Result]) -> dict[Shown, int]:
    return {outcome: sum(r["verdict"] == outcome for r in results) for outcome in ORDER}


def of_checkpoint(results: Sequence[Result], checkpoint: str) -> list[Result]:
    return [r for r in results if r["checkpoint"] == checkpoint]


def of_cell(results: Sequence[Result], checkpoint: str, strategy: str | None) -> list[Result]:
    """The verdicts on one strategy of a checkpoint; with None those on several strategies together."""
    return [r for r in of_checkpoint(results, checkpoint) if r["strategy"] == strategy]
