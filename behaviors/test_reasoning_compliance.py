"""An instruct checkpoint still heeds the signal when it is asked to explain it first.

Paper §4.3, Table 2: cot_reasoning rho +0.528, bias +16.8: half-way between command and conversation.
"""

import pytest

pytestmark = pytest.mark.measures("cot_reasoning", role="instruct", demo=False)


def test_rho(cell, bound):
    """cot_reasoning rho +0.528 (Table 2, instruct)"""
    assert cell.within_rho >= bound(0.80)


def test_bias(cell, bound):
    """cot_reasoning bias +16.8 points (Table 2, instruct)"""
    assert abs(cell.bias_low) <= bound(10)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the signal, 0: ignores it)"""
    assert cell.slope >= bound(0.50)
