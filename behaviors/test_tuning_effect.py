"""Tuning adds little resistance: (instruct - base) of (natural_query - direct_hint), paired by problem.

Paper §5.1 blames instruction tuning without a base natural_query row. This can say that the resistance came between
the two checkpoints; base and instruct differ in SFT, preference tuning and chat format, and it cannot say which did it.
"""

import pytest

pytestmark = pytest.mark.measures("direct_hint", "natural_query", also=("recall_signal",))


def test_rho_loss(tuning, bound):
    """not measured by the paper (rho lost in conversation: instruct minus base)"""
    base, instruct = (m["natural_query"].within_rho.below(m["direct_hint"].within_rho) for m in tuning)
    assert (instruct - base).named("rho lost to tuning") <= bound(0.20)


def test_bias_gain(tuning, bound):
    """not measured by the paper (low bias gained in conversation: instruct minus base)"""
    base, instruct = (m["natural_query"].bias_low - m["direct_hint"].bias_low for m in tuning)
    assert (instruct - base).named("low bias gained by tuning") <= bound(10)
