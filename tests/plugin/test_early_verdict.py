"""Before a run: the bounds that not even an obedient checkpoint could hold, and with how many problems it could."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fixtures.plugin.early_verdict import _needed, _never, _too_few
from fixtures.stats.estimate import Estimate
from fixtures.stats.verdict import Verdict


def rho(bound: float) -> Verdict:
    """Of 24 problems whose replies follow the signal without a fault."""
    return Estimate("rho", 1.0, 0.6, 1.0, 24, alpha=0.01, draws=np.ones((3, 99))) >= bound


@pytest.mark.parametrize("bound", [1.0, 1.5])
def test_no_number_of_problems_holds_a_bound_that_full_compliance_does_not_clear(bound: float) -> None:
    assert _needed(rho(bound)) == math.inf
    assert 24 < _needed(rho(0.9)) < math.inf


def test_what_more_problems_could_hold_is_told_from_what_none_could() -> None:
    lacking = {"b.rho": 230, "c.rho": math.inf, "a.rho": math.inf, "a.bias": 80}
    few = "24 problems can refute, but not hold, these; in brackets, about how many could: "
    assert _too_few(lacking, 24) == [f"{few}a.bias (80), b.rho (230)"]
    assert _never(lacking) == ["no number of problems could hold these: a.rho, c.rho"]
    assert _too_few({"a.rho": math.inf}, 24) == _never({"b.rho": 230}) == []
