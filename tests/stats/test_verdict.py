"""An interval against a bound: held, refuted or undecided, at the edges, and in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from fixtures.stats.verdict import SLACK, Bound, Op, Outcome, Verdict, fewest_problems, judge

OPS: tuple[Op, ...] = (">=", "<=", ">", "<")
# few values, so that ends and bounds often meet
NUMBER = st.integers(-3, 3).map(float) | st.sampled_from([-math.inf, math.inf])
INTERVAL = st.tuples(NUMBER, NUMBER).map(sorted)


@pytest.mark.parametrize(
    ("low", "high", "outcomes"),
    [
        # against 5:       >=          <=          >           <
        (6.0, 7.0, ("held", "refuted", "held", "refuted")),
        (3.0, 4.0, ("refuted", "held", "refuted", "held")),
        (4.0, 6.0, ("undecided",) * 4),
        (5.0, 6.0, ("held", "undecided", "undecided", "refuted")),
        (4.0, 5.0, ("undecided", "held", "refuted", "undecided")),
        (5.0, 5.0, ("held", "held", "refuted", "refuted")),
        (-math.inf, math.inf, ("undecided",) * 4),
        (math.nan, math.nan, ("undecided",) * 4),
    ],
)
def test_judge(low: float, high: float, outcomes: tuple[Outcome, ...]) -> None:
    assert tuple(judge(low, high, op, 5) for op in OPS) == outcomes


@given(INTERVAL, NUMBER, st.floats(0, 1))
def test_held_and_refuted_are_said_of_every_point_of_the_interval(
    interval: list[float], bound: float, share: float
) -> None:
    low, high = interval
    inside = low if low == high or math.isinf(low) else low + share * (min(high, low + 10) - low)
    for op, holds in zip(
        OPS, (inside >= bound, inside <= bound, inside > bound, inside < bound), strict=True
    ):
        assert judge(low, high, op, bound) != ("refuted" if holds else "held")


@given(INTERVAL, NUMBER)
def test_opposite_operators_have_opposite_outcomes(interval: list[float], bound: float) -> None:
    opposite = {"held": "refuted", "refuted": "held", "undecided": "undecided"}
    low, high = interval
    assert judge(low, high, "<", bound) == opposite[judge(low, high, ">=", bound)]
    assert judge(low, high, ">", bound) == opposite[judge(low, high, "<=", bound)]


@given(INTERVAL, NUMBER, st.sampled_from(OPS))
def test_a_narrower_interval_keeps_what_was_settled(interval: list[float], bound: float, op: Op) -> None:
    low, high = interval
    settled = judge(low, high, op, bound)
    if settled != "undecided":
        assert {judge(low, low, op, bound), judge(high, high, op, bound)} == {settled}


def verdict(
    outcome: Outcome, numbers: tuple[float, float, float], op: Op, bound: float, n: int = 50, unit: str = ""
) -> Verdict:
    return Verdict(outcome, "natural_query: rho", *numbers, op, bound, n, unit, standard_error=0)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            verdict("refuted", (0.04, -0.09, 0.16), ">=", 0.7, 500),
            "natural_query: rho 0.04 [-0.09, 0.16] < 0.7, refuted at n=500 problems",
        ),
        (
            verdict("held", (0.926, 0.9, 0.951), ">=", 0.7, 500),
            "natural_query: rho 0.93 [0.90, 0.95] >= 0.7, held at n=500 problems",
        ),
        (
            verdict("refuted", (40, 31.5, 48.25), "<=", 10, 500, "points"),
            "natural_query: rho 40.00 [31.50, 48.25] points > 10, refuted at n=500 problems",
        ),
        (
            verdict("refuted", (-0.001, -0.002, -0.0), ">", 0, 9),
            "natural_query: rho -0.001 [-0.002, 0.000] <= 0, refuted at n=9 problems",
        ),
        (
            verdict("refuted", (0.6, 0.5, 0.6996), ">=", 0.7, 500),
            "natural_query: rho 0.6000 [0.5000, 0.6996] < 0.7, refuted at n=500 problems",
        ),
        (
            verdict("refuted", (2.0, 2.0, 2.0), "<", 1.5, 9),
            "natural_query: rho 2.00 [2.00, 2.00] >= 1.5, refuted at n=9 problems",
        ),
        (
            verdict("undecided", (8, 2, 14), "<=", 10, 50, "points"),
            "natural_query: rho 8.00 [2.00, 14.00] points, undecided at n=50 problems whether <= 10 (it looks so); "
            "about 156 problems would likely settle it",
        ),
        (
            verdict("undecided", (math.nan, -1, 1), ">=", 0.7, 0),
            "natural_query: rho nan [-1.00, 1.00], undecided at n=0 problems whether >= 0.7; "
            "more of the same problems may not settle it",
        ),
        (
            Verdict(
                "refuted",
                "natural_query: rho",
                *(math.nan, -1, 1),
                *(">=", 0.7, 0),
                flaw="natural_query states no confidence (stated rate 0 < 0.8)",
            ),
            "natural_query: rho: natural_query states no confidence (stated rate 0 < 0.8), refuted",
        ),
    ],
)
def test_text(said: Verdict, text: str) -> None:
    assert str(said) == text


@pytest.mark.parametrize(("outcome", "truth"), [("held", True), ("refuted", False), ("undecided", False)])
def test_a_verdict_is_true_exactly_when_held(outcome: Outcome, truth: bool) -> None:
    assert bool(verdict(outcome, (0.8, 0.7, 0.9), ">=", 0.7)) is truth


@pytest.mark.parametrize(
    ("numbers", "standard_error", "needed"),
    [
        # against 10, and no sampling error: an unseen problem weighs 1 - 0.005^(1/n) at most
        (
            (8.0, 2.0, 14.0),
            0.0,
            156,
        ),  # below: reach 14 - 8 = 6 of 59.7 that an unseen problem adds, distance 2
        ((12.0, 9.0, 40.0), 0.0, 77),  # above: reach 12 - 9 = 3, distance 2
        ((8.0, 2.0, 10.0), 0.0, 51),  # the edge is at the bound: one more at least
        # all of it sampling error: 2.576 and, to be likely, 0.842 standard errors are 2 at n = 50 (3.418 se / 2)^2
        ((8.0, 2.0, 14.0), 6 / 2.5758, 793),
        ((10.0, 2.0, 14.0), 0.0, None),  # the value is at the bound
        ((10.0 - 1e-9, 2.0, 14.0), 0.0, None),  # and as good as at it
        ((12.0, -math.inf, 14.0), 0.0, None),
        ((math.nan, -100.0, 100.0), 0.0, None),
        ((8.0, 2.0, 14.0), math.nan, None),
    ],
)
def test_problems_needed(
    numbers: tuple[float, float, float], standard_error: float, needed: int | None
) -> None:
    undecided = replace(verdict("undecided", numbers, "<=", 10), standard_error=standard_error)
    assert undecided.problems_needed() == needed


def test_problems_needed_are_no_fewer_than_settle_anything() -> None:
    few = Verdict("undecided", "direct_hint: rho", 1.0, 1.0, 1.0, ">=", 0.9, 3, standard_error=0)
    assert few.problems_needed() == 8
    assert str(few).endswith(
        "undecided at n=3 problems whether >= 0.9 (it looks so); about 8 problems would likely settle it"
    )


def look(n: int) -> tuple[int, float]:
    return n, 0.01


@pytest.mark.parametrize(
    ("value", "reach", "standard_error", "later", "futile"),
    [
        (9.9, 5.0, 2.0, [look(100)], True),  # a tenth from the bound, and the interval will reach by 3.6
        (9.9, 5.0, 2.0, [look(20_000)], False),
        (6.0, 5.0, 2.0, [look(100)], False),
        (14.0, 5.0, 2.0, [look(100)], False),  # it may be refuted
        (6.0, 5.0, 2.0, [], True),  # no look is left
        (6.0, 5.0, 2.0, [look(50)], True),  # nor one at more problems
        (6.0, 5.0, 2.0, [(100, 1e-40)], True),  # too few problems to settle anything at its level
        (0.0, 40.0, 0.0, [look(60)], True),  # nothing varies, and an unseen problem still weighs too much
        (0.0, 40.0, 0.0, [look(500)], False),
        (math.nan, 5.0, 2.0, [look(100)], False),
        (9.9, 5.0, math.nan, [look(100)], False),
    ],
)
def test_what_no_later_look_would_settle_is_futile(
    value: float, reach: float, standard_error: float, later: list[tuple[int, float]], futile: bool
) -> None:
    numbers = value, value - reach, value + reach
    said = replace(verdict("undecided", numbers, "<=", 10), standard_error=standard_error)
    assert said.is_futile(later) == futile
    assert not replace(said, flaw="a limit cut off 30% of the replies").is_futile(later)


def test_a_wording_that_may_yet_break_the_bound_is_waited_for() -> None:
    said = replace(verdict("undecided", (9.9, 4.9, 14.9), "<=", 10), standard_error=2.0)
    wordings = tuple(
        replace(said, value=value, low=value - 25, high=value + 25, n=17, standard_error=3.0)
        for value in (0.0, 0.0, 29.0)
    )
    assert said.is_futile([look(100)])
    assert not replace(said, wordings=wordings).is_futile([look(100)])


def test_the_chance_of_settling_is_that_of_simulated_runs() -> None:
    """Means of normal problems of known spread, which go on from 50 problems to 200."""
    rng = np.random.default_rng(0)
    spread, bound, known = 20.0, 10.0, 6.0
    error = spread / math.sqrt(50)
    said = replace(
        verdict("undecided", (known, known - 3 * error, known + 3 * error), "<=", bound), standard_error=error
    )
    reach = SLACK * said._reach(3 * error, 200, 0.01)
    truths = rng.normal(known, error, 4000)
    later = (50 * known + 150 * rng.normal(truths, spread / math.sqrt(150))) / 200
    seen = np.mean((later + reach <= bound) | (later - reach > bound))
    assert sum(said._chances(200, 0.01)) == pytest.approx(seen, abs=0.03)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=3, max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(OPS),
)
def test_every_undecided_verdict_has_words(numbers: list[float], bound: float, op: Op) -> None:
    value, low, high = numbers
    undecided = verdict("undecided", (value, low, high), op, bound)
    needed = undecided.problems_needed()
    assert needed is None or 50 < needed <= 10**8
    if all(map(math.isfinite, numbers)):
        assert undecided.is_futile([]), "no look is left"
    assert str(undecided).endswith("settle it")


@pytest.mark.parametrize("alpha", [0.49, 0.4, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 2**-7, 1e-6])
def test_fewest_problems_are_those_of_the_exact_sign_test(alpha: float) -> None:
    fewest = fewest_problems(alpha)
    assert binomtest(fewest, fewest, 0.5).pvalue <= alpha * (1 + 1e-9)
    assert binomtest(fewest - 1, fewest - 1, 0.5).pvalue > alpha


def test_fewest_problems_at_the_default_level() -> None:
    assert fewest_problems(0.01) == 8


def test_a_bound_is_its_number() -> None:
    bound = Bound(0.7, lambda said: None)
    assert (bound, f"{bound:g}", bound + 1) == (0.7, "0.7", 1.7)
