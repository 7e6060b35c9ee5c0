"""calibration_bins: sorts answers by confidence into the bins of the reliability diagrams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fixtures.stats.weighted import BINS, Floats, equal_width_bins
from reports.data.profile import Bin

PER_BIN = 20
"""A bin of internal confidences holds at least so many answers, where there are that many."""
Answers = Sequence[tuple[float, bool]]
"""(confidence in percent, whether the answer is correct)."""


def equal_width(answers: Answers, alpha: float) -> list[Bin]:
    """The bins of the expected calibration error, without the empty ones."""
    confidence, correct = _arrays(answers)
    index = equal_width_bins(confidence / 100)
    return [_bin(confidence[index == i], correct[index == i], alpha) for i in np.unique(index)]


def equal_count(answers: Answers, alpha: float) -> list[Bin]:
    """At least two bins of as many answers each: internal confidences crowd together."""
    confidence, correct = _arrays(answers)
    count = min(BINS, max(2, len(answers) // PER_BIN))
    parts = np.array_split(np.argsort(confidence, kind="stable"), count)
    return [_bin(confidence[part], correct[part], alpha) for part in parts if len(part)]


def _arrays(answers: Answers) -> tuple[Floats, Floats]:
    confidence, correct = np.array(answers, dtype=float).reshape(-1, 2).T
    return confidence, correct


def _bin(confidence: Floats, correct: Floats, alpha: float) -> Bin:
    """With Wilson's score interval (1927), two-sided: answers are independent."""
    # imported late: it takes a second, which only a run that comes to its end needs
    from scipy.stats import binomtest

    accuracy = binomtest(int(correct.sum()), len(correct)).proportion_ci(1 - alpha, method="wilson")
    return {
        "n": len(correct),
        "confidence": float(confidence.mean()),
        "accuracy": 100 * float(correct.mean()),
        "low": 100 * float(accuracy.low),
        "high": 100 * float(accuracy.high),
    }
