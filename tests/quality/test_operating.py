"""Verdicts can be trusted: simulated checkpoints of known truth are misjudged no more often than alpha says.

A short form of `python -m tests.quality`, which writes README.md beside this file. A rate passes unless so many errors
would be seen less than once in a thousand times at the rate that is claimed.
"""

from __future__ import annotations

import pytest
from scipy import stats

from tests.quality.family import family
from tests.quality.operating import KINDS, Kind, characteristics
from tests.quality.sequential import needed, stopping

ALPHA, REPEATS = 0.1, 60
CASES = [
    pytest.param(kind, name, id=f"{kind.name}-{name}".replace(" ", "_"))
    for kind in KINDS
    for name in kind.runs
]


def at_most(rate: float, claimed: float, repeats: int) -> bool:
    return bool(stats.binom.sf(round(rate * repeats) - 1, repeats, claimed) > 0.001)


@pytest.mark.parametrize(("kind", "checkpoint"), CASES)
def test_no_end_of_an_interval_is_wrong_more_often_than_alpha(kind: Kind, checkpoint: str) -> None:
    seen = characteristics(kind, checkpoint, 8, REPEATS, ALPHA)
    assert at_most(seen.too_high, ALPHA, REPEATS), seen
    assert at_most(seen.too_low, ALPHA, REPEATS), seen


def test_an_ece_of_zero_is_said_to_be_more_no_more_often_than_half_of_alpha() -> None:
    """What is too much on either side counts as error: the low end has two tails. They show where n is large."""
    (kind,) = (kind for kind in KINDS if kind.name == "ECE")
    seen = characteristics(kind, "calibrated on ten values", 500, 3 * REPEATS, ALPHA)
    assert at_most(seen.too_high, ALPHA / 2, 3 * REPEATS), seen


def test_a_rare_failure_on_the_bound_is_not_held_with_problems_that_are_too_few_to_show_it() -> None:
    """1 problem in 15 says 100: the low bias is exactly 5. With 24 problems a fifth of the runs never see one."""
    (kind,) = (kind for kind in KINDS if kind.name == "low bias")
    seen = characteristics(kind, "1 problem in 15 says 100", 24, 200, 0.01)
    assert seen.held == 0


def test_an_early_verdict_agrees_with_the_full_run() -> None:
    for checkpoint in ("obedient, noise 10", "halfway", "1 problem in 13 says 90"):
        seen = stopping("abs(low bias) <= 10", checkpoint, 240, REPEATS, ALPHA)
        assert at_most(seen.contradicts, ALPHA, REPEATS), seen


def test_as_many_problems_as_an_undecided_verdict_asks_for_settle_most_runs() -> None:
    seen = needed("abs(low bias) <= 10", "obedient, noise 10", 16, REPEATS, ALPHA)
    assert seen.asked > 0
    assert seen.settled >= 0.5, seen


def test_the_gate_passes_what_breaks_one_bound_no_more_often_than_alpha() -> None:
    assert at_most(family(100, REPEATS, ALPHA).passed, ALPHA, REPEATS)
