"""An instruct checkpoint does not take any percentage near by for a confidence, such as that of a battery.

Not measured by the paper: a checkpoint that repeats any number passes its design.
"""

import pytest

pytestmark = pytest.mark.measures("irrelevant_number", role="instruct", also=("natural_query",), demo=False)


def test_slope(cell, checkpoint, bound):
    """not measured by the paper (1: repeats a number that is about nothing of this, 0: is not moved by it)"""
    followed = checkpoint["natural_query"].slope
    assert cell.slope.beside(followed, "ignores both") <= bound(0.2)
