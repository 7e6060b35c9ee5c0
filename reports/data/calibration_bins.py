"""calibration_bins: confidence against correctness, in bins, for the reliability diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10
PER_BIN = 20
"""Answers that a bin of internal confidences holds at least, where there are that many."""


def equal_width(confidence: Sequence[float], correct: Sequence[bool], alpha: float) -> list[dict[str, Any]]:
    """Bins of a tenth each, a lower edge in its bin and 100 in the last, as ECE has them; empty ones left out."""
    values, right = _arrays(confidence, correct)
    index = np.minimum((values / 100 * BINS + 1e-9).astype(int), BINS - 1)
    return [_bin(values[index == i], right[index == i], alpha) for i in np.unique(index)]


def equal_count(confidence: Sequence[float], correct: Sequence[bool], alpha: float) -> list[dict[str, Any]]:
    """Bins of as many answers each, at least two of them: internal confidences crowd together."""
    values, right = _arrays(confidence, correct)
    count = min(BINS, max(2, len(values) // PER_BIN))
    parts = np.array_split(np.argsort(values, kind="stable"), count)
    return [_bin(values[part], right[part], alpha) for part in parts if len(part)]


def _arrays(confidence: Sequence[float], correct: Sequence[bool]) -> tuple[Floats, Floats]:
    return np.array(confidence, dtype=float), np.array(correct, dtype=float)


def _bin(confidence: Floats, correct: Floats, alpha: float) -> dict[str, Any]:
    """Mean confidence and accuracy in percent, and the accuracy's interval."""
    low, high = wilson(float(correct.sum()), len(correct), alpha)
    return {
        "n": len(correct),
        "confidence": float(confidence.mean()),
        "accuracy": 100 * float(correct.mean()),
        "low": 100 * low,
        "high": 100 * high,
    }


def wilson(successes: float, n: int, alpha: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion, two-sided level 1 - alpha; answers are independent (Wilson 1927)."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - reach) / (1 + z * z / n)), min(1.0, (centre + reach) / (1 + z * z / n))
