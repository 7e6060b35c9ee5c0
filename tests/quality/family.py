"""The family of all verdicts of one run: how often any is wrong, and how often a gate passes that should not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fixtures.stats.bootstrap import Resampling
from tests.quality.simulated import HINTS, cell, mixed

CELLS = 20
"""Bounds of one run; each on a strategy of its own, which fails on problems of its own."""
BOUND = 5.0


@dataclass(frozen=True)
class Family:
    """Shares of `repeats` runs in which a checkpoint that is just good enough everywhere is refuted anywhere, and in
    which one that is just not good enough in a single strategy, and perfect in all others, passes the gate."""

    n: int
    refuted_somewhere: float
    passed: float


def family(n: int, repeats: int, alpha: float) -> Family:
    on_bound = mixed(BOUND / 75, np.full(len(HINTS), 100.0))
    perfect = mixed(0.0, HINTS)
    refuted = passed = 0
    for repeat in range(repeats):
        rng, resampling = np.random.default_rng([n, repeat]), Resampling(n, alpha, repeat)
        edge = [abs(cell(on_bound(n, rng), resampling).bias_low) <= BOUND for _ in range(CELLS)]
        refuted += any(verdict.outcome == "refuted" for verdict in edge)
        sound = abs(cell(perfect(n, rng), resampling).bias_low) <= BOUND
        passed += bool(edge[0]) and bool(sound)
    return Family(n, refuted / repeats, passed / repeats)
