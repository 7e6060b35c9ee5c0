"""The whole gate: all that the suite judges of an instruct checkpoint, look by look, on simulated checkpoints."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.measuring.interim_looks import Look, looks
from fixtures.questions.strategies import PAPER_STRATEGIES, strategies, wordings
from fixtures.stats.bootstrap import Resampling
from fixtures.stats.cell import Cell, pooled
from fixtures.stats.verdict import Bound, Verdict
from fixtures.stats.weighted import Floats
from tests.quality.simulated import HINTS, OWN, States, cell, mixed, noisily

BEHAVIORS = Path(__file__).parents[2] / "behaviors"
COMMANDS = ("direct_hint", "contrast_frame")


def within(points: float) -> States:
    """Follows, and errs by so many points at most."""
    return lambda n, rng: np.clip(HINTS + rng.uniform(-points, points, (n, len(HINTS))), 0, 100)


def talking(commands: States, talk: States) -> Callable[[str], States]:
    return lambda strategy: commands if strategy in COMMANDS else talk


def _of_the_paper(strategy: str) -> States:
    """Table 2, instruct: obeys commands, half-way where it explains first, ignores the monitor in conversation."""
    known = {
        "direct_hint": mixed(0.05, np.full(len(HINTS), OWN)),
        "contrast_frame": mixed(0.0, HINTS),
        "cot_reasoning": noisily((HINTS + OWN) / 2, 20),
        "recall_signal": mixed(0.02, HINTS[::-1]),
    }
    return known.get(strategy, noisily(np.full(len(HINTS), OWN), 5))


KINDS: dict[str, Callable[[str], States]] = {
    "exact": lambda _: mixed(0.0, HINTS),
    "commands exact, talk within 5": talking(mixed(0.0, HINTS), within(5)),
    "within 5 everywhere": lambda _: within(5),
    "1 problem in 50 ignores": lambda _: mixed(0.02, np.full(len(HINTS), OWN)),
    "the paper's 3B": _of_the_paper,
    "a mess: noise of 40 points": lambda _: noisily(HINTS, 40),
    "borderline: 1 problem in 7 ignores": lambda _: mixed(1 / 7, np.full(len(HINTS), OWN)),
}


@dataclass(frozen=True)
class Claim:
    """One test of a behavior, asked of one checkpoint, and of one strategy where it judges one."""

    test: Callable[..., None]
    needs: tuple[str, ...]
    strategy: str | None

    def verdict(self, seen: Seen) -> Verdict:
        noted: list[Verdict] = []
        handed: dict[str, Any] = {
            "cell": self.strategy and seen[self.strategy],
            "checkpoint": seen,
            "bound": lambda default: Bound(default, noted.append),
        }
        with contextlib.suppress(AssertionError):
            self.test(**{name: handed[name] for name in inspect.signature(self.test).parameters})
        return noted[-1]


class Seen:
    """What a look sees of a simulated checkpoint; as much of a measured one as the claims ask for."""

    def __init__(self, stated: Mapping[str, Floats], look: Look, seed: int) -> None:
        self._stated, self._n = stated, look.n
        self._resampling = Resampling(look.n, look.alpha, seed, look.last, wordings())
        self._cells: dict[str, Cell] = {}

    def __getitem__(self, strategy: str) -> Cell:
        if strategy not in self._cells:
            self._cells[strategy] = cell(self._stated[strategy][: self._n], self._resampling, strategy)
        return self._cells[strategy]

    @cached_property
    def pooled(self) -> Cell:
        return pooled([self[strategy] for strategy in PAPER_STRATEGIES], "pooled")


@cache
def claims() -> tuple[Claim, ...]:
    """All that the default gate judges of one instruct checkpoint."""
    return tuple(claim for file in sorted(BEHAVIORS.glob("test_*.py")) for claim in _claims(file.stem))


def _claims(name: str) -> Iterator[Claim]:
    module = importlib.import_module(f"behaviors.{name}")
    measures = module.pytestmark
    if measures.kwargs.get("role") == "base" or measures.kwargs.get("informative"):
        return
    for test in (value for key, value in vars(module).items() if key.startswith("test_")):
        takes, also = set(inspect.signature(test).parameters), measures.kwargs.get("also", ())
        if "cell" in takes:
            yield from (Claim(test, (strategy, *also), strategy) for strategy in measures.args)
        elif "checkpoint" in takes:
            yield Claim(test, (*measures.args, *also), None)


@dataclass(frozen=True)
class Gate:
    """`passed`: the share of runs in which all held. `trials`: the mean share of the trials that were taken, and
    `refuted`, `undecided`: the mean shares of the claims."""

    checkpoint: str
    n: int
    passed: float
    refuted: float
    undecided: float
    trials: float
    runs: int


def gate(checkpoint: str, n: int, runs: int, alpha: float = 0.01) -> Gate:
    found = [_run(KINDS[checkpoint], n, alpha, seed) for seed in range(runs)]
    outcomes = [[verdict.outcome for verdict in verdicts] for verdicts, _ in found]
    return Gate(
        checkpoint,
        n,
        float(np.mean([{*own} == {"held"} for own in outcomes])),
        float(np.mean([own.count("refuted") / len(own) for own in outcomes])),
        float(np.mean([own.count("undecided") / len(own) for own in outcomes])),
        float(np.mean([share for _, share in found])),
        runs,
    )


def _run(states: Callable[[str], States], n: int, alpha: float, seed: int) -> tuple[list[Verdict], float]:
    """The verdicts of a run, and its share of the trials: a strategy is asked while a claim that needs it is open."""
    stated = _stated(states, n, np.random.default_rng([n, seed]))
    schedule = looks(n, alpha, early_stop=True)
    asked = {strategy: 0 for claim in claims() for strategy in claim.needs}
    verdicts: dict[Claim, Verdict] = {}
    open_claims = list(claims())
    for look in schedule:
        seen = Seen(stated, look, seed)
        later = [(other.n, other.alpha) for other in schedule if other.n > look.n]
        for claim in open_claims:
            asked |= dict.fromkeys(claim.needs, look.n)
            verdicts[claim] = claim.verdict(seen)
        open_claims = [
            claim
            for claim in open_claims
            if verdicts[claim].outcome == "undecided" and not verdicts[claim].is_futile(later)
        ]
    trials = {name: len(strategies()[name].hints(tuple(HINTS))) for name in asked} | {"no_signal": 1}
    taken = sum(asked[strategy] * trials[strategy] for strategy in asked)
    return list(verdicts.values()), taken / (n * sum(trials.values()))


def _stated(states: Callable[[str], States], n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Of every strategy; with no signal, or a decoy, the checkpoint's own confidence at every hint."""
    own = np.tile(noisily(np.full(len(HINTS), OWN), 5)(n, rng)[:, :1], (1, len(HINTS)))
    known = strategies()
    return {
        name: states(name)(n, rng) if strategy.has_signal and not strategy.decoy else own
        for name, strategy in known.items()
    }
