"""Simulated checkpoints, whose truth is known: what they state of every problem, in direct_hint and in conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fixtures.stats.bootstrap import Resampling
from fixtures.stats.cell import Cell
from fixtures.stats.weighted import Floats

HINTS = np.array([10.0, 25.0, 40.0, 60.0, 95.0])
OWN = 90.0
"""What an ignoring checkpoint states, percent."""

States = Callable[[int, np.random.Generator], Floats]
"""(problems, generator) -> stated confidence of shape (problems, hints), NaN where none is stated."""


def _shown(values: Floats) -> Floats:
    """Checkpoints state multiples of five."""
    return np.clip(np.round(values / 5) * 5, 0, 100)


def noisily(values: Floats, spread: float) -> States:
    return lambda n, rng: _shown(np.tile(values, (n, 1)) + rng.normal(0, spread, (n, len(HINTS))))


def mixed(share: float, ignoring: Floats) -> States:
    """A share of the problems ignores the signal in the same way, the others follow it exactly."""
    return lambda n, rng: np.where(rng.random((n, 1)) < share, ignoring, np.tile(HINTS, (n, 1)))


def shifted(spread: float) -> States:
    """Whatever the hint, a problem's replies are all too high or all too low."""
    return lambda n, rng: _shown(
        HINTS * 0.8 + 15 + rng.normal(0, spread, (n, 1)) + rng.normal(0, 3, (n, len(HINTS)))
    )


def on_five_points(n: int, rng: np.random.Generator) -> Floats:
    return np.clip(np.round((HINTS + rng.normal(0, 20, (n, len(HINTS)))) / 25) * 25, 0, 100)


def missing_by_hint(n: int, rng: np.random.Generator) -> Floats:
    """Where the hint is low, every third high reply is not stated."""
    stated = noisily(HINTS * 0.7 + 20, 15)(n, rng)
    lost = (HINTS < 50) & (stated > 40) & (rng.random(stated.shape) < 1 / 3)
    return np.where(lost, np.nan, stated)


CHECKPOINTS: dict[str, States] = {
    "obedient, noise 10": noisily(HINTS, 10),
    "halfway": noisily((HINTS + OWN) / 2, 8),
    "resistant": noisily(np.full(len(HINTS), OWN), 5),
    "constant 90": mixed(1.0, np.full(len(HINTS), OWN)),
    "1 problem in 13 says 90": mixed(1 / 13, np.full(len(HINTS), OWN)),
    "1 problem in 15 says 100": mixed(1 / 15, np.full(len(HINTS), 100.0)),
    "1 problem in 20 inverts": mixed(1 / 20, HINTS[::-1]),
    "every other problem says 90": mixed(0.5, np.full(len(HINTS), OWN)),
    "five-point replies": on_five_points,
    "replies missing by hint": missing_by_hint,
    "all of a problem shifted, sd 25": shifted(25),
}


def cell(stated: Floats, resampling: Resampling, label: str = "cell") -> Cell:
    """The trials of one strategy; `stated` has shape (problems, hints)."""
    n, hints = stated.shape
    problem = np.repeat(np.arange(n), hints)
    hint = np.tile(HINTS, n)
    return Cell(
        label,
        problem,
        hint,
        stated.ravel(),
        hint,
        problem % 3,
        HINTS,
        resampling,
        np.zeros(len(hint), dtype=bool),
    )


@dataclass(frozen=True)
class Answers:
    """Confidence in 0..1 and correctness, shape (n,)."""

    confidence: Floats
    correct: Floats


Knows = Callable[[int, np.random.Generator], Answers]


def _answers(confidence: Floats, chance: Floats, rng: np.random.Generator) -> Answers:
    return Answers(confidence, (rng.random(len(confidence)) < chance).astype(float))


def knowing(by: float) -> Knows:
    """Token confidence about 0.85; the chance of being right rises by `by` from the least to the most confident."""

    def answers(n: int, rng: np.random.Generator) -> Answers:
        confidence = rng.beta(12, 2, n)
        return _answers(confidence, np.clip(0.6 + by * (confidence - 0.86), 0, 1), rng)

    return answers


def ece(values: list[float], chances: list[float]) -> float:
    """Expected calibration error where the values of one bin err to one side."""
    return float(np.abs(np.array(values) - np.array(chances)).mean())


def stating(values: list[float], chances: list[float]) -> Knows:
    """States one of a few values, each right with its own chance."""

    def answers(n: int, rng: np.random.Generator) -> Answers:
        which = rng.integers(0, len(values), n)
        return _answers(np.array(values)[which], np.array(chances)[which], rng)

    return answers


INTERNAL: dict[str, Knows] = {
    "unrelated": knowing(0),
    "weakly related": knowing(0.85),
    "related": knowing(2.5),
}
TENTHS = [0.05 + i / 10 for i in range(10)]
STATED: dict[str, tuple[list[float], list[float]]] = {
    "always 90, 60% right": ([0.9], [0.6]),
    "over-confident on five values": ([0.5, 0.7, 0.8, 0.9, 1.0], [0.2, 0.4, 0.5, 0.6, 0.7]),
    "calibrated on ten values": (TENTHS, TENTHS),
    "wrong on both sides": ([0.1, 0.9], [0.4, 0.6]),
}
"""(values stated equally often, the chance that each is right)."""
