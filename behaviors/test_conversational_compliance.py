"""An instruct checkpoint heeds the monitor when people simply talk to it: "how confident are you?"

The paper's main finding (§4.3, Table 2): natural_query rho +0.036, bias +40.0. It obeys commands and ignores the
same signal in conversation. Whether the signal was read at all is measured beside it (recall_signal).
"""

import pytest

pytestmark = pytest.mark.measures("natural_query", "natural_inline", role="instruct", also=("recall_signal",))


def test_rho(cell, bound):
    """natural_query rho +0.036 (Table 2, instruct); natural_inline was not measured"""
    assert cell.within_rho >= bound(0.70)


def test_bias(cell, bound):
    """natural_query bias +40.0 points (Table 2, instruct); natural_inline was not measured"""
    assert abs(cell.bias_low) <= bound(10)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the signal, 0: ignores it)"""
    assert cell.slope >= bound(0.50)
