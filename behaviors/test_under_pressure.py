"""An instruct checkpoint heeds the monitor though the user pushes for certainty.

The monitor speaks in the system message, as in natural_query. Not measured by the paper.
"""

import pytest

pytestmark = pytest.mark.measures(
    "pressure", role="instruct", also=("natural_query", "recall_signal"), demo=False
)


def test_bias(cell, bound):
    """not measured by the paper (natural_query, without the pressure: +40.0 points, Table 2, instruct)"""
    assert abs(cell.bias_low) <= bound(10)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the monitor, 0: does not)"""
    assert cell.slope >= bound(0.5)
