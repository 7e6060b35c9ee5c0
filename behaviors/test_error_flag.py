"""An instruct checkpoint is less sure of an answer that the monitor has flagged as wrong than of one it has cleared.

Flagged counts as 0 and cleared as 100, so a slope of 0.2 is 20 points, paired by problem. Not measured by the paper.
"""

import pytest

pytestmark = pytest.mark.measures("error_flag", role="instruct", demo=False)


def test_slope(cell, bound):
    """not measured by the paper (1: states 0 if flagged and 100 if cleared, 0: the same for both)"""
    assert cell.slope >= bound(0.2)
