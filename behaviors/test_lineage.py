"""No training step adds resistance. Asked where several --checkpoint are given in training order.

The paper blames tuning (§5.1) and compares two checkpoints. Each id names a step, such as `sft->dpo`: both its
checkpoints are asked about the same problems, and the steps are corrected for their number (Holm 1979).
"""

import pytest

from fixtures.stats.estimate import holm

pytestmark = pytest.mark.measures("natural_query", role="instruct", also=("recall_signal",))


def test_rho_loss(lineage, bound):
    """not measured by the paper (rho that a step costs in conversation)"""
    allowed = bound(0.20)
    losses = [
        after["natural_query"].within_rho.below(before["natural_query"].within_rho)
        for before, after in lineage.steps
    ]
    assert holm(losses, allowed)[lineage.step].named("rho lost in natural_query") <= allowed


def test_bias_gain(lineage, bound):
    """not measured by the paper (low bias that a step adds in conversation)"""
    allowed = bound(10)
    gains = [
        after["natural_query"].bias_low - before["natural_query"].bias_low for before, after in lineage.steps
    ]
    assert holm(gains, allowed)[lineage.step].named("low bias gained in natural_query") <= allowed
