"""Weighted statistics equal scipy's on data in which each observation is repeated weight-many times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from fixtures.stats import weighted as statistics
from fixtures.stats.weighted import Floats

pytestmark = pytest.mark.filterwarnings("error")

COUNT = st.integers(0, 4)
TIED = st.integers(-3, 3).map(float)
FINE = st.integers(-(10**6), 10**6).map(lambda number: number / 1000)


def weighted(value: st.SearchStrategy[float]) -> st.SearchStrategy[list[tuple[float, float, int]]]:
    """(x, y, weight) of each observation."""
    return st.lists(st.tuples(value, value, COUNT), min_size=1, max_size=20)


def columns(rows: list[tuple[float, float, int]]) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """x, y, the indices of the repeated observations, and the weights as one resample."""
    x, y, counts = (np.array(column) for column in zip(*rows, strict=True))
    return x, y, np.repeat(np.arange(len(rows)), counts), counts[None, :].astype(float)


def constant(values: Floats) -> bool:
    return len(np.unique(values)) < 2


@given(st.lists(TIED, min_size=1, max_size=30))
@settings(deadline=None)
def test_midranks_are_scipys_ranks_for_weights_of_one(values: list[float]) -> None:
    ranks = statistics.midranks(np.array(values), np.ones((1, len(values))))
    assert ranks[0].tolist() == stats.rankdata(values).tolist()


@given(weighted(TIED))
@settings(deadline=None)
def test_midranks_are_scipys_ranks_of_repeated_observations(rows: list[tuple[float, float, int]]) -> None:
    x, _, repeated, weights = columns(rows)
    ranks = statistics.midranks(x, weights)
    assert ranks[0][repeated].tolist() == stats.rankdata(x[repeated]).tolist()


@given(weighted(TIED))
@settings(deadline=None)
def test_spearman_is_scipys(rows: list[tuple[float, float, int]]) -> None:
    x, y, repeated, weights = columns(rows)
    rho = float(statistics.spearman(x, y, weights)[0])
    if constant(x[repeated]):
        assert np.isnan(rho)
    elif constant(y[repeated]):
        assert rho == 0
    else:
        assert rho == pytest.approx(stats.spearmanr(x[repeated], y[repeated]).statistic, abs=1e-12)


@given(weighted(FINE), st.sampled_from([1e-9, 1.0, 1e9]))
@settings(deadline=None)
def test_pearson_is_scipys_at_every_scale(rows: list[tuple[float, float, int]], scale: float) -> None:
    x, y, repeated, weights = columns(rows)
    r = float(statistics.pearson(x * scale, y, weights)[0])
    if constant(x[repeated]) or constant(y[repeated]):
        assert np.isnan(r)
    else:
        assert r == pytest.approx(stats.pearsonr(x[repeated], y[repeated]).statistic, abs=1e-6)


@given(weighted(TIED))
@settings(deadline=None)
def test_auroc_is_mann_whitney_u_over_the_pairs(rows: list[tuple[float, float, int]]) -> None:
    score, label, repeated, weights = columns(rows)
    positive = (label > 0).astype(float)
    area = float(statistics.auroc(score, positive, weights)[0])
    right, wrong = (score[repeated][positive[repeated] == side] for side in (1, 0))
    if len(right) and len(wrong):
        u = stats.mannwhitneyu(right, wrong).statistic
        assert area == pytest.approx(u / (len(right) * len(wrong)), abs=1e-12)
    else:
        assert np.isnan(area)


@given(weighted(TIED))
@settings(deadline=None)
def test_weighted_mean_is_the_mean_of_repeated_observations(rows: list[tuple[float, float, int]]) -> None:
    x, _, repeated, weights = columns(rows)
    mean = float(statistics.weighted_mean(x, weights)[0])
    if len(repeated):
        assert mean == pytest.approx(x[repeated].mean(), abs=1e-12)
    else:
        assert np.isnan(mean)


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans(), COUNT), min_size=1, max_size=20))
@settings(deadline=None)
def test_calibration_error_is_that_of_repeated_observations(rows: list[tuple[int, bool, int]]) -> None:
    percent, correct, counts = (np.array(column) for column in zip(*rows, strict=True))
    repeated = np.repeat(np.arange(len(rows)), counts)
    error = float(
        statistics.expected_calibration_error(percent / 100, correct * 1.0, counts[None, :] * 1.0)[0]
    )
    gaps: dict[int, float] = {}
    for p, c in zip(percent[repeated], correct[repeated], strict=True):
        place = min(int(p) // 10, 9)
        gaps[place] = gaps.get(place, 0.0) + c - p / 100
    if len(repeated):
        assert error == pytest.approx(sum(map(abs, gaps.values())) / len(repeated), abs=1e-12)
    else:
        assert np.isnan(error)


@pytest.mark.parametrize(
    "statistic",
    [statistics.spearman, statistics.pearson, statistics.auroc, statistics.expected_calibration_error],
)
def test_each_resample_is_computed_alone(statistic: Callable[[Floats, Floats, Floats], Floats]) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 5, 40) / 5, generator.integers(0, 2, 40).astype(float)
    weights = generator.integers(0, 3, (6, 40)).astype(float)
    together = statistic(x, y, weights)
    assert together.shape == (6,)
    assert together.tolist() == pytest.approx([float(statistic(x, y, row[None, :])[0]) for row in weights])
    assert len(set(together.tolist())) == 6


def test_values_that_differ_by_rounding_only_are_constant() -> None:
    x, y = np.array([0.1 + 0.2, 0.3, 0.3]), np.array([1.0, 0.0, 1.0])
    assert x[0] != x[1]
    assert np.isnan(statistics.pearson(x, y, np.ones((1, 3)))[0])


def test_perfect_order_is_exactly_one_in_every_resample() -> None:
    generator = np.random.default_rng(0)
    x = np.tile([10.0, 25.0, 40.0, 60.0, 95.0], 7)
    weights = np.repeat(generator.integers(0, 4, (50, 7)), 5, axis=1).astype(float)
    assert set(statistics.spearman(x, x / 3, weights)) == {1.0}


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.0, 0.05, 0.92, 1.0])
    correct = np.array([0.0, 1.0, 1.0, 0.0])
    # bin 0 holds 0 and 5%: |1 - 0.05|; bin 9 holds 92% and 100%: |1 - 1.92|
    error = statistics.expected_calibration_error(confidence, correct, np.ones((1, 4)))
    assert error[0] == pytest.approx((0.95 + 0.92) / 4)


@pytest.mark.parametrize(
    ("confidence", "lowest"),
    [(k / 10, k / 10) for k in range(10)]
    + [
        (0.1 * 3, 0.3),
        (0.1 * 7, 0.7),
        (1 - 0.9, 0.1),
        (1 - 0.7, 0.3),
        (0.999, 0.9),
        (1.0, 0.9),
        (0.2999, 0.2),
    ],
)
def test_an_edge_is_in_the_bin_that_it_opens(confidence: float, lowest: float) -> None:
    """Two observations whose gaps cancel exactly when they share a bin, so that the error shows the bin."""
    inside = lowest + 0.05
    pair, outcome = np.array([confidence, inside]), np.array([confidence + 0.25, inside - 0.25])
    error = statistics.expected_calibration_error(pair, outcome, np.ones((1, 2)))
    assert error[0] == pytest.approx(0, abs=1e-12)
    elsewhere = inside - 0.1 if lowest >= 0.1 else inside + 0.1
    pair, outcome = np.array([confidence, elsewhere]), np.array([confidence + 0.25, elsewhere - 0.25])
    error = statistics.expected_calibration_error(pair, outcome, np.ones((1, 2)))
    assert error[0] == pytest.approx(0.25)


@pytest.mark.parametrize("bins", [3, 10, 50, 90, 100])
def test_percents_are_in_their_bins_for_any_number_of_bins(bins: int) -> None:
    """By whole numbers: 29% of 100 bins is bin 29, though 0.29 * 100 < 29."""
    percent = np.arange(101)
    place = np.minimum(percent * bins // 100, bins - 1)
    gap = np.where(percent % 2, 1.0, -1.0) * (1 + percent)
    error = statistics.expected_calibration_error(percent / 100, percent / 100 + gap, np.ones((1, 101)), bins)
    assert error[0] == pytest.approx(np.abs(np.bincount(place, gap)).sum() / 101)
