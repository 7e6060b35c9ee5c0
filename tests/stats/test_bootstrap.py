"""Resamples: their weights, wordings as strata, and ratios by the short way and by the long one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from fixtures.stats import bootstrap, weighted
from fixtures.stats.bootstrap import Resampling, Unseen, counted
from fixtures.stats.weighted import Floats


def weights(resampling: Resampling, resamples: int) -> Floats:
    return np.concatenate([*resampling.weights(resamples)])


def test_weights_are_dirichlet_and_begin_with_the_sample() -> None:
    found = weights(Resampling(9, seed=7), 4000)
    assert found.shape == (4001, 10)
    assert found[0].tolist() == [1.0] * 9 + [0.0]
    shares = found[1:] / found[1:].sum(axis=1, keepdims=True)
    for column in shares.T:  # a share of ten that are Dirichlet(1, ..., 1) is Beta(1, 9)
        assert stats.kstest(column, stats.beta(1, 9).cdf).pvalue > 0.001


def test_weights_are_fixed_by_n_and_seed() -> None:
    found = weights(Resampling(9, 0.5, seed=3), 100)
    assert (found == weights(Resampling(9, 0.4, seed=3, last=False), 100)).all()
    assert (found[1:] != weights(Resampling(9, 0.5, seed=4), 100)[1:]).any()


def test_fewer_resamples_are_the_first_of_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "CHUNK", 500)
    few, many = (weights(Resampling(9, 0.5), resamples) for resamples in (60, 200))
    assert (many[: len(few)] == few).all()


def test_a_level_has_five_replicates_outside_each_end() -> None:
    assert len(weights(Resampling(9, 0.0001), 100)) == 1 + 100_000


def test_weights_that_are_not_kept_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = weights(Resampling(40, seed=5), 300)
    monkeypatch.setattr(bootstrap, "KEPT", 0)
    assert (weights(Resampling(40, seed=5), 300) == kept).all()


@pytest.mark.parametrize("n", [191, 192, 194])
def test_each_wording_weighs_its_share_of_the_problems_where_it_has_enough(n: int) -> None:
    found = weights(Resampling(n, strata=3), 100)[1:, :n]
    shares = np.stack([found[:, w::3].sum(axis=1) / found.sum(axis=1) for w in range(3)], axis=1)
    counts = np.array([len(range(w, n, 3)) for w in range(3)])
    assert (np.ptp(shares, axis=0) < 1e-12).all() == (n >= 192)
    if n >= 192:
        assert shares[0] == pytest.approx(counts / n)


def test_the_unseen_problem_weighs_as_much_with_wordings_as_without() -> None:
    """As one more problem among all, and not among those of one wording."""
    plain, stratified = (weights(Resampling(200, strata=strata), 4000)[1:] for strata in (1, 3))
    assert stratified[:, -1] / stratified.sum(axis=1) == pytest.approx(plain[:, -1] / plain.sum(axis=1))


def test_a_ratio_is_the_same_by_the_short_way_and_by_the_long_one() -> None:
    """A mean over 30 problems with one, two or three observations, and two that might be unseen."""
    rng, resampling = np.random.default_rng(0), Resampling(30, 0.05)
    problem = np.repeat(np.arange(30), rng.integers(1, 4, 30))
    values = rng.normal(50, 20, len(problem))
    low, high = np.array([0.0, 5.0]), np.array([95.0, 100.0])
    short = resampling.ratio(
        "mean", problem, counted(values), Unseen((counted(low),), (counted(high),)), support=(0, 100)
    )
    long = resampling.estimate(
        "mean",
        lambda o, w: weighted.weighted_mean(o[:, 0], w),
        problem,
        values[:, None],
        Unseen((low[:, None],), (high[:, None],)),
        support=(0, 100),
    )
    assert short.value == long.value == pytest.approx(values.mean())
    assert short.n == long.n == 30
    assert short.draws.shape == (3, bootstrap.RESAMPLES)
    assert short.draws[:, : bootstrap.COARSE] == pytest.approx(long.draws)


def test_a_ratio_of_nothing_is_undefined() -> None:
    nothing = np.empty((0, 2))
    found = Resampling(9).ratio(
        "mean", np.empty(0, dtype=np.int64), nothing, Unseen((nothing,), (nothing,)), support=(0, 1)
    )
    assert (np.isnan(found.value), found.low, found.high, found.n) == (True, 0, 1, 0)


@pytest.mark.parametrize("alpha", [0.01, 0.0075])
def test_another_seed_moves_an_end_by_no_more_than_a_tenth_of_its_level_would(alpha: float) -> None:
    """Where all of n agree, the low end is Clopper and Pearson's: its realised tail is that of a beta distribution."""
    n, one = 60, counted(np.ones(1))
    tails = []
    for seed in range(20):
        found = Resampling(n, alpha, seed).ratio(
            "share", np.arange(n), counted(np.ones(n)), Unseen((0 * one + [0, 1],), (one,)), support=(0, 1)
        )
        tails.append(stats.beta(n, 1).cdf(found.low))
    assert np.sqrt(np.mean((np.array(tails) / (alpha / 2) - 1) ** 2)) < 0.1


def test_memory_is_bounded_where_weights_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "KEPT", 2**20)
    n, one = 3000, counted(np.ones(1))
    tracemalloc.start()
    try:
        found = Resampling(n, 0.5).ratio(
            "share", np.arange(n), counted(np.ones(n)), Unseen((0 * one + [0, 1],), (one,)), support=(0, 1)
        )
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert found.low == pytest.approx(0.25 ** (1 / n), abs=1e-4)
