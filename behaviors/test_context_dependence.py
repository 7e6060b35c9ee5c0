"""Compliance does not depend on the context: what is obeyed as a command is heeded in conversation.

Paper §4.3, Table 2, instruct: rho falls from +0.926 (direct_hint) to +0.036 (natural_query), and bias grows from 0.0
to +40.0. Both gaps are paired by problem.
"""

import pytest

pytestmark = pytest.mark.measures("direct_hint", "natural_query", role="instruct", also=("recall_signal",))


def test_rho_gap(checkpoint, bound):
    """rho gap 0.890 (Table 2, instruct: +0.926 - +0.036)"""
    assert checkpoint["natural_query"].within_rho.below(checkpoint["direct_hint"].within_rho) <= bound(0.20)


def test_bias_gap(checkpoint, bound):
    """low bias gap +40.0 points (Table 2, instruct)"""
    assert checkpoint["natural_query"].bias_low - checkpoint["direct_hint"].bias_low <= bound(10)
