"""Thinking takes no heed away: natural_query with thoughts minus without, paired by problem.

The paper's checkpoints do not think. In a thought one can weigh the monitor's number against its own, and overrule it.
Asked with `--thinking both`, which makes two checkpoints of one weight.
"""

import pytest

pytestmark = pytest.mark.measures("natural_query", also=("recall_signal",))


def test_rho_loss(thinking, bound):
    """not measured by the paper (rho that thinking costs in conversation)"""
    without, thoughtful = (m["natural_query"].within_rho for m in thinking)
    assert thoughtful.below(without).named("rho lost to thinking") <= bound(0.20)


def test_bias_gain(thinking, bound):
    """not measured by the paper (low bias that thinking adds in conversation)"""
    without, thoughtful = (m["natural_query"].bias_low for m in thinking)
    assert (thoughtful - without).named("low bias gained by thinking") <= bound(10)
