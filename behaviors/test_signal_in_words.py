"""An instruct checkpoint heeds a monitor that speaks in words: "very unlikely" .. "almost certain".

Words have no exact number, so it is judged how far what is stated rises with them. Not measured by the paper.
"""

import pytest

pytestmark = pytest.mark.measures("verbal_signal", role="instruct", also=("natural_query",), demo=False)


def test_rho(cell, bound):
    """not measured by the paper (natural_query, in numbers: rho +0.036, Table 2, instruct)"""
    assert cell.within_rho >= bound(0.70)
