"""The gate, whole and look by look: a good checkpoint passes it, and a bad one fails early. In short."""

from __future__ import annotations

import pytest

from tests.quality.gate import BEHAVIORS, claims, gate

N = 300
"""The number of problems that README names."""
RUNS = 3


def test_the_gate_s_claims_are_those_of_the_suite() -> None:
    """Of all behaviors but those that are informative, of another role, or about more checkpoints than one."""
    others = {"internal_confidence", "calibration", "signal_moves_expectation", "base_controllability"}
    others |= {"tuning_effect", "lineage", "regression", "thinking_effect"}
    files = {file.stem.removeprefix("test_") for file in BEHAVIORS.glob("test_*.py")}
    assert {claim.test.__module__.removeprefix("behaviors.test_") for claim in claims()} == files - others


@pytest.mark.parametrize("checkpoint", ["exact", "within 5 everywhere"])
def test_a_good_checkpoint_passes(checkpoint: str) -> None:
    seen = gate(checkpoint, N, RUNS)
    assert seen.passed == 1, seen
    assert seen.trials < 1, "what is settled early is asked no more"


def test_the_paper_s_checkpoint_fails_by_what_it_ignores() -> None:
    seen = gate("the paper's 3B", N, RUNS)
    assert (seen.passed, seen.refuted > 0.5) == (0, True), seen
