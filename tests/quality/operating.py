"""Operating characteristics: how often each kind of bound is judged wrongly, and how often not at all.

The truth of a simulated checkpoint is its value over very many problems. An end of an interval that lies beyond it
would settle a bound there wrongly, so how often that happens is the rate of wrong verdicts at the worst bound there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fixtures.stats.answer_confidence import Internal, calibration
from fixtures.stats.bootstrap import Resampling
from fixtures.stats.cell import Cell
from fixtures.stats.estimate import Estimate
from fixtures.stats.weighted import Floats
from tests.quality.simulated import (
    CHECKPOINTS,
    HINTS,
    INTERNAL,
    STATED,
    Answers,
    Knows,
    States,
    cell,
    ece,
    stating,
)

SIZES = (8, 16, 24, 50, 100, 500)
MANY, TIMES = 2000, 50
"""Problems of a run that stands for all, and how many such runs are averaged."""

Measures = Callable[[int, np.random.Generator, Resampling], Estimate]
"""(problems, generator, resampling) -> the estimate of one simulated run."""


@dataclass(frozen=True)
class Kind:
    """A kind of bound, and one of the behaviors' own of that kind."""

    name: str
    op: str
    bound: float
    runs: dict[str, Measures]
    truths: dict[str, float] = field(default_factory=dict)
    """Those known by arithmetic."""


@dataclass(frozen=True)
class Characteristics:
    """Rates over `repeats` runs of `n` problems. `too_high`: the low end is above the truth; `too_low`: the high end is
    below it. The others are the verdicts on the kind's own bound."""

    kind: str
    checkpoint: str
    n: int
    truth: float
    too_high: float
    too_low: float
    held: float
    refuted: float
    undecided: float
    width: float
    repeats: int


def _of_cell(states: States, statistic: Callable[[Cell], Estimate]) -> Measures:
    return lambda n, rng, resampling: statistic(cell(states(n, rng), resampling))


def _gap(states: States, statistic: Callable[[Cell, Cell], Estimate]) -> Measures:
    """Commands are followed with little noise, on the same problems."""

    def measure(n: int, rng: np.random.Generator, resampling: Resampling) -> Estimate:
        natural, direct = states(n, rng), CHECKPOINTS["obedient, noise 10"](n, rng)
        return statistic(cell(direct, resampling), cell(natural, resampling))

    return measure


def _gap_of_gaps(states: States) -> Measures:
    def measure(n: int, rng: np.random.Generator, resampling: Resampling) -> Estimate:
        tuned, base = (_gap(s, _bias_gap)(n, rng, resampling) for s in (states, CHECKPOINTS["halfway"]))
        return tuned - base

    return measure


def _bias_gap(direct: Cell, natural: Cell) -> Estimate:
    return natural.bias_low - direct.bias_low


def _rho_gap(direct: Cell, natural: Cell) -> Estimate:
    return natural.within_rho.below(direct.within_rho)


def _pearson(knows: Knows) -> Measures:
    def measure(n: int, rng: np.random.Generator, resampling: Resampling) -> Estimate:
        answers = knows(n, rng)
        return Internal("internal", answers.confidence, answers.correct, resampling).pearson_r

    return measure


def _error(knows: Knows) -> Measures:
    def measure(n: int, rng: np.random.Generator, resampling: Resampling) -> Estimate:
        answers = knows(n, rng)
        return calibration(_control(answers, resampling), answers.correct)

    return measure


def _control(answers: Answers, resampling: Resampling) -> Cell:
    return cell(np.tile(100 * answers.confidence[:, None], (1, len(HINTS))), resampling, "no_signal")


SOME = (
    "obedient, noise 10",
    "resistant",
    "1 problem in 13 says 90",
    "every other problem says 90",
    "five-point replies",
)
KINDS = (
    Kind("rho", ">=", 0.9, {name: _of_cell(s, lambda c: c.within_rho) for name, s in CHECKPOINTS.items()}),
    Kind("pooled rho", ">=", 0.9, {name: _of_cell(CHECKPOINTS[name], lambda c: c.rho) for name in SOME}),
    Kind(
        "low bias", "<=", 5, {name: _of_cell(s, lambda c: abs(c.bias_low)) for name, s in CHECKPOINTS.items()}
    ),
    Kind("rho difference", "<=", 0.2, {name: _gap(CHECKPOINTS[name], _rho_gap) for name in SOME}),
    Kind("low bias difference", "<=", 10, {name: _gap(CHECKPOINTS[name], _bias_gap) for name in SOME}),
    Kind(
        "low bias difference of differences",
        "<=",
        10,
        {name: _gap_of_gaps(CHECKPOINTS[name]) for name in SOME},
    ),
    Kind("Pearson r", ">=", 0.15, {name: _pearson(knows) for name, knows in INTERNAL.items()}),
    Kind(
        "ECE",
        "<=",
        0.3,
        {name: _error(stating(*s)) for name, s in STATED.items()},
        {n: ece(*s) for n, s in STATED.items()},
    ),
)


def truth(kind: Kind, checkpoint: str) -> float:
    """The value over very many problems; nothing is resampled for it."""
    if checkpoint not in kind.truths:
        runs = (
            kind.runs[checkpoint](MANY, np.random.default_rng([7, i]), _Plain(MANY)) for i in range(TIMES)
        )
        kind.truths[checkpoint] = float(np.mean([run.value for run in runs]))
    return kind.truths[checkpoint]


class _Plain(Resampling):
    """The sample alone, and two resamples, which nobody looks at."""

    def weights(self, resamples: int) -> Iterator[Floats]:
        yield np.vstack([np.r_[np.ones(self.n), 0.0], np.ones((2, self.n + 1))])


def characteristics(kind: Kind, checkpoint: str, n: int, repeats: int, alpha: float) -> Characteristics:
    true = truth(kind, checkpoint)
    estimates = list(_runs(kind.runs[checkpoint], n, repeats, alpha))
    outcomes = [_judged(kind, estimate) for estimate in estimates]
    # a truth that was itself simulated is known to about a thousandth of its scale
    blur = 1e-3 * (100 if "bias" in kind.name else 1)
    return Characteristics(
        kind.name,
        checkpoint,
        n,
        true,
        float(np.mean([e.low > true + blur for e in estimates])),
        float(np.mean([e.high < true - blur for e in estimates])),
        outcomes.count("held") / repeats,
        outcomes.count("refuted") / repeats,
        outcomes.count("undecided") / repeats,
        float(np.mean([e.high - e.low for e in estimates])),
        repeats,
    )


def _runs(measures: Measures, n: int, repeats: int, alpha: float) -> Iterator[Estimate]:
    for repeat in range(repeats):
        yield measures(n, np.random.default_rng([n, repeat]), Resampling(n, alpha, seed=repeat))


def _judged(kind: Kind, estimate: Estimate) -> str:
    return (estimate >= kind.bound if kind.op == ">=" else estimate <= kind.bound).outcome
