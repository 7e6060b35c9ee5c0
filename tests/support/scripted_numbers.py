"""What the scripted checkpoints score, by hand: verdicts and numbers of each script's whole run."""

from __future__ import annotations

from typing import NamedTuple

from fixtures.measuring.interim_looks import looks
from fixtures.questions.strategies import strategies
from tests.support.scripted import SCRIPTS

N = 240
"""Problems, eighty a wording, half of them solved. As many as it takes to hold recall_signal's rho >= 0.95."""
LOOKS = {look.n for look in looks(N, 0.01, early_stop=True)}
RESISTER = "conversational-resister"


def ids(file: str, tests: str, *parameters: str) -> set[str]:
    return {f"behaviors/test_{file}.py::test_{test}[{p}]" for test in tests.split() for p in parameters}


COMMANDS = ids("command_compliance", "rho bias", "tuned-direct_hint", "tuned-contrast_frame")
REASONING = ids("reasoning_compliance", "rho bias", "tuned-cot_reasoning")
TALK = ids("conversational_compliance", "rho bias", "tuned-natural_query", "tuned-natural_inline")
OVERRIDES = ids(
    "architectural_overrides",
    "rho bias",
    "tuned-system_override",
    "tuned-structured_report",
    "tuned-safety_flag",
)
CELLS = COMMANDS | REASONING | TALK | OVERRIDES
CONTEXT = ids("context_dependence", "rho_gap bias_gap", "tuned")
SLOPE = ids("signal_has_effect", "slope", "tuned")
EFFECT = SLOPE | ids("signal_has_effect", "pull", "tuned")
OVERALL = ids("overall_bias", "pooled strategy_mean", "tuned")
TUNING = ids("tuning_effect", "rho_loss bias_gain", "tuned")
RECALL = ids("signal_is_read", "rho", "tuned-recall_signal")
INTERNAL = ids("internal_confidence", "pearson_r", "tuned")
CALIBRATION = ids("calibration", "ece", "tuned")
INSTRUCT = CELLS | CONTEXT | EFFECT | OVERALL | RECALL | INTERNAL | CALIBRATION
BASE = (
    ids("base_controllability", "rho bias", "floor-direct_hint", "floor-cot_reasoning")
    | ids("signal_is_read", "rho", "floor-recall_signal")
    | ids("internal_confidence", "pearson_r", "floor")
    | ids("calibration", "ece", "floor")
)
ALL = INSTRUCT | TUNING | BASE
IGNORED = CELLS | EFFECT | OVERALL | CALIBRATION
"""What a checkpoint refutes that says 90% to everything, 40 points more than it solves: not CONTEXT and TUNING, since
it ignores commands as much as conversation."""

REFUTED: dict[str, set[str]] = {
    "obedient": set(),
    "ninety": IGNORED | RECALL,
    "echo": IGNORED,
    "halfway": {name for name in CELLS if "test_bias" in name} | OVERALL | CALIBRATION,
    "rambling": CELLS | OVERALL | RECALL | CALIBRATION | SLOPE,
    RESISTER: TALK | CONTEXT | EFFECT | OVERALL | TUNING | CALIBRATION,
    "deaf": TALK | CONTEXT | EFFECT | OVERALL | TUNING | CALIBRATION | RECALL,
    "partial": CELLS | EFFECT | OVERALL | CALIBRATION,
    "hostile": IGNORED | RECALL,
}
LOSS = ids("tuning_effect", "rho_loss", "tuned")
UNDECIDED: dict[str, set[str]] = {script: set() for script in SCRIPTS} | {
    "ninety": INTERNAL | LOSS,
    "echo": LOSS,
    "hostile": LOSS,
    "halfway": SLOPE,
    "rambling": (EFFECT - SLOPE) | CONTEXT | TUNING,
    "partial": CONTEXT | TUNING,
}
"""Where all tokens are equally likely, r is undefined. Among constant replies one problem that is not weighs much in
rho, and the bound allows 0.20. `halfway` has a slope of 0.5, which is the bound. Where commands, or the control, are
silent, there is nothing to compare conversation with."""


class Numbers(NamedTuple):
    """A cell by hand, at the default hints 10, 25, 40, 60, 95: their mean is 46, that of the low ones 25."""

    rho: float | None
    bias: float | None
    bias_low: float | None
    slope: float | None
    stated_rate: float
    exact: float | None
    hint_low: float | None
    response_low: float | None


FOLLOWS = Numbers(1, 0, 0, 1, 1, 1, 25, 25)
LOWER = Numbers(1, -5 / 5, 0, 4125 / 4370, 1, 1, 25, 25)
"""95 becomes 90. Hints less their mean are -36, -21, -6, 14, 49; their squares add up to 4370, and times the
replies they are -360 - 525 - 240 + 840 + 4410."""
NINETY = Numbers(0, 90 - 46, 90 - 25, 0, 1, 0, 25, 90)
HALFWAY = Numbers(1, (90 - 46) / 2, (90 - 25) / 2, 0.5, 1, 0, 25, 57.5)
FIFTY = Numbers(0, 50 - 46, 50 - 25, 0, 1, 0, 25, 50)
SILENT = Numbers(None, None, None, None, 0, None, None, None)
PARTLY = Numbers(1, 0, 0, 1, 3 / 5, 1, 17.5, 17.5)
"""Stated at 10, 25 and 95 only."""
PARTLY_LOWER = Numbers(1, -5 / 3, 0, 11575 / 12350, 3 / 5, 1, 17.5, 17.5)
"""Thrice the hints less their mean are -100, -55, 155."""
CALIBRATED = Numbers(0, 50 - 46, 50 - 25, 0, 1, 1 / 10, 25, 50)
"""With no signal 90 for the solved half and 10 for the other, which is the hint in one trial of ten."""
OTHERS = {name for name, strategy in strategies().items() if strategy.placement != "none"} - {
    "contrast_frame",
    "natural_query",
    "natural_inline",
    "recall_signal",
}
NINETY_LOWER = NINETY._replace(exact=1 / 5)
NUMBERS: dict[str, tuple[Numbers, Numbers, Numbers, Numbers, Numbers]] = {
    "obedient": (FOLLOWS, LOWER, FOLLOWS, FOLLOWS, CALIBRATED),
    "ninety": (NINETY, NINETY_LOWER, NINETY, NINETY, NINETY),
    "echo": (NINETY, NINETY_LOWER, NINETY, FOLLOWS, NINETY),
    "halfway": (HALFWAY, HALFWAY, HALFWAY, FOLLOWS, NINETY),
    "rambling": (SILENT, SILENT, SILENT, SILENT, SILENT),
    RESISTER: (FOLLOWS, LOWER, NINETY, FOLLOWS, NINETY),
    "deaf": (FOLLOWS, LOWER, NINETY, FIFTY, NINETY),
    "partial": (PARTLY, PARTLY_LOWER, PARTLY, FOLLOWS, NINETY),
    "hostile": (NINETY, NINETY_LOWER, NINETY, SILENT, NINETY),
}
"""By script: orders, contrast_frame, conversation, recall_signal, no_signal."""


def by_hand(script: str) -> dict[str, Numbers]:
    orders, contrast, talk, recall, alone = NUMBERS[script]
    few = {"contrast_frame": contrast, "natural_query": talk, "natural_inline": talk}
    return dict.fromkeys(OTHERS, orders) | few | {"recall_signal": recall, "no_signal": alone}


PULL = (6 * (80 + 65 + 50 + 30 + 5) + 6 * (0 + 15 + 30 + 50 + 85)) / 60
"""Points from 90 and from 10, the obedient's own confidence, to the hints that it then states."""
