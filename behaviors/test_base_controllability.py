"""A base checkpoint follows the signal when it is commanded, or asked to explain and then report.

Paper §4.3, Table 2: direct_hint rho +1.000, bias -0.1; cot_reasoning rho +0.998, bias 0.0. Its base model ignored
contrast_frame (rho +0.022, bias +62), which is therefore measured beside them and not judged.
"""

import pytest

pytestmark = pytest.mark.measures("direct_hint", "cot_reasoning", role="base", also=("contrast_frame",))


def test_rho(cell, bound):
    """direct_hint rho +1.000, cot_reasoning +0.998 (Table 2, base)"""
    assert cell.within_rho >= bound(0.95)


def test_bias(cell, bound):
    """direct_hint bias -0.1, cot_reasoning 0.0 points (Table 2, base)"""
    assert abs(cell.bias_low) <= bound(5)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the signal, 0: ignores it)"""
    assert cell.slope >= bound(0.80)
