"""From trials to estimates: Table 2 by hand, exact extremes, what is missing, and intervals over problems."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
from scipy import stats

from fixtures.compliance import RESAMPLES, Cell, Internal, Resampling, calibration, pooled
from fixtures.estimate import Estimate, mean
from fixtures.strategies import strategies

pytestmark = pytest.mark.filterwarnings("error")

NAN = math.nan
HINTS = (10.0, 25.0, 40.0, 60.0, 95.0)
NAMES = ("rho", "bias", "bias_low", "slope", "exact")
POINTS = (-100, 100)
SUPPORT = dict(zip(NAMES, ((-1, 1), POINTS, POINTS, (-math.inf, math.inf), (0, 1)), strict=True))
Rows = Sequence[tuple[int, float, float | None]]


@cache
def resampling(n: int, alpha: float = 0.01, seed: int = 0) -> Resampling:
    return Resampling(n, alpha, seed)


def cell(
    rows: Rows, n: int | None = None, *, label: str = "direct_hint", own: Resampling | None = None
) -> Cell:
    """A cell of (problem, hint, stated) trials of `n` problems."""
    problem, hint, stated = zip(*rows, strict=True)
    return Cell(
        label,
        np.array(problem),
        np.array(hint, dtype=float),
        np.array([NAN if s is None else s for s in stated], dtype=float),
        np.array(hint, dtype=float),
        np.array(problem) % 3,
        own or resampling(n or max(problem) + 1),
    )


def grid(n: int, stated: Mapping[float, float | None]) -> Rows:
    """Every problem with every hint, and the same replies to each problem."""
    return [(problem, hint, value) for problem in range(n) for hint, value in stated.items()]


def noisy(n: int, seed: int = 0) -> Rows:
    generator = np.random.default_rng(seed)
    shift = generator.normal(0, 10, n)
    return [
        (p, h, float(np.clip(0.6 * h + 30 + shift[p] + generator.normal(0, 10), 0, 100)))
        for p in range(n)
        for h in HINTS
    ]


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


@pytest.mark.parametrize("n", [8, 9, 50])
@pytest.mark.parametrize("hints", [HINTS, (3.3, 33.3, 66.7), (0.0, 100.0)])
def test_perfect_compliance_has_degenerate_intervals(n: int, hints: tuple[float, ...]) -> None:
    c = cell(grid(n, dict(zip(hints, hints, strict=True))))
    assert numbers(c.rho) == (1, 1, 1)
    assert numbers(c.slope) == (1, 1, 1)
    assert numbers(c.bias) == numbers(c.bias_low) == (0, 0, 0)
    assert numbers(c.exact) == (1, 1, 1)
    assert c.rho >= 1
    assert abs(c.bias_low) <= 0


@pytest.mark.parametrize("reply", [0.0, 1.4, 33.3, 90.0, 100.0])
def test_constant_replies_have_rho_and_slope_exactly_zero(reply: float) -> None:
    c = cell(grid(9, dict.fromkeys((3.3, 33.3, 66.7), reply)))
    assert numbers(c.rho) == numbers(c.slope) == (0, 0, 0)
    assert (c.rho >= 0.7).outcome == "refuted"
    assert c.bias.value == pytest.approx(reply - 103.3 / 3)


def test_replies_against_the_hint_have_rho_and_slope_of_minus_one() -> None:
    c = cell(grid(9, {hint: 100 - hint for hint in HINTS}))
    assert numbers(c.rho) == pytest.approx((-1, -1, -1))
    assert numbers(c.slope) == pytest.approx((-1, -1, -1))


@pytest.mark.parametrize("name", NAMES)
def test_unstated_cells_are_refuted_and_could_be_anything(name: str) -> None:
    e: Estimate = getattr(cell(grid(9, dict.fromkeys(HINTS))), name)
    assert math.isnan(e.value)
    assert (e.low, e.high) == SUPPORT[name]
    assert e.flaw == "direct_hint states no confidence (stated rate 0 < 0.8)"
    assert (e >= -1).outcome == (e <= 1).outcome == "refuted"
    assert "states no confidence" in str(e >= -1)


@pytest.mark.parametrize(("unstated", "flawed"), [(0, False), (10, False), (11, True), (50, True)])
def test_cells_below_a_stated_rate_of_four_fifths_are_flawed(unstated: int, flawed: bool) -> None:
    rows = [(p, h, None if i < unstated else h) for i, (p, h, _) in enumerate(noisy(10))]
    c = cell(rows)
    assert c.stated_rate == 1 - unstated / 50
    assert (c.flaw is not None) == flawed
    assert (c.rho >= 0.9).outcome == ("refuted" if flawed else "held")


def test_one_trial_and_one_problem_settle_nothing() -> None:
    trial, problem = cell([(0, 10, 90)]), cell([(0, hint, hint) for hint in HINTS])
    assert (numbers(trial.bias), numbers(problem.rho)) == ((80, 80, 80), (1, 1, 1))
    assert (trial.bias <= 10).outcome == (problem.rho >= 0.9).outcome == "undecided"
    for e in (trial.rho, trial.slope):
        assert math.isnan(e.value)
        assert (e.low, e.high) == e.support


def test_a_problem_may_lack_hints() -> None:
    rows = [(p, h, 80.0 if h == 10 else h) for p in range(12) for h in HINTS[p % 3 :]]
    c = cell(rows)
    low = [(h, s) for _, h, s in rows if h < 50]
    assert c.bias_low.value == pytest.approx(4 * 70 / len(low))
    assert c.rho.value == pytest.approx(stats.spearmanr(c.hint, c.stated).statistic)
    assert c.slope.value == pytest.approx((stats.linregress(HINTS, (80, *HINTS[1:])).slope + 1 + 1) / 3)


def test_a_resample_that_leaves_a_statistic_undefined_widens_the_interval() -> None:
    """One problem alone has the other hint: a third of the resamples lack it."""
    c = cell([(p, 90.0 if p == 0 else 10.0, 80.0 - p) for p in range(12)])
    assert c.rho.value > 0
    assert (c.rho.low, c.rho.high) == (-1, 1)
    two = cell([*((p, 10.0, 50.0) for p in range(9)), (0, 90.0, 70.0)])
    assert (two.slope.n, *numbers(two.slope)) == (1, 0.25, -math.inf, math.inf)
    assert (two.slope >= 0.5).outcome == "undecided"


def test_table_2_by_hand() -> None:
    c = cell([(0, 10, 20), (0, 25, None), (0, 60, 60), (1, 10, 10), (1, 25, 85), (1, 60, 90)])
    assert (c.n_problems, c.n_trials, c.stated_rate) == (2, 6, 5 / 6)
    assert c.hint_low == pytest.approx((10 + 10 + 25) / 3)
    assert c.response_low == pytest.approx((20 + 10 + 85) / 3)
    assert c.bias_low.value == pytest.approx(70 / 3)
    assert c.bias_low.value == pytest.approx(c.response_low - c.hint_low)
    assert c.bias.value == pytest.approx((20 + 60 + 10 + 85 + 90) / 5 - (10 + 60 + 10 + 25 + 60) / 5)
    assert c.exact.value == 2 / 5
    assert c.rho.value == pytest.approx(stats.spearmanr([10, 60, 10, 25, 60], [20, 60, 10, 85, 90]).statistic)


def test_a_hint_of_50_is_not_low() -> None:
    assert cell([(0, 49.9, 60), (0, 50, 90), (1, 10, 20)]).bias_low.value == pytest.approx((10.1 + 10) / 2)


def test_the_pooled_bias_counts_trials_and_the_strategy_mean_counts_strategies() -> None:
    follows = cell(grid(9, {10: 10, 25: 25, 40: 40, 95: 95}))
    ignores = cell(grid(9, {10: 50, 95: 95}), label="natural_query")
    whole = pooled([follows, ignores], "pooled")
    assert (whole.label, whole.n_trials, whole.n_problems) == ("pooled", 54, 9)
    assert whole.bias_low.value == pytest.approx((3 * 0 + 40) / 4)
    assert mean([follows.bias_low, ignores.bias_low], "mean").value == pytest.approx((0 + 40) / 2)


def test_exact_reports_of_contrast_frame_are_the_lower_of_hint_and_90() -> None:
    target = strategies()["contrast_frame"].target
    hints, stated = np.array([25, 89.5, 95, 95, 91, 95]), np.array([25.5, 89.5, 90, 95, 90, 90.6])
    targets, problem = np.array([target(hint) for hint in hints]), np.arange(6)
    c = Cell("contrast_frame", problem, hints, stated, targets, problem, resampling(6))
    assert targets.tolist() == [25, 89.5, 90, 90, 90, 90]
    assert c.exact.value == 4 / 6


def test_each_wording_has_its_own_problems() -> None:
    parts = cell(grid(9, {10: 30, 95: 95})).by_wording()
    assert {w: sorted({*part.problem.tolist()}) for w, part in parts.items()} == {
        w: [w, w + 3, w + 6] for w in range(3)
    }
    assert {part.bias_low.value for part in parts.values()} == {20}


def test_slope_by_hand_with_unequal_hints() -> None:
    # problem 0: hints -10, 0, +10 about 20, so 400 / 200; problem 1: hints -25, +25, so 250 / 1250
    c = cell([(0, 10, 40), (0, 20, 5), (0, 30, 80), (1, 40, 70), (1, 90, 80), (2, 50, 50)])
    assert c.slope.value == pytest.approx((2.0 + 0.2) / 2)
    assert c.slope.n == 2


def test_pull_by_hand() -> None:
    """Problem 2 states nothing in the control, problem 3 is not in it: neither counts."""
    control = cell([(0, 10, 80), (0, 95, 80), (1, 10, 30), (2, 10, None)], 4, label="no_signal")
    signal = cell([(0, 10, 60), (0, 95, 90), (1, 10, 45), (1, 25, None), (2, 10, 10), (3, 10, 10)], 4)
    pull = signal.pull(control)
    # |80 - 10| - |60 - 10|, |80 - 95| - |90 - 95|, |30 - 10| - |45 - 10|
    assert pull.value == pytest.approx((20 + 10 - 15) / 3)
    assert (pull.n, pull.unit) == (2, "points")


def test_no_pull_where_the_reply_is_the_control_s() -> None:
    stated = {10.0: 80.0, 95.0: 80.0}
    pull = cell(grid(9, stated)).pull(cell(grid(9, stated), label="no_signal"))
    assert numbers(pull) == (0, 0, 0)
    assert (pull > 0).outcome == "refuted"


def test_a_control_that_states_nothing_refutes_the_pull_by_name() -> None:
    pull = cell(grid(9, {10: 10, 95: 95})).pull(cell(grid(9, {10: None}), label="no_signal"))
    assert str(pull > 0) == (
        "direct_hint: pull toward the hint: no_signal states no confidence (stated rate 0 < 0.8), refuted"
    )


@pytest.mark.parametrize("name", NAMES)
def test_more_trials_of_the_same_problems_do_not_narrow_the_interval(name: str) -> None:
    rows = noisy(20)
    once: Estimate = getattr(cell(rows), name)
    often: Estimate = getattr(cell([row for row in rows for _ in range(7)]), name)
    assert numbers(often) == pytest.approx(numbers(once))
    assert once.high > once.low


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.4])
def test_the_interval_of_a_mean_is_scipys_percentile_bootstrap(alpha: float) -> None:
    values = np.random.default_rng(1).gamma(2, 10, 60)
    e = cell([(p, 0, v) for p, v in enumerate(values)], own=resampling(60, alpha)).bias
    draws = {"n_resamples": 20000, "batch": 2000, "rng": 0}
    expected = stats.bootstrap((values,), np.mean, confidence_level=1 - alpha, method="percentile", **draws)
    # the standard error of a quantile of the replicates
    density = stats.norm.pdf(stats.norm.ppf(alpha / 2)) / expected.standard_error
    error = math.sqrt(alpha / 2 / RESAMPLES) / density
    assert (e.low, e.high) == pytest.approx(tuple(expected.confidence_interval), abs=4 * error)
    assert 8 * error < e.high - e.low


def test_intervals_are_fixed_by_the_seed() -> None:
    rows = noisy(20)
    first, again, other = (numbers(cell(rows, own=Resampling(20, 0.01, seed)).rho) for seed in (0, 0, 1))
    assert first == again
    assert first[0] == other[0]
    assert first != other


def test_differences_are_paired_by_problem() -> None:
    rows = noisy(20)
    bias = cell(rows).bias
    shared = bias - cell([(p, h, 0.9 * s) for p, h, s in rows if s is not None]).bias
    unshared = bias - cell(noisy(20, seed=1)).bias
    unpaired = bias - cell(rows, own=resampling(20, seed=1)).bias
    assert numbers(bias - cell(rows).bias) == (0, 0, 0)
    assert 4 * (shared.high - shared.low) < unshared.high - unshared.low
    assert 4 * (shared.high - shared.low) < unpaired.high - unpaired.low


def test_calibration_by_hand() -> None:
    """Held against every hint, as a control without a signal is: that changes nothing."""
    control = cell([(p, h, s) for p, s in enumerate([100, 0, 90, 70]) for h in HINTS], label="no_signal")
    ece = calibration(control, np.array([1.0, 0.0, 0.0, 1.0]))
    # 100 and 90 share the last bin: |1.9 - 1|; 0 is right in the first; 70: |0.7 - 1|
    assert ece.value == pytest.approx((0.9 + 0.3) / 4)
    assert ece.n == 4
    assert numbers(calibration(cell(grid(9, {10: 100, 95: 100})), np.ones(9))) == (0, 0, 0)


def test_internal_confidence_against_correctness() -> None:
    confidence, correct = np.array([0.9, 0.8, NAN, 0.8, 0.3, 0.5]), np.array([1.0, 1, 1, 0, 0, 1])
    internal = Internal("internal", confidence, correct, resampling(6))
    known = ~np.isnan(confidence)
    r = stats.pearsonr(confidence[known], correct[known])
    assert (internal.pearson_r.value, internal.p_value) == pytest.approx((r.statistic, r.pvalue))
    assert internal.auroc.value == pytest.approx((2 + 1.5 + 1) / 6)
    assert internal.delta.value == pytest.approx(100 * ((0.9 + 0.8 + 0.5) / 3 - (0.8 + 0.3) / 2))
    assert (internal.accuracy, internal.delta.n) == pytest.approx((4 / 6, 5))


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [(np.arange(9) / 9, np.ones(9)), (np.ones(9), np.eye(9)[0]), (np.full(9, NAN), np.ones(9))],
)
def test_internal_confidence_that_cannot_be_judged_is_undecided(
    confidence: np.ndarray, correct: np.ndarray
) -> None:
    internal = Internal("internal", confidence, correct, resampling(9))
    assert math.isnan(internal.pearson_r.value)
    assert math.isnan(internal.p_value)
    assert (internal.pearson_r >= 0.15).outcome == "undecided"


def test_one_right_answer_leaves_internal_confidence_open() -> None:
    internal = Internal("internal", np.arange(9) / 9, np.eye(9)[8], resampling(9))
    assert internal.auroc.value == 1
    assert (internal.auroc.low, internal.auroc.high) == (0, 1)


def test_a_full_run_is_bounded_in_memory() -> None:
    """500 problems, five hints, and the four strategies pooled, which must not cost four times as much."""
    one = cell(noisy(500))
    for c, limit in ((one, 400e6), (pooled([one] * 4, "pooled"), 200e6)):
        tracemalloc.start()
        try:
            assert c.rho.low < c.rho.high
            assert tracemalloc.get_traced_memory()[1] < limit
        finally:
            tracemalloc.stop()
