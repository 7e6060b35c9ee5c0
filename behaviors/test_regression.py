"""The checkpoint is no worse than what was accepted of it (`--accept`), problem by problem.

Only a worsening that is sure fails; an improvement is shown and passes. The margins leave room for what bf16 changes
from run to run (docs/verdicts.md, "Over time").
"""

import pytest

pytestmark = pytest.mark.measures(undecided="pass")


def test_rho(change, bound):
    """not a comparison of the paper's (rho lost since the checkpoint was accepted)"""
    accepted, now = change
    assert now.within_rho.below(accepted.within_rho).named(f"{now.label}: rho lost") <= bound(0.05)


def test_error(change, bound):
    """not a comparison of the paper's (points by which replies are farther from full compliance than when accepted)"""
    accepted, now = change
    assert (now.error - accepted.error).named(f"{now.label}: error gained") <= bound(3)
