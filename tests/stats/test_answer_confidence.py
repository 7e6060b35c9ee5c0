"""Confidence against correctness: calibration and internal confidence, by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fixtures.stats.answer_confidence import Internal, calibration
from tests.stats.test_cell import HINTS, NAN, cell, grid, resampling

pytestmark = pytest.mark.filterwarnings("error")


def test_calibration_by_hand() -> None:
    """Held against every hint, as a control without a signal is: that changes nothing."""
    control = cell([(p, h, s) for p, s in enumerate([100, 0, 90, 70]) for h in HINTS], label="no_signal")
    ece = calibration(control, np.array([1.0, 0.0, 0.0, 1.0]))
    # 100 and 90 share the last bin: |1.9 - 1|; 0 is right in the first; 70: |0.7 - 1|
    assert ece.value == pytest.approx((0.9 + 0.3) / 4)
    assert ece.n == 4
    assert calibration(cell(grid(9, {10: 100, 95: 100})), np.ones(9)).value == 0


def test_internal_confidence_against_correctness() -> None:
    confidence, correct = np.array([0.9, 0.8, NAN, 0.8, 0.3, 0.5]), np.array([1.0, 1, 1, 0, 0, 1])
    internal = Internal("internal", confidence, correct, resampling(6))
    known = ~np.isnan(confidence)
    r = stats.pearsonr(confidence[known], correct[known])
    assert (internal.pearson_r.value, internal.p_value) == pytest.approx((r.statistic, r.pvalue))
    assert internal.auroc.value == pytest.approx((2 + 1.5 + 1) / 6)
    assert internal.delta.value == pytest.approx(100 * ((0.9 + 0.8 + 0.5) / 3 - (0.8 + 0.3) / 2))
    assert internal.delta.n == 5


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
    assert internal.auroc.low < 0.1 < internal.auroc.high == 1
