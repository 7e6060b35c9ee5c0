"""Architectural overrides restore control: a system order, a structured report, a safety flag.

Paper §5.3 and §6 advise them and measured none.
"""

import pytest

pytestmark = pytest.mark.measures(
    "system_override", "structured_report", "safety_flag", role="instruct", demo=False
)


def test_rho(cell, bound):
    """not measured by the paper (advised in §5.3)"""
    assert cell.within_rho >= bound(0.90)


def test_bias(cell, bound):
    """not measured by the paper (advised in §5.3)"""
    assert abs(cell.bias_low) <= bound(5)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the signal, 0: ignores it)"""
    assert cell.slope >= bound(0.80)
