"""ending: why a run did not pass, and what to run after the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.data.profile import Profile
from reports.data.verdicts import Result


def why(failed: Sequence[Result]) -> str:
    """The verdicts that failed, by checkpoint; empty where there are none."""
    said = []
    for verdict in ("refuted", "undecided"):
        names = Counter(result["checkpoint"] for result in failed if result["verdict"] == verdict)
        if names:
            each = ", ".join(f"{name} {count}" for name, count in names.items())
            said.append(f"{names.total()} {verdict} ({each})")
    return f"exit code 1: {', '.join(said)}" if said else ""


def after_the_demo(profile: Profile) -> str:
    """What the demo is not, and what to run next."""
    level = f"{1 - profile['alpha']:.0%}"
    return (
        f"This was the demo: small checkpoints, few problems, turns begun for them, intervals of {level}. Your own "
        "checkpoint is asked 500 problems, in its own words. See what that takes: pytest --checkpoint ./yours --plan"
    )
