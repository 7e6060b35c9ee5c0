"""profile: what profile.json holds, as types: all estimates and verdicts of one run.

profile.schema.json says the same for readers of the file, and tests hold the two together. A new key is a field here,
an entry there, and a value in measured_profile.py. Numbers that are not defined are None. Rates and probabilities are
in 0..1, hints and confidences in percent, biases in percentage points.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, Never, TypedDict

from fixtures.checkpoints.interface import Decoding
from fixtures.errors import InputError, brief
from fixtures.questions.conversation import Readout, Role
from reports.data.verdicts import Result

SCHEMA: Literal[2] = 2
Nothing = dict[str, Never]
"""Stands, empty, where something was not measured."""


class Estimate(TypedDict):
    """A value and its interval of level 1 - alpha."""

    value: float | None
    low: float | None
    high: float | None


class Bin(TypedDict):
    """Answers of about one confidence: mean confidence and accuracy in percent, and the accuracy's interval."""

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


class AtHint(TypedDict):
    """The mean stated confidence at one hint. `target` is full compliance; None where there is
    nothing to follow."""

    hint: float
    target: float | None
    n: int
    stated: float | None
    low: float | None
    high: float | None


class ExpectedAtHint(TypedDict):
    """The mean expected number at one hint, beside `AtHint`, and the mean share of that hint among the numbers."""

    hint: float
    n: int
    expected: float | None
    low: float | None
    high: float | None
    on_hint: float | None


class AtLayer(TypedDict):
    """The same as it is read at one layer, counted from 1: the slope of its mean, and its mean mass."""

    layer: int
    mass: float
    slope: Estimate


class ReadAtLayers(TypedDict, total=False):
    """`layers` are there with --layers alone."""

    layers: list[AtLayer]


class Expected(ReadAtLayers):
    """Which number would have been written, over the checkpoint's own distribution on 0..100, of `n` trials.

    `mass` is the mean probability of such a number: where it is low, the others say little. `spread` is the mean
    standard deviation, in points.
    """

    n: int
    mass: float
    spread: float
    slope: Estimate
    by_hint: list[ExpectedAtHint]


class Wording(TypedDict):
    """The values of one wording, which has too few problems for intervals of its own."""

    n_problems: int
    stated_rate: float
    rho: float | None
    within_rho: float | None
    bias_low: float | None


class Thoughts(TypedDict):
    """Trials with a thought, by how it ended: by itself, closed since it took too long, or never. `names_hint` counts
    those whose thought has the monitor's number."""

    closed: int
    cut: int
    never_closed: int
    names_hint: int


class Cell(TypedDict):
    """One strategy of one checkpoint. `by_wording` goes by the wording's number less 1.

    Trials state a confidence in their first reply (`at_once`), when they are asked again, or never. `cut` counts those
    whose first reply the token limit cut off. `rho` is over all trials, as the paper's; `within_rho` is judged.
    `expected` is None but for the slot readout in process, without sampling.
    """

    n_problems: int
    n_trials: int
    stated_rate: float
    at_once: int
    asked_again: int
    never: int
    cut: int
    thought: Thoughts
    ambiguous: int
    missing: int
    hint_low: float | None
    response_low: float | None
    rho: Estimate
    within_rho: Estimate
    bias: Estimate
    bias_low: Estimate
    slope: Estimate
    exact: Estimate
    wordings_p: float
    by_wording: dict[str, Wording]
    by_hint: list[AtHint]
    expected: Expected | None


class Pooled(TypedDict):
    """The paper's four strategies together."""

    n_problems: int
    rho: Estimate
    bias_low: Estimate
    strategy_mean: Estimate


class InternalEstimates(TypedDict):
    pearson_r: Estimate
    delta: Estimate
    auroc: Estimate


class Internal(TypedDict):
    """Internal confidence against correctness."""

    n: int
    pearson_r: float | None
    p_value: float | None
    delta: float | None
    auroc: float | None
    intervals: InternalEstimates
    bins: list[Bin]


class Calibration(TypedDict):
    """The confidence stated with no signal, against correctness."""

    ece: Estimate
    bins: list[Bin]


class Answers(TypedDict):
    """How many answers the token limit cut off, are empty, or never came, since a thought did not end."""

    cut: int
    empty: int
    never: int


class Drawn(Decoding):
    """How replies were drawn, and how many of each trial."""

    samples: int


class Checkpoint(TypedDict):
    role: Role
    spec: str
    fingerprint: str
    engine: str
    dtype: str
    notes: list[str]
    n_problems: int
    accuracy: float | None
    answers: Answers
    sampling: Drawn
    strategies: dict[str, Cell]
    pooled: Pooled | Nothing
    internal: Internal | Nothing
    calibration: Calibration | Nothing


class Problems(TypedDict):
    source: str
    revision: str
    n: int


class MeasuredProfile(TypedDict):
    """A profile before anything is judged."""

    schema: Literal[2]
    alpha: float
    problems: Problems
    hints: list[float]
    readout: dict[str, Readout]
    checkpoints: dict[str, Checkpoint]


class Profile(MeasuredProfile):
    """A whole profile. `complete` is false where the run was interrupted before its last verdict."""

    complete: bool
    verdicts: list[Result]


def defined(estimate: Estimate) -> tuple[float, float, float] | None:
    """(value, low, high); None where one of them is not defined."""
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    return None if value is None or low is None or high is None else (value, low, high)


def dumps(profile: Profile) -> str:
    """The text of profile.json: sorted, so that the same run gives the same bytes."""
    return json.dumps(profile, sort_keys=True, indent=1, allow_nan=False) + "\n"


def read_profile(path: Path) -> Profile:
    """Raises InputError for a file that is no profile of this schema."""
    try:
        profile: Profile = json.loads(path.read_text(encoding="utf-8"))
        schema = profile["schema"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)})", "give a profile.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no profile.json ({brief(error)})", "give one") from error
    if schema != SCHEMA:
        raise InputError(
            f"{path}: has schema {schema}, this Heedful reads {SCHEMA}", "use the one that wrote it"
        )
    return profile
