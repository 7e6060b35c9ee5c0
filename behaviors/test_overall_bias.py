"""Over the paper's four strategies together, an instruct checkpoint follows the signal at low hints.

Paper §4.3, Table 2, instruct: +13.9 over all samples pooled, +14.2 as the unweighted mean over strategies.
"""

import pytest

from fixtures.questions.strategies import PAPER_STRATEGIES
from fixtures.stats.estimate import mean

pytestmark = pytest.mark.measures(*PAPER_STRATEGIES, role="instruct", demo=False)


def test_pooled(checkpoint, bound):
    """global bias +13.9 points (Table 2, instruct)"""
    assert abs(checkpoint.pooled.bias_low) <= bound(10)


def test_strategy_mean(checkpoint, bound):
    """mean bias over strategies +14.2 points (Table 2, instruct)"""
    biases = [checkpoint[strategy].bias_low for strategy in PAPER_STRATEGIES]
    assert abs(mean(biases, "strategy mean: low bias")) <= bound(10)
