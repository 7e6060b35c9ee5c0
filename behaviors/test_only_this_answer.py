"""An instruct checkpoint follows the monitor's number only where it is about this answer.

The monitor speaks of another answer, of someone else. Who states that number repeats confidences, and does not heed a
monitor. Not measured by the paper: a checkpoint that repeats any number passes its design.
"""

import pytest

pytestmark = pytest.mark.measures("other_answer", role="instruct", also=("natural_query",), demo=False)


def test_slope(cell, checkpoint, bound):
    """not measured by the paper (1: repeats the number about another answer, 0: is not moved by it)"""
    followed = checkpoint["natural_query"].slope
    assert cell.slope.beside(followed, "ignores both") <= bound(0.2)
