"""From trials to estimates: Table 2 by hand, exact extremes, what is missing, and intervals over problems."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from fixtures.questions.strategies import strategies
from fixtures.stats.bootstrap import Resampling
from fixtures.stats.cell import Cell, pooled
from fixtures.stats.estimate import Estimate, mean

pytestmark = pytest.mark.filterwarnings("error")

NAN = math.nan
HINTS = (10.0, 25.0, 40.0, 60.0, 95.0)
NAMES = ("rho", "within_rho", "bias", "bias_low", "slope", "exact")
POINTS = (-100, 100)
SUPPORT = dict(zip(NAMES, ((-1, 1), (-1, 1), POINTS, POINTS, (-math.inf, math.inf), (0, 1)), strict=True))
Rows = Sequence[tuple[int, float, float | None]]


@cache
def resampling(n: int, alpha: float = 0.01, seed: int = 0) -> Resampling:
    return Resampling(n, alpha, seed)


def heard(trials: int) -> NDArray[np.bool_]:
    """No reply was cut off."""
    return np.zeros(trials, dtype=bool)


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
        np.unique(np.array(hint, dtype=float)),
        own or resampling(n or max(problem) + 1),
        heard(len(rows)),
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


@pytest.mark.parametrize("hints", [HINTS, (3.3, 33.3, 66.7), (0.0, 100.0)])
def test_perfect_compliance_is_exact_and_no_proof_about_problems_unseen(hints: tuple[float, ...]) -> None:
    c = cell(grid(9, dict(zip(hints, hints, strict=True))))
    assert (c.rho.value, c.slope.value, c.bias.value, c.bias_low.value, c.exact.value) == (1, 1, 0, 0, 1)
    assert c.rho.low < c.rho.high == 1
    assert c.exact.low < c.exact.high == 1
    assert abs(c.bias_low).high > 0


@pytest.mark.parametrize("n", [9, 37, 77, 200])
def test_where_every_problem_agrees_an_end_is_clopper_and_pearson_s(n: int) -> None:
    """No problem of n fails: at most 1 - 0.005^(1/n) of all do, and a low bias of 75 is the worst failure."""
    high = cell(grid(n, dict(zip(HINTS, HINTS, strict=True)))).bias_low.high
    assert high == pytest.approx(75 * stats.beta(1, n).ppf(0.995), rel=0.15)
    exact = cell(grid(n, dict(zip(HINTS, HINTS, strict=True)))).exact.low
    assert 1 - exact == pytest.approx(stats.beta(1, n).ppf(0.995), rel=0.15)


@pytest.mark.parametrize("failing", [1, 5, 30])
def test_where_problems_do_one_of_two_things_an_end_is_clopper_and_pearson_s(failing: int) -> None:
    rows = [(p, h, 100.0 if p < failing else h) for p in range(60) for h in HINTS]
    bias = cell(rows).bias_low
    assert bias.value == pytest.approx(75 * failing / 60)
    assert bias.high == pytest.approx(75 * stats.beta(failing + 1, 60 - failing).ppf(0.995), rel=0.05)


@pytest.mark.parametrize("reply", [0.0, 1.4, 33.3, 90.0, 100.0])
def test_constant_replies_have_rho_and_slope_exactly_zero(reply: float) -> None:
    c = cell(grid(9, dict.fromkeys((3.3, 33.3, 66.7), reply)))
    assert c.rho.value == c.slope.value == 0
    assert (c.rho >= 0.9).outcome == "refuted"
    assert c.bias.value == pytest.approx(reply - 103.3 / 3)


def test_replies_against_the_hint_have_rho_and_slope_of_minus_one() -> None:
    c = cell(grid(9, {hint: 100 - hint for hint in HINTS}))
    assert (c.rho.value, c.slope.value) == pytest.approx((-1, -1))


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
    assert (c.rho >= -1).outcome == ("refuted" if flawed else "held")


def test_a_look_before_the_last_refutes_only_what_surely_states_too_little() -> None:
    rows = [(p, h, None if p < 5 else h) for p in range(20) for h in HINTS]
    assert cell(rows).flaw == "direct_hint states no confidence (stated rate 0.75 < 0.8)"
    early = cell(rows, own=Resampling(20, last=False))
    assert early.flaw is None
    assert (early.rho >= -1).outcome == "undecided"
    assert cell(grid(20, dict.fromkeys(HINTS)), own=Resampling(20, last=False)).flaw is not None


def test_silence_at_one_hint_in_five_is_a_flaw_and_two_lapses_there_are_not() -> None:
    silent = cell(grid(20, {10: None, 25: 25, 40: 40, 60: 60, 95: 95}))
    assert silent.stated_rate == 0.8
    assert silent.flaw == "direct_hint at hint 10 states no confidence (stated rate 0 < 0.8)"
    lapses = [(p, h, None if p < 5 and h == 10 else h) for p in range(20) for h in HINTS]
    assert cell(lapses).flaw is None


def test_a_pooled_cell_has_the_flaw_of_any_of_its_parts() -> None:
    sound, silent = (
        cell(grid(20, dict.fromkeys(HINTS, s)), label=label) for s, label in ((90, "a"), (None, "b"))
    )
    whole = pooled([sound, sound, sound, sound, silent], "pooled")
    assert whole.stated_rate == 0.8
    assert whole.flaw == "b states no confidence (stated rate 0 < 0.8)"


def test_one_trial_and_one_problem_settle_nothing() -> None:
    trial, problem = cell([(0, 10, 90)]), cell([(0, hint, hint) for hint in HINTS])
    assert (trial.bias.value, problem.rho.value) == (80, 1)
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


def test_a_slope_that_one_problem_alone_shows_settles_nothing() -> None:
    two = cell([*((p, 10.0, 50.0) for p in range(9)), (0, 90.0, 70.0)])
    assert (two.slope.n, two.slope.value) == (1, 0.25)
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
    c = Cell(
        "contrast_frame", problem, hints, stated, targets, problem, np.unique(hints), resampling(6), heard(6)
    )
    assert targets.tolist() == [25, 89.5, 90, 90, 90, 90]
    assert c.exact.value == 4 / 6


def test_each_wording_has_its_own_problems() -> None:
    parts = cell(grid(9, {10: 30, 95: 95})).by_wording()
    assert {w: sorted({*part.problem.tolist()}) for w, part in parts.items()} == {
        w: [w, w + 3, w + 6] for w in range(3)
    }
    assert {part.bias_low.value for part in parts.values()} == {20}


def test_within_rho_by_hand() -> None:
    """A perfect order, a reversed one with a tie, a constant; one that is stated once is left out."""
    c = cell(
        [
            *((0, 10, 3), (0, 20, 5), (0, 90, 80)),
            *((1, 10, 90), (1, 20, 50), (1, 90, 50)),
            *((2, 10, 70), (2, 20, 70), (2, 90, 70)),
            *((3, 10, 40), (3, 20, None), (3, 90, None)),
        ],
        own=Resampling(4, last=False),
    )
    assert c.within_rho.value == pytest.approx((1 - np.sqrt(3) / 2 + 0) / 3)
    assert c.within_rho.n == 3


def test_within_rho_sees_what_a_shift_of_each_problem_hides_from_pooled_rho() -> None:
    shifts = np.random.default_rng(0).normal(0, 20, 30)
    c = cell([(p, h, 0.5 * h + 25 + shift) for p, shift in enumerate(shifts) for h in HINTS])
    assert c.within_rho.value == 1
    assert c.rho.value < 0.7


def test_within_rho_of_followers_is_held_with_as_many_problems_as_gaffkes_bound_needs() -> None:
    """The unseen problem has -1: the low end is 1 - 2w, with w exceeded with probability alpha / 2: 104 problems."""
    for n, outcome in ((100, "undecided"), (108, "held")):
        assert (cell(grid(n, {h: h for h in HINTS})).within_rho >= 0.90).outcome == outcome


def test_the_worst_unseen_problem_of_pooled_rho_is_worse_than_the_hints_in_reverse() -> None:
    """It says 100 below the mean hint and 0 above: with reversed hints alone, 33 problems held >= 0.7."""
    followed = {h: h for h in HINTS}
    assert (cell(grid(33, followed)).rho >= 0.7).outcome == "undecided"
    assert (cell(grid(60, followed)).rho >= 0.7).outcome == "held"


def test_a_wording_that_surely_breaks_a_bound_is_named_though_the_average_keeps_it() -> None:
    """29 points too high in one wording of three are 9.7 on average."""
    rows = [(p, h, h + 29.0 * (p % 3 == 1)) for p in range(300) for h in (10.0, 25.0, 40.0, 60.0)]
    c = cell(rows, own=Resampling(300, strata=3))
    verdict = abs(c.bias_low) <= 10
    assert verdict.outcome == "refuted"
    assert str(verdict).startswith("abs(direct_hint: low bias) 9.67 [")
    assert "] points, but wording 2 alone is 29.00 [" in str(verdict)
    assert "not <= 10: refuted at n=300 problems" in str(verdict)
    assert (c.bias_low <= 30).outcome == "held"
    assert (abs(pooled([c], "pooled").bias_low) <= 10).outcome != "refuted"


def test_a_wording_that_may_only_break_a_bound_breaks_none() -> None:
    rng = np.random.default_rng(0)
    rows = [(p, h, h + rng.normal(12 * (p % 3 == 1), 25)) for p in range(150) for h in HINTS]
    verdict = abs(cell(rows, own=Resampling(150, strata=3)).bias_low) <= 12
    assert (verdict.outcome, verdict.broken) == ("held", None)


def test_wordings_as_strata_narrow_the_interval_where_they_differ() -> None:
    rows = [(p, h, h + 29.0 * (p % 3 == 1)) for p in range(300) for h in (10.0, 25.0, 40.0, 60.0)]
    plain, stratified = (cell(rows, own=Resampling(300, strata=strata)).bias_low for strata in (1, 3))
    assert plain.value == stratified.value
    assert stratified.high - stratified.low < 0.5 * (plain.high - plain.low)


def test_slope_by_hand_with_unequal_hints() -> None:
    # sums of products: hints -10, 0, +10 about 20, so 400 and 200; hints -25, +25, so 250 and 1250
    c = cell([(0, 10, 40), (0, 20, 5), (0, 30, 80), (1, 40, 70), (1, 90, 80), (2, 50, 50)])
    assert c.slope.value == pytest.approx((400 + 250) / (200 + 1250))
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
    assert pull.value == 0
    assert (pull > 0).outcome == "undecided"
    assert (pull <= 50).outcome == "held"


def test_a_hint_of_100_counts() -> None:
    c = cell(grid(9, {10.0: 10.0, 100.0: 70.0}))
    assert c.bias.value == pytest.approx(-15)
    assert c.by_hint()[100.0].bias.value == pytest.approx(-30)


def test_a_control_that_states_nothing_leaves_the_pull_open_by_name() -> None:
    pull = cell(grid(9, {10: 10, 95: 95})).pull(cell(grid(9, {10: None}), label="no_signal"))
    assert str(pull > 0) == (
        "direct_hint: pull toward the hint: cannot be compared: "
        "no_signal states no confidence (stated rate 0 < 0.8), undecided"
    )


@pytest.mark.parametrize("name", NAMES)
def test_more_trials_of_the_same_problems_do_not_narrow_the_interval(name: str) -> None:
    """Asked seven times at each hint, as the unseen problem is then too."""
    c = cell(noisy(20))
    repeated: list[Any] = [
        np.repeat(a, 7) for a in (c.problem, c.hint, c.stated, c.target, c.wording, c.hints)
    ]
    once: Estimate = getattr(c, name)
    problem, hint, stated, target, wording, hints = repeated
    often: Estimate = getattr(
        Cell(c.label, problem, hint, stated, target, wording, hints, c.resampling, heard(len(hint))), name
    )
    assert numbers(often) == pytest.approx(numbers(once))
    assert once.high > once.low


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.4])
def test_the_interval_of_many_problems_is_scipys_bootstrap(alpha: float) -> None:
    """One trial a problem, and far from the ends of the scale, so that an unseen problem hardly weighs."""
    values = np.clip(np.random.default_rng(1).normal(50, 20, 2000), 0, 100)
    e = cell([(p, 0, v) for p, v in enumerate(values)], own=resampling(2000, alpha)).bias
    draws = {"n_resamples": 4000, "batch": 1000, "rng": 0}
    expected = stats.bootstrap((values,), np.mean, confidence_level=1 - alpha, method="percentile", **draws)
    assert (e.low, e.high) == pytest.approx(
        tuple(expected.confidence_interval), abs=0.3 * expected.standard_error
    )
    assert e.standard_error == pytest.approx(expected.standard_error, rel=0.05)


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
    assert (bias - cell(rows).bias).standard_error == 0
    assert 4 * shared.standard_error < unshared.standard_error
    assert 4 * shared.standard_error < unpaired.standard_error


def test_wordings_that_are_answered_differently_are_told_from_those_that_are_not() -> None:
    alike, one_ignored = noisy(30), [(p, h, 90.0 if p % 3 == 1 else s) for p, h, s in noisy(30)]
    assert cell(alike).wordings_p > 0.05
    assert cell(one_ignored).wordings_p < 0.001
    assert cell(grid(30, dict.fromkeys(HINTS, 90))).wordings_p == 1
    assert cell(grid(30, dict.fromkeys(HINTS))).wordings_p == 1


def test_a_target_that_ties_hints_is_no_fault() -> None:
    """contrast_frame states 90 at 91 and at 95."""
    hints = np.tile([10.0, 91.0, 95.0], 9)
    target = np.minimum(hints, 90)
    problem = np.repeat(np.arange(9), 3)
    c = Cell("contrast_frame", problem, hints, target, target, problem, hints[:3], resampling(9), heard(27))
    assert c.rho.value == 1


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


@pytest.mark.parametrize(
    ("silent", "cut", "outcome"),
    [
        (0, 0, "held"),
        (0, 10, "held"),
        (0, 30, "undecided"),
        (30, 0, "refuted"),
        (15, 15, "undecided"),
        (30, 15, "refuted"),
        (75, 25, "refuted"),
        (21, 1, "refuted"),
        (20, 1, "undecided"),
        (18, 4, "undecided"),
    ],
)
def test_what_a_limit_cut_off_is_in_doubt_and_what_is_silent_is_refuted(
    silent: int, cut: int, outcome: str
) -> None:
    """Of 100 problems so many state nothing, or were cut off before they could; the others follow."""
    stated = [None] * (silent + cut) + [1.0] * (100 - silent - cut)
    rows = [(p, h, None if said is None else h) for p, said in enumerate(stated) for h in HINTS]
    unheard = np.array([silent <= problem < silent + cut for problem, _, _ in rows])
    verdict = replace(cell(rows), unheard=unheard).rho >= 0.5
    assert verdict.outcome == outcome
    assert ("a limit cut off" in (verdict.flaw or "")) == (outcome == "undecided")


def test_what_is_compared_with_a_cell_in_doubt_cannot_be_judged() -> None:
    sound = cell(grid(40, {h: h for h in HINTS}))
    nothing = np.full(sound.n_trials, NAN)
    cut = replace(sound, stated=nothing, unheard=np.isnan(nothing))
    for verdict in (sound.rho - cut.rho <= 0.2, cut.rho - sound.rho <= 0.2, sound.pull(cut) >= 5):
        assert verdict.outcome == "undecided"
        assert "a limit cut off" in str(verdict.flaw)


def test_a_wording_is_resampled_as_what_it_is() -> None:
    """Alone it is a sample of its own problems: where they all agree, its low end is Clopper and Pearson's."""
    rows = [(p, h, h) for p in range(300) for h in HINTS]
    (part, *_) = cell(rows, own=Resampling(300, strata=3)).by_wording().values()
    assert stats.beta(100, 1).cdf(part.exact.low) == pytest.approx(0.005, rel=0.2)
