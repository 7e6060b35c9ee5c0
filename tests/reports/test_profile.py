"""The profile's numbers, of replies made up here: what is pooled, and what needs no interval."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from behaviors.test_signal_is_read import READ_RHO
from fixtures.measuring.interim_looks import Look
from fixtures.measuring.measured import Measured, Statement, statements
from fixtures.measuring.measurement import Measurement
from fixtures.protocol.trials import Settings, Solved
from fixtures.questions.conversation import Readout
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import PAPER_STRATEGIES, strategies
from fixtures.stats.bootstrap import Resampling
from fixtures.stats.weighted import Floats
from reports.data.measured_profile import _pooled, _wording
from reports.plugin.explain import recall
from reports.wording.evidence import signal_read

HINTS = (10.0, 40.0, 90.0)
READOUT: Readout = "free"
SETTINGS = Settings(HINTS, READOUT, 256, 64)


def stated(at: int, hint: float | None) -> float:
    """Follows the signal in the first eight problems, and says 100 in all others."""
    return hint if at < 8 and hint is not None else 100.0


class Made:
    """Stands for a measurement of `n` problems by strategy."""

    def __init__(self, **n: int) -> None:
        self._answers = [Solved(Problem(str(at), Decimal(1)), True, 0.9) for at in range(max(n.values()))]
        self._stated: dict[str, list[Statement]] = {
            name: statements(strategies()[name], SETTINGS, count, stated) for name, count in n.items()
        }

    def at(self, name: str, look: Look) -> Measured:
        checkpoint: Any = SimpleNamespace(name=name, role="instruct")
        resampling = Resampling(look.n, look.alpha, 0, look.last)
        return Measured(checkpoint, SETTINGS, self._answers, self._stated, resampling)

    def pooled(self) -> Any:
        measurement: Any = self
        typed: Measurement = measurement
        return _pooled(typed, self.at("tuned", Look(len(self._answers), 0.01, True)), 0.01)


def test_what_is_pooled_are_the_problems_that_all_four_were_asked_about() -> None:
    pooled = Made(**dict.fromkeys(PAPER_STRATEGIES, 24) | {"natural_query": 8}).pooled()
    assert pooled["n_problems"] == 8
    assert pooled["bias_low"]["value"] == pooled["strategy_mean"]["value"] == 0
    whole = Made(**dict.fromkeys(PAPER_STRATEGIES, 24)).pooled()
    assert whole["n_problems"] == 24
    assert whole["bias_low"]["value"] == pytest.approx(75 * 16 / 24)


def test_whether_the_signal_was_read_is_asked_at_the_run_s_own_bound() -> None:
    measured = Made(recall_signal=24).at("tuned", Look(24, 0.01, True))
    said = signal_read(recall(measured, {}), "natural_query")
    assert said.startswith("the monitor's number was not read")
    assert f"< {READ_RHO:g}" in said
    lower = signal_read(recall(measured, {"signal_is_read.rho": -0.9}), "natural_query")
    assert lower.startswith("the monitor's number was read, and not used: resistance")
    assert ">= -0.9" in lower


def test_whether_the_signal_was_read_is_open_where_recall_was_not_measured() -> None:
    measured = Made(direct_hint=24).at("tuned", Look(24, 0.01, True))
    assert signal_read(recall(measured, {}), "natural_query") == "not judged in this run (recall_signal)"


def test_whether_the_signal_was_read_is_open_where_its_behavior_was_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "behaviors.test_signal_is_read", None)
    assert recall(Made(recall_signal=24).at("tuned", Look(24, 0.01, True)), {}) is None


def test_a_wording_s_values_take_no_resamples() -> None:
    class Unasked(Resampling):
        def weights(self, resamples: int) -> Iterator[Floats]:
            raise AssertionError("it was resampled")

    cell = Made(direct_hint=24).at("tuned", Look(24, 0.01, True))["direct_hint"]
    (part, *_) = cell.by_wording().values()
    row = _wording(replace(part, resampling=Unasked(24)))
    assert (row["n_problems"], row["stated_rate"]) == (8, 1)
    assert (row["rho"], row["bias_low"]) == pytest.approx((part.rho.value, part.bias_low.value))
    assert row["rho"] is not None
    assert np.isfinite(row["rho"])
