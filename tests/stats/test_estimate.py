"""Estimates: the interval's ends, arithmetic that stays paired, and comparison with a bound."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.stats.estimate import Draws, Estimate, from_draws, holm, mean
from fixtures.stats.verdict import Bound, Op, Verdict

pytestmark = pytest.mark.filterwarnings("error")

NAN = math.nan
END = st.floats(-100, 100) | st.sampled_from([0.0, -0.0, 5.0, -5.0, math.inf, -math.inf])
OPERATORS: dict[Op, Callable[[Estimate, float], Verdict]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def estimate(
    draws: Sequence[object] | Draws,
    value: float = 0.5,
    *,
    label: str = "a",
    n: int = 20,
    alpha: float = 0.1,
    flaw: str | None = None,
    support: tuple[float, float] = (-1, 1),
) -> Estimate:
    """`draws` of shape (3, B), or (B,) for all three alike."""
    rows = np.array(draws, dtype=float)
    return from_draws(
        label,
        value,
        np.broadcast_to(rows, (3, rows.shape[-1])),
        n=n,
        alpha=alpha,
        unit="points",
        flaw=flaw,
        support=support,
    )


def between(low: float, high: float, value: float = 0.0, n: int = 20) -> Estimate:
    return Estimate("a", value, low, high, n, alpha=0.01, support=(-100, 100))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_the_interval_leaves_half_of_alpha_on_either_side(alpha: float) -> None:
    e = estimate(np.random.default_rng(0).permutation(4001) / 4000, alpha=alpha)
    assert (e.low, e.high) == pytest.approx((alpha / 2, 1 - alpha / 2), abs=2 / 4000)


def test_the_ends_are_replicates_with_no_more_than_half_of_alpha_beyond() -> None:
    e = estimate([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5, alpha=0.4)  # 0.2 * 11 = 2.2: the second from either end
    assert (e.low, e.high) == (2, 9)


def test_each_end_is_taken_from_its_own_replicates() -> None:
    e = estimate([[1, 2, 3], [10, 20, 30], [100, 200, 300]], 20, alpha=0.5)
    assert (e.low, e.high) == (1, 300)


def test_the_value_is_in_its_interval() -> None:
    draws = [5, 6, 7] * 20
    assert (estimate(draws, 4).low, estimate(draws, 8).high) == (4, 8)


def test_too_few_replicates_for_alpha_leave_the_ends_at_the_support() -> None:
    assert (estimate([0.5] * 18).low, estimate([0.5] * 18).high) == (-1, 1)  # 0.05 * 19 < 1
    assert (estimate([0.5] * 19).low, estimate([0.5] * 19).high) == (0.5, 0.5)


def test_the_standard_error_is_that_of_the_resamples_without_an_unseen_problem() -> None:
    assert estimate([[0, 9, 0], [1, 3, NAN], [7, 7, 0]]).standard_error == 1
    assert math.isnan(estimate([NAN, NAN]).standard_error)


def test_equal_replicates_give_a_degenerate_interval() -> None:
    e = estimate([0.1] * 999, 0.1)
    assert (e.value, e.low, e.high) == (0.1, 0.1, 0.1)


@pytest.mark.parametrize("support", [(-1.0, 1.0), (-math.inf, math.inf)])
def test_undefined_replicates_widen_both_ends_to_the_support(support: tuple[float, float]) -> None:
    e = estimate([0.5] * 90 + [NAN] * 10, support=support)
    assert (e.value, e.low, e.high) == (0.5, *support)


def test_undefined_replicates_fewer_than_half_of_alpha_leave_the_interval() -> None:
    e = estimate([0.5] * 97 + [NAN] * 3)
    assert (e.low, e.high) == (0.5, 0.5)


@given(st.lists(st.floats(-1, 1), min_size=20, max_size=60), st.integers(0, 20))
@settings(deadline=None)
def test_an_undefined_replicate_never_narrows(draws: list[float], undefined: int) -> None:
    whole = estimate(draws)
    holed = estimate([NAN] * undefined + draws[undefined:])
    assert holed.low <= whole.low
    assert holed.high >= whole.high


@pytest.mark.parametrize("support", [(-1.0, 1.0), (-math.inf, math.inf)])
def test_an_undefined_value_could_be_anything(support: tuple[float, float]) -> None:
    e = estimate([0.5] * 100, NAN, support=support)
    assert math.isnan(e.value)
    assert (e.low, e.high) == support
    assert (e >= 0.7).outcome == "undecided"


@given(END, END, st.floats(0, 100))
def test_an_absolute_value_is_within_b_exactly_when_the_original_is_within_plus_minus_b(
    one: float, other: float, b: float
) -> None:
    low, high = min(one, other), max(one, other)
    absolute = abs(between(low, high))
    assert (absolute.low >= 0 and absolute.high <= b) == (-b <= low and high <= b)
    assert ((absolute <= b).outcome == "refuted") == (low > b or high < -b)


@pytest.mark.parametrize(
    ("interval", "expected"), [((-3, 2), (0, 3)), ((2, 7), (2, 7)), ((-7, -2), (2, 7)), ((0, 4), (0, 4))]
)
def test_absolute_value(interval: tuple[float, float], expected: tuple[float, float]) -> None:
    absolute = abs(between(*interval, value=-2))
    assert (absolute.value, absolute.low, absolute.high) == (2, *expected)
    assert absolute.label == "abs(a)"
    assert absolute.support == (0.0, 100.0)


def test_a_difference_of_absolute_values_could_be_anything() -> None:
    e = estimate([1.0, 2.0, 3.0], 2, support=(-100, 100))
    assert ((abs(e) - abs(e)).low, (abs(e) - abs(e)).high) == (-100, 100)
    assert abs(e).standard_error == e.standard_error


def test_a_difference_is_taken_replicate_by_replicate() -> None:
    draws = np.random.default_rng(0).normal(size=1000)
    difference = estimate(draws + 5, 5.5, label="a") - estimate(draws, 0.5, label="b")
    assert (difference.value, difference.low, difference.high) == pytest.approx((5, 5, 5))
    assert (difference.label, difference.unit) == ("a - b", "points")


def test_a_difference_takes_the_unseen_problem_at_its_worst_for_both() -> None:
    one = estimate([[1] * 20, [2] * 20, [3] * 20], 2)
    other = estimate([[10] * 20, [20] * 20, [30] * 20], 20)
    assert ((one - other).low, (one - other).high) == (1 - 30, 3 - 10)
    assert (one - other).draws[1].tolist() == [-18] * 20


def test_a_difference_of_undefined_replicates_spans_both_supports() -> None:
    difference = estimate([NAN] * 20 + [0.5] * 80, support=(0, 1)) - estimate([0.0] * 100, support=(-2, 3))
    assert (difference.low, difference.high) == difference.support == (-3, 3)


def test_mean() -> None:
    a, b = estimate([1, 2, 3], 10, label="a"), estimate([3, 6, 9], 20, label="b")
    m = mean([a, b], "both")
    assert (m.label, m.value, m.draws[0].tolist()) == ("both", 15, [2, 4, 6])
    assert (m.unit, m.alpha) == ("points", 0.1)
    table_2 = [estimate([0], bias) for bias in (0.0, 0.0, 16.8, 40.0)]
    assert mean(table_2, "mean over strategies").value == pytest.approx(14.2)


def test_a_mean_of_an_undefined_value_spans_the_mean_support() -> None:
    m = mean([estimate([1] * 9, NAN, support=(-4, 1)), estimate([1] * 9, support=(0, 2))], "both")
    assert math.isnan(m.value)
    assert (m.low, m.high) == m.support == (-2, 1.5)


SILENT = "b states no confidence"
SOUND, FLAWED = estimate([1.0] * 99, n=30), estimate([1.0] * 99, n=20, flaw=SILENT)


def test_a_mean_has_the_flaw_of_any_and_the_fewest_problems() -> None:
    for both in ([SOUND, FLAWED], [FLAWED, SOUND]):
        assert (mean(both, "both").flaw, mean(both, "both").n) == (SILENT, 20)
        assert (mean([a - SOUND for a in both], "both") <= 1).flaw == SILENT
        assert (mean([SOUND - a for a in both], "both") <= 1).outcome == "undecided"
    assert mean([SOUND, SOUND], "both").flaw is None
    assert abs(FLAWED).flaw == SILENT


COMPARE: list[Callable[[Estimate, Estimate], Estimate]] = [operator.sub, Estimate.below]
"""Each judges its first, against its second."""


@pytest.mark.parametrize("compare", COMPARE)
def test_a_comparison_is_refuted_by_the_flaw_of_what_is_judged(
    compare: Callable[[Estimate, Estimate], Estimate],
) -> None:
    difference = compare(FLAWED, SOUND)
    assert (difference.n, difference.flaw, (difference <= 1).outcome) == (20, SILENT, "refuted")
    assert (compare(SOUND, SOUND) <= 1).outcome == "held"


@pytest.mark.parametrize("compare", COMPARE)
def test_what_a_silent_one_is_compared_with_settles_nothing(
    compare: Callable[[Estimate, Estimate], Estimate],
) -> None:
    improves, still_silent = compare(SOUND, FLAWED), compare(FLAWED, FLAWED)
    later = [compare(improves, SOUND), compare(SOUND, improves), compare(FLAWED, improves)]
    for e in (improves, still_silent, *later, abs(improves), improves.at_level(0.05), *holm([improves], 5)):
        for verdict in (e <= 1, e >= 1):
            assert verdict.outcome == "undecided"
            assert str(verdict).endswith(f": cannot be compared: {SILENT}, undecided")


COPIED, IGNORED, UNSURE = between(0.8, 1, 0.9), between(0, 0.1, 0.05), between(0, 0.9, 0.4)


def test_who_ignores_both_is_not_praised_for_ignoring_one() -> None:
    noted: list[Verdict] = []
    verdict = IGNORED.beside(IGNORED.named("b"), "ignores both") <= Bound(0.2, noted.append)
    assert noted == [verdict]
    assert str(verdict) == "a: ignores both (b 0.05 [0.00, 0.10]), undecided"


def test_who_surely_ignores_both_is_asked_no_more() -> None:
    later = [(500, 0.01)]
    assert (IGNORED.beside(IGNORED, "ignores both") <= 0.2).is_futile(later)
    assert not (IGNORED.beside(UNSURE, "ignores both") <= 0.2).is_futile(later)


def test_a_control_stays_beside_what_is_asked_at_another_level() -> None:
    beside = estimate([0.05] * 60, 0.05).beside(IGNORED, "ignores both")
    assert (beside.at_level(0.2) <= 0.2).outcome == "undecided"
    assert (abs(beside) <= 0.2).outcome == "undecided"


@pytest.mark.parametrize(
    ("judged", "control", "outcome", "said"),
    [
        (IGNORED, COPIED, "held", "a 0.05 [0.00, 0.10] <= 0.2, held"),
        (IGNORED, UNSURE, "undecided", "a: it is open whether it ignores both (a 0.40 [0.00, 0.90])"),
        (IGNORED, FLAWED, "undecided", f"a: cannot be compared: {SILENT}"),
        (UNSURE, COPIED, "undecided", "a 0.40 [0.00, 0.90], undecided at n=20 problems"),
        (COPIED, COPIED, "refuted", "a 0.90 [0.80, 1.00] > 0.2, refuted"),
        (COPIED, IGNORED, "refuted", "a 0.90 [0.80, 1.00] > 0.2, refuted"),
        (FLAWED, COPIED, "undecided", f"a: {SILENT}, undecided"),
    ],
)
def test_a_control_keeps_from_holding_and_from_nothing_else(
    judged: Estimate, control: Estimate, outcome: str, said: str
) -> None:
    verdict = judged.beside(control, "ignores both") <= 0.2
    assert (verdict.outcome, bool(verdict)) == (outcome, outcome == "held")
    assert str(verdict).startswith(said)


def test_below_is_the_difference_turned_round() -> None:
    one, other = estimate([1, 2, 3], 2, label="a"), estimate([10, 20, 40], 20, label="b")
    assert one.below(other).label == "b - a"
    assert (one.below(other).value, one.below(other).draws.tolist()) == (18, (other - one).draws.tolist())


def test_named() -> None:
    e = estimate([1, 2])
    assert (e.named("gap").label, e.named("gap").value, e.label) == ("gap", e.value, "a")


@pytest.mark.parametrize("op", OPERATORS)
def test_a_comparison_is_a_verdict_with_the_numbers_in_it(op: Op) -> None:
    verdict = OPERATORS[op](between(2, 4, value=3), 3)
    assert verdict == Verdict("undecided", "a", 3, 2, 4, op, 3, 20, standard_error=verdict.standard_error)


def test_operators_and_bounds() -> None:
    e = between(2, 4, value=3)
    outcomes = {f"{op} {b}": compare(e, b).outcome for op, compare in OPERATORS.items() for b in (1, 2, 4, 5)}
    assert outcomes == {
        **{">= 1": "held", ">= 2": "held", ">= 4": "undecided", ">= 5": "refuted"},
        **{"<= 1": "refuted", "<= 2": "undecided", "<= 4": "held", "<= 5": "held"},
        **{"> 1": "held", "> 2": "undecided", "> 4": "refuted", "> 5": "refuted"},
        **{"< 1": "refuted", "< 2": "refuted", "< 4": "undecided", "< 5": "held"},
    }


@pytest.mark.parametrize("op", OPERATORS)
def test_a_flaw_refutes_whatever_the_numbers_are(op: Op) -> None:
    flawed = estimate([0.0] * 100, 0.0, flaw="a states no confidence (stated rate 0.5 < 0.8)", n=2)
    for bound in (-0.5, 0.0, 0.5):
        verdict = OPERATORS[op](flawed, bound)
        assert verdict.outcome == "refuted"
        assert "states no confidence" in str(verdict)


@pytest.mark.parametrize(("n", "outcome"), [(1, "undecided"), (7, "undecided"), (8, "held"), (500, "held")])
def test_too_few_problems_of_its_own_settle_nothing(n: int, outcome: str) -> None:
    verdict = between(1, 1, value=1, n=n) >= 0.9
    assert verdict.outcome == outcome


@pytest.mark.parametrize("op", OPERATORS)
def test_a_bound_passes_on_each_verdict_once(op: Op) -> None:
    noted: list[Verdict] = []
    bound = Bound(3, noted.append)
    verdict = OPERATORS[op](between(4, 5), bound)
    assert noted == [verdict]
    assert noted[0] is verdict
    assert type(verdict.bound) is float


def test_a_bound_on_the_left_asks_the_same() -> None:
    noted: list[Verdict] = []
    verdict = Bound(3, noted.append) <= between(4, 5)
    assert [verdict] == noted
    assert (noted[0].op, noted[0].outcome) == (">=", "held")
