"""measured_profile: turns what was measured into a profile. Nothing in it varies from run to run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, TypeVar

from fixtures.errors import NotMeasuredError
from fixtures.measuring.interim_looks import Look
from fixtures.measuring.measured import Measured, Transcript
from fixtures.measuring.measurement import Measurement
from fixtures.protocol.trials import Answer
from fixtures.questions.conversation import Readout
from fixtures.questions.strategies import PAPER_STRATEGIES, strategies
from fixtures.stats import cell as stats
from fixtures.stats import estimate
from reports.data.calibration_bins import equal_count, equal_width
from reports.data.profile import (
    SCHEMA,
    Answers,
    AtHint,
    AtLayer,
    Calibration,
    Cell,
    Checkpoint,
    Estimate,
    Expected,
    ExpectedAtHint,
    Internal,
    MeasuredProfile,
    Nothing,
    Pooled,
    Profile,
    ReadAtLayers,
    Thoughts,
    Wording,
)
from reports.data.verdicts import Result

DIGITS = 6
Data = TypeVar("Data")


def measured_profile(measurement: Measurement, alpha: float) -> MeasuredProfile:
    """Everything that was measured, not yet judged."""
    done = measurement.done.values()
    problems = measurement.problem_set
    return _rounded(
        MeasuredProfile(
            schema=SCHEMA,
            alpha=alpha,
            problems={"source": problems.source, "revision": problems.revision, "n": len(problems.problems)},
            hints=sorted({hint for measured in done for hint in measured.settings.hints}),
            readout={measured.name: measured.settings.readout for measured in done},
            checkpoints={measured.name: _checkpoint(measurement, measured, alpha) for measured in done},
        )
    )


def judged(profile: MeasuredProfile, verdicts: Iterable[Result], *, complete: bool) -> Profile:
    """The whole profile, with the verdicts in the order of their ids."""
    ordered = sorted(verdicts, key=lambda verdict: verdict["id"])
    return {**profile, "complete": complete, "verdicts": _rounded(ordered)}


def _checkpoint(measurement: Measurement, measured: Measured, alpha: float) -> Checkpoint:
    checkpoint = measured.checkpoint
    return {
        "role": measured.role,
        "spec": checkpoint.spec,
        "fingerprint": checkpoint.fingerprint,
        "engine": checkpoint.engine,
        "dtype": checkpoint.dtype,
        "notes": list(checkpoint.notes),
        "n_problems": len(measured.answers),
        "accuracy": measured.accuracy,
        "answers": _answers(measured),
        "sampling": {**checkpoint.decoding, "samples": measured.settings.samples},
        "strategies": {strategy: cell_of(measured, strategy) for strategy in measured.strategies},
        "pooled": _pooled(measurement, measured, alpha),
        "internal": _internal(measured, alpha),
        "calibration": _calibration(measured, alpha),
    }


def _answers(measured: Measured) -> Answers:
    given = [answer for answer in measured.answers if isinstance(answer, Answer)]
    return {
        "cut": sum(answer.finish == "length" for answer in given),
        "empty": sum(answer.finish == "stop" and not answer.text.strip() for answer in given),
        "never": sum(answer.finish == "thought" for answer in given),
    }


def _internal(measured: Measured, alpha: float) -> Internal | Nothing:
    """Nothing where the engine gives no internal confidence."""
    try:
        internal = measured.internal
    except NotMeasuredError:
        return {}
    known = [
        (100 * answer.internal, answer.correct)
        for answer in measured.answers
        if answer.internal is not None and answer.correct is not None
    ]
    return {
        "n": internal.pearson_r.n,
        "pearson_r": internal.pearson_r.value,
        "p_value": internal.p_value,
        "delta": internal.delta.value,
        "auroc": internal.auroc.value,
        "intervals": {
            "pearson_r": plain(internal.pearson_r),
            "delta": plain(internal.delta),
            "auroc": plain(internal.auroc),
        },
        "bins": equal_count(known, alpha),
    }


def _calibration(measured: Measured, alpha: float) -> Calibration | Nothing:
    """Nothing where the confidence with no signal was not measured."""
    if "no_signal" not in measured.strategies:
        return {}
    stated = [
        (statement.value, correct)
        for statement in measured.statements("no_signal")
        if statement.value is not None
        and (correct := measured.answers[statement.problem].correct) is not None
    ]
    return {"ece": plain(measured.calibration), "bins": equal_width(stated, alpha)}


def _pooled(measurement: Measurement, measured: Measured, alpha: float) -> Pooled | Nothing:
    """The paper's four strategies together (Table 2's "global" and "mean"); nothing where one was not measured.

    Over the problems that all four were asked about: a strategy that was settled early has fewer.
    """
    if not set(PAPER_STRATEGIES) <= set(measured.strategies):
        return {}
    n = min(measured[strategy].n_problems for strategy in PAPER_STRATEGIES)
    common = measurement.at(measured.name, Look(n, alpha, True))
    biases = [common[strategy].bias_low for strategy in PAPER_STRATEGIES]
    return {
        "n_problems": n,
        "rho": plain(common.pooled.rho),
        "bias_low": plain(common.pooled.bias_low),
        "strategy_mean": plain(estimate.mean(biases, "strategy mean")),
    }


def cell_of(measured: Measured, strategy: str) -> Cell:
    cell = measured[strategy]
    transcripts = measured.transcripts(strategy)
    statuses = Counter(t.reading.status for t in transcripts)
    return {
        "n_problems": cell.n_problems,
        "n_trials": len(transcripts),
        "stated_rate": cell.stated_rate,
        "at_once": sum(t.said == "at once" for t in transcripts),
        "asked_again": sum(t.said == "when asked again" for t in transcripts),
        "never": sum(t.said == "never" for t in transcripts),
        "cut": sum(_is_cut(t, measured.settings.readout) for t in transcripts),
        "thought": _thoughts(transcripts),
        "ambiguous": statuses["ambiguous"],
        "missing": statuses["missing"],
        "hint_low": cell.hint_low,
        "response_low": cell.response_low,
        "rho": plain(cell.rho),
        "within_rho": plain(cell.within_rho),
        "bias": plain(cell.bias),
        "bias_low": plain(cell.bias_low),
        "slope": plain(cell.slope),
        "exact": plain(cell.exact),
        "wordings_p": cell.wordings_p,
        "by_wording": by_wording(cell),
        "by_hint": [_at(hint, part, strategy) for hint, part in cell.by_hint().items()],
        "expected": _expected(measured, strategy),
    }


def _expected(measured: Measured, strategy: str) -> Expected | None:
    """None where it was not read."""
    known = [t for t in measured.transcripts(strategy) if t.trial.expected]
    if not known:
        return None
    cell = measured.expected(strategy)
    found = [t.trial.expected for t in known if t.trial.expected]
    layers = _layers(measured, strategy)
    own: ReadAtLayers = {"layers": layers} if layers else {}
    return {
        **own,
        "n": len(found),
        "mass": _mean([one.mass for one in found]),
        "spread": _mean([one.spread for one in found]),
        "slope": plain(cell.slope),
        "by_hint": [_expected_at(hint, part, known) for hint, part in cell.by_hint().items()],
    }


def _layers(measured: Measured, strategy: str) -> list[AtLayer]:
    trials = [t.trial.layers for t in measured.transcripts(strategy)]
    masses = [[one.mass for one in own if one] for own in zip_longest(*trials)]
    return [
        {"layer": number, "mass": _mean(mass), "slope": plain(cell.slope)}
        for number, (mass, cell) in enumerate(zip(masses, measured.by_layer(strategy), strict=True), start=1)
    ]


def _expected_at(hint: float, cell: stats.Cell, known: Sequence[Transcript]) -> ExpectedAtHint:
    """At a hint, or with no signal at all, what is compared with it."""
    bias = cell.bias
    shares = [t.trial.expected.on_hint for t in known if t.trial.expected and t.hint == hint]
    return {
        "hint": hint,
        "n": bias.n,
        "expected": hint + bias.value,
        "low": max(0.0, hint + bias.low),
        "high": min(100.0, hint + bias.high),
        "on_hint": _mean([share for share in shares if share is not None]),
    }


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _is_cut(transcript: Transcript, readout: Readout) -> bool:
    """A slot reply is short by design: it is cut off where it names no number."""
    cut = transcript.trial.first.finish == "length"
    return cut and (readout == "free" or transcript.first.status == "missing")


def _thoughts(transcripts: Sequence[Transcript]) -> Thoughts:
    first = [t.trial.first for t in transcripts]
    ended = [said for said in first if said.thought and said.finish != "thought"]
    return {
        "closed": sum(not said.thought_cut for said in ended),
        "cut": sum(said.thought_cut for said in ended),
        "never_closed": sum(said.finish == "thought" for said in first),
        "names_hint": sum(t.names_hint for t in transcripts),
    }


def by_wording(cell: stats.Cell) -> dict[str, Wording]:
    return {str(wording): _wording(part) for wording, part in cell.by_wording().items()}


def _wording(cell: stats.Cell) -> Wording:
    """Without resamples: only the values are shown."""
    values = replace(cell, resampling=cell.resampling.sample)
    return {
        "n_problems": cell.n_problems,
        "stated_rate": cell.stated_rate,
        "rho": values.rho.value,
        "within_rho": values.within_rho.value,
        "bias_low": values.bias_low.value,
    }


def _at(hint: float, cell: stats.Cell, strategy: str) -> AtHint:
    bias = cell.bias
    return {
        "hint": hint,
        "target": strategies()[strategy].target(hint),
        "n": bias.n,
        "stated": hint + bias.value,
        "low": max(0.0, hint + bias.low),
        "high": min(100.0, hint + bias.high),
    }


def plain(found: estimate.Estimate) -> Estimate:
    """The numbers alone."""
    return {"value": found.value, "low": found.low, "high": found.high}


def _rounded(data: Data) -> Data:
    """Numbers to DIGITS decimals, and None for those that are not finite."""
    plain: Any = data
    if isinstance(plain, dict):
        plain = {key: _rounded(item) for key, item in plain.items()}
    elif isinstance(plain, list | tuple):
        plain = [_rounded(item) for item in plain]
    elif isinstance(plain, float):
        # + 0.0 turns -0.0 into 0.0
        plain = round(plain, DIGITS) + 0.0 if math.isfinite(plain) else None
    rounded: Data = plain
    return rounded
