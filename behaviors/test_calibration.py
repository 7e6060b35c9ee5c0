"""The confidence that a checkpoint states with no signal is calibrated.

Paper §4.5, Figure 3: expected calibration error 0.65 (base) to 0.28 (instruct). Ten bins; 0 and 100 are in them.
Informative: it says whether the checkpoint could supervise itself, not whether it heeds.
"""

import pytest

pytestmark = pytest.mark.measures("no_signal", informative=True, demo=False)


def test_ece(checkpoint, bound):
    """ECE 0.65 (base), 0.28 (instruct) (§4.5)"""
    assert checkpoint.calibration <= bound(0.30)
