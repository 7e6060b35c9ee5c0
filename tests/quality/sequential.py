"""Early stop, and the number of problems that an undecided verdict asks for: simulated runs, look by look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fixtures.measuring.interim_looks import looks
from fixtures.stats.bootstrap import Resampling
from fixtures.stats.cell import Cell
from fixtures.stats.verdict import Verdict
from tests.quality.simulated import CHECKPOINTS, cell

Judges = Callable[[Cell], Verdict]
BOUNDS: dict[str, Judges] = {
    "rho >= 0.90": lambda c: c.within_rho >= 0.90,
    "rho >= 0.70": lambda c: c.within_rho >= 0.70,
    "abs(low bias) <= 5": lambda c: abs(c.bias_low) <= 5,
    "abs(low bias) <= 10": lambda c: abs(c.bias_low) <= 10,
}


@dataclass(frozen=True)
class Stopping:
    """Shares of `repeats` runs. `contradicts`: held by one and refuted by the other. `differs`: not the same outcome.
    `problems`: mean share of the problems that were taken."""

    bound: str
    checkpoint: str
    early: float
    contradicts: float
    differs: float
    problems: float


def stopping(bound: str, checkpoint: str, n: int, repeats: int, alpha: float) -> Stopping:
    pairs = [_both_ways(BOUNDS[bound], checkpoint, n, alpha, repeat) for repeat in range(repeats)]
    early = [sequential for sequential, _ in pairs if sequential.n < n]
    return Stopping(
        bound,
        checkpoint,
        len(early) / repeats,
        float(np.mean([{s.outcome, full.outcome} == {"held", "refuted"} for s, full in pairs])),
        float(np.mean([s.outcome != full.outcome for s, full in pairs])),
        float(np.mean([s.n / n for s, _ in pairs])),
    )


def _both_ways(judges: Judges, checkpoint: str, n: int, alpha: float, repeat: int) -> tuple[Verdict, Verdict]:
    """The verdict of a run that may stop early, and that of one that does not."""
    stated = CHECKPOINTS[checkpoint](n, np.random.default_rng([n, repeat]))
    full = judges(cell(stated, Resampling(n, alpha, repeat)))
    for look in looks(n, alpha, early_stop=True):
        verdict = judges(cell(stated[: look.n], Resampling(look.n, look.alpha, repeat, look.last)))
        if verdict.outcome != "undecided":
            break
    return verdict, full


@dataclass(frozen=True)
class Needed:
    """Of the undecided runs of `n` problems that asked for at most `MOST`: their mean number, and the share of as many
    runs of that number that settled the bound."""

    bound: str
    checkpoint: str
    n: int
    asked: int
    mean: float
    settled: float


MOST = 1000


def needed(bound: str, checkpoint: str, n: int, repeats: int, alpha: float) -> Needed:
    """Each run's own number is tried on problems of its own."""
    asked, settled = [], []
    for repeat in range(repeats):
        verdict = _one(bound, checkpoint, n, alpha, repeat)
        number = verdict.problems_needed() if verdict.outcome == "undecided" else None
        if number is not None and number <= MOST:
            asked.append(number)
            settled.append(_one(bound, checkpoint, number, alpha, repeat + repeats).outcome != "undecided")
    mean, share = (float(np.mean(x)) if x else float("nan") for x in (asked, settled))
    return Needed(bound, checkpoint, n, len(asked), mean, share)


def _one(bound: str, checkpoint: str, n: int, alpha: float, repeat: int) -> Verdict:
    stated = CHECKPOINTS[checkpoint](n, np.random.default_rng([n, repeat]))
    return BOUNDS[bound](cell(stated, Resampling(n, alpha, repeat)))
