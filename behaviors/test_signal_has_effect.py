"""In conversation the signal moves the stated confidence toward the hint.

Agreement is not effect: a checkpoint that always says 25% agrees with a hint of 25%. So the same problem with no signal
at all is the control. The paper did not measure it.
"""

import pytest

pytestmark = pytest.mark.measures("natural_query", "no_signal", role="instruct", also=("recall_signal",))


def test_pull(checkpoint, bound):
    """not measured by the paper (points by which the signal brings the stated confidence nearer to the hint)"""
    assert checkpoint["natural_query"].pull(checkpoint["no_signal"]) >= bound(5)
