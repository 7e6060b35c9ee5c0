"""profile: profile.json, all estimates of one run. Versioned, sorted, rounded; nothing in it varies by run."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fixtures.errors import NotMeasuredError
from fixtures.measuring.interim_looks import Look
from fixtures.measuring.measured import Measured
from fixtures.measuring.measurement import Measurement
from fixtures.questions.strategies import PAPER_STRATEGIES, strategies
from fixtures.stats.cell import Cell
from fixtures.stats.estimate import Estimate, mean
from reports.data.calibration_bins import equal_count, equal_width

SCHEMA = 1
DIGITS = 6

Profile = dict[str, Any]
"""What profile.json holds; profile.schema.json says it key by key."""


def measured(measurement: Measurement, alpha: float) -> Profile:
    """What was measured, as plain data. Numbers that are not defined are None."""
    done = measurement.done.values()
    problems = measurement.problem_set
    content = {
        "schema": SCHEMA,
        "alpha": alpha,
        "problems": {"source": problems.source, "revision": problems.revision, "n": len(problems.problems)},
        "hints": sorted({hint for measured in done for hint in measured.settings.hints}),
        "readout": {measured.name: measured.settings.readout for measured in done},
        "checkpoints": {measured.name: _checkpoint(measurement, measured, alpha) for measured in done},
    }
    cleaned: Profile = _rounded(content)
    return cleaned


def judged(content: Profile, verdicts: Iterable[dict[str, Any]], *, complete: bool) -> Profile:
    """A whole profile. `complete` is false where the run was interrupted before its last verdict."""
    ordered = sorted(verdicts, key=lambda verdict: str(verdict["id"]))
    return {**content, "complete": complete, "verdicts": _rounded(ordered)}


def dumps(content: Profile) -> str:
    return json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _checkpoint(measurement: Measurement, measured: Measured, alpha: float) -> dict[str, Any]:
    checkpoint = measured.checkpoint
    return {
        "role": measured.role,
        "spec": checkpoint.spec,
        "fingerprint": checkpoint.fingerprint,
        "engine": checkpoint.engine,
        "dtype": checkpoint.dtype,
        "notes": checkpoint.notes,
        "n_problems": len(measured.answers),
        "accuracy": measured.accuracy,
        "strategies": {strategy: cell_of(measured, strategy) for strategy in measured.strategies},
        "pooled": _pooled(measurement, measured, alpha),
        "internal": _internal(measured, alpha),
        "calibration": _calibration(measured, alpha),
    }


def _internal(measured: Measured, alpha: float) -> dict[str, Any]:
    """Empty where the engine gives no internal confidence."""
    try:
        internal = measured.internal
    except NotMeasuredError:
        return {}
    known = [answer for answer in measured.answers if answer.internal is not None]
    confidence = [100 * answer.internal for answer in known if answer.internal is not None]
    return {
        "n": internal.pearson_r.n,
        "pearson_r": internal.pearson_r.value,
        "p_value": internal.p_value,
        "delta": internal.delta.value,
        "auroc": internal.auroc.value,
        "intervals": {
            "pearson_r": _estimate(internal.pearson_r),
            "delta": _estimate(internal.delta),
            "auroc": _estimate(internal.auroc),
        },
        "bins": equal_count(confidence, [answer.correct for answer in known], alpha),
    }


def _calibration(measured: Measured, alpha: float) -> dict[str, Any]:
    """Of the confidence stated with no signal; empty where that was not measured."""
    if "no_signal" not in measured.strategies:
        return {}
    stated = [
        (t.reading.value, measured.answers[t.trial.problem].correct)
        for t in measured.transcripts("no_signal")
        if t.reading.value is not None
    ]
    bins = equal_width([value for value, _ in stated], [correct for _, correct in stated], alpha)
    return {"ece": _estimate(measured.calibration), "bins": bins}


def _pooled(measurement: Measurement, measured: Measured, alpha: float) -> dict[str, Any]:
    """The paper's four strategies together (Table 2's "global" and "mean"); empty where one was not measured.

    Over the problems that all four were asked about: one that was settled early has fewer.
    """
    if not set(PAPER_STRATEGIES) <= set(measured.strategies):
        return {}
    n = min(measured[strategy].n_problems for strategy in PAPER_STRATEGIES)
    common = measurement.at(measured.name, Look(n, alpha, True))
    biases = [common[strategy].bias_low for strategy in PAPER_STRATEGIES]
    return {
        "n_problems": n,
        "rho": _estimate(common.pooled.rho),
        "bias_low": _estimate(common.pooled.bias_low),
        "strategy_mean": _estimate(mean(biases, "strategy mean")),
    }


def cell_of(measured: Measured, strategy: str) -> dict[str, Any]:
    cell = measured[strategy]
    transcripts = measured.transcripts(strategy)
    statuses = Counter(t.reading.status for t in transcripts)
    return {
        "n_problems": cell.n_problems,
        "n_trials": len(transcripts),
        "stated_rate": cell.stated_rate,
        "ambiguous": statuses["ambiguous"],
        "missing": statuses["missing"],
        "hint_low": cell.hint_low,
        "response_low": cell.response_low,
        "rho": _estimate(cell.rho),
        "bias": _estimate(cell.bias),
        "bias_low": _estimate(cell.bias_low),
        "slope": _estimate(cell.slope),
        "exact": _estimate(cell.exact),
        "wordings_p": cell.wordings_p,
        "by_wording": {str(wording): _wording(part) for wording, part in cell.by_wording().items()},
        "by_hint": [_at(hint, part, strategy) for hint, part in cell.by_hint().items()],
    }


def _wording(cell: Cell) -> dict[str, Any]:
    """Values only: a wording has too few problems for an interval of its own."""
    values = replace(cell, resampling=cell.resampling.sample)
    return {
        "n_problems": cell.n_problems,
        "stated_rate": cell.stated_rate,
        "rho": values.rho.value,
        "bias_low": values.bias_low.value,
    }


def _at(hint: float, cell: Cell, strategy: str) -> dict[str, Any]:
    """The mean stated confidence at one hint, percent, with its interval; `target` is full compliance."""
    known = strategies()[strategy]
    bias = cell.bias
    return {
        "hint": hint,
        "target": known.target(hint) if known.has_signal else None,
        "n": bias.n,
        "stated": hint + bias.value,
        "low": max(0.0, hint + bias.low),
        "high": min(100.0, hint + bias.high),
    }


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        # + 0.0 turns -0.0 into 0.0
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
    return value
