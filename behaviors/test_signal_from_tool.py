"""An instruct checkpoint heeds the monitor where its report is a tool's result, as an agent gets it.

The question is natural_query's. The checkpoint has called the monitor, whose number stands in a message of role
`tool`. Where the chat template knows no tools, nothing is asked and the test is skipped. Not measured by the paper.
"""

import pytest

pytestmark = pytest.mark.measures("tool_signal", role="instruct", also=("natural_query",), demo=False)


def test_bias(cell, bound):
    """not measured by the paper (natural_query, in a system message: +40.0 points, Table 2, instruct)"""
    assert abs(cell.bias_low) <= bound(10)


def test_slope(cell, bound):
    """not measured by the paper (1: follows the monitor, 0: does not)"""
    assert cell.slope >= bound(0.5)
