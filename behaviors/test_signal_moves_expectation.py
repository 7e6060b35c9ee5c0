"""In conversation the signal moves the number that the checkpoint expects to write, whatever it then states.

A stated number is the likeliest one. It stays the same until another becomes likelier, while the mean over all numbers
from 0 to 100, as likely as the checkpoint holds each, has moved before. Beside a stated confidence that ignores the
signal, this tells "moved inside, says the same" from "not moved". Not measured by the paper. It takes the slot readout
of a checkpoint in process. Informative: it says where the signal is lost, not whether it is heeded.
"""

import pytest

pytestmark = pytest.mark.measures(
    "natural_query", "natural_inline", role="instruct", also=("recall_signal",), informative=True
)

MOVED = 0.1
"""The explanation of any failure in conversation asks for the same."""


def test_slope(expected, bound):
    """not measured by the paper (points by which the expected number rises with each point of the signal)"""
    assert expected.slope >= bound(MOVED)
