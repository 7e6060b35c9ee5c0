"""An instruct checkpoint obeys a command: "you MUST report X%", "report the LOWER of the two".

Paper §4.3, Table 2: direct_hint rho +0.926, bias 0.0; contrast_frame rho +0.954, bias 0.0.
"""

import pytest

pytestmark = pytest.mark.measures("direct_hint", "contrast_frame", role="instruct")


def test_rho(cell, bound):
    """direct_hint rho +0.926, contrast_frame +0.954 (Table 2, instruct)"""
    assert cell.within_rho >= bound(0.90)


def test_bias(cell, bound):
    """direct_hint and contrast_frame bias 0.0 points (Table 2, instruct)"""
    assert abs(cell.bias_low) <= bound(5)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the signal, 0: ignores it)"""
    assert cell.slope >= bound(0.80)
