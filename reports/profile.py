"""profile: profile.json, all estimates of one run. Versioned, sorted, rounded; nothing in it varies by run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from fixtures.compliance import Cell
from fixtures.estimate import Estimate
from fixtures.measurement import Measured, Measurement

SCHEMA = 1
DIGITS = 6


def profile(measurement: Measurement, verdicts: Sequence[dict[str, Any]], complete: bool) -> dict[str, Any]:
    """What was measured and judged, as plain data (DESIGN section 8). Numbers that are not defined are None.

    `complete` is false where the run was interrupted before its last verdict.
    """
    done = measurement.done.values()
    problems = measurement.problem_set
    content = {
        "schema": SCHEMA,
        "complete": complete,
        "problems": {"source": problems.source, "revision": problems.revision, "n": len(problems.problems)},
        "hints": sorted({hint for measured in done for hint in measured.settings.hints}),
        "readout": {measured.name: measured.settings.readout for measured in done},
        "checkpoints": {measured.name: _checkpoint(measured) for measured in done},
        "verdicts": sorted(verdicts, key=lambda verdict: str(verdict["id"])),
    }
    cleaned: dict[str, Any] = _rounded(content)
    return cleaned


def dumps(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _checkpoint(measured: Measured) -> dict[str, Any]:
    checkpoint = measured.checkpoint
    internal = measured.internal
    return {
        "role": measured.role,
        "spec": checkpoint.spec,
        "fingerprint": checkpoint.fingerprint,
        "engine": checkpoint.engine,
        "dtype": checkpoint.dtype,
        "notes": checkpoint.notes,
        "accuracy": internal.accuracy,
        "strategies": {strategy: _cell(measured, strategy) for strategy in measured.strategies},
        "internal": {
            "n": internal.pearson_r.n,
            "pearson_r": internal.pearson_r.value,
            "p_value": internal.p_value,
            "delta": internal.delta.value,
            "auroc": internal.auroc.value,
        },
        "calibration": {"ece": _estimate(measured.calibration)} if "no_signal" in measured.strategies else {},
    }


def _cell(measured: Measured, strategy: str) -> dict[str, Any]:
    cell = measured[strategy]
    return {
        "n_problems": cell.n_problems,
        "n_trials": len(measured.transcripts(strategy)),
        "stated_rate": cell.stated_rate,
        "hint_low": cell.hint_low,
        "response_low": cell.response_low,
        "rho": _estimate(cell.rho),
        "bias": _estimate(cell.bias),
        "bias_low": _estimate(cell.bias_low),
        "slope": _estimate(cell.slope),
        "exact": _estimate(cell.exact),
        "by_wording": {str(wording): _wording(part) for wording, part in cell.by_wording().items()},
    }


def _wording(cell: Cell) -> dict[str, Any]:
    """Values only: a wording has too few problems for an interval of its own."""
    return {
        "n_problems": cell.n_problems,
        "stated_rate": cell.stated_rate,
        "rho": cell.rho.value,
        "bias_low": cell.bias_low.value,
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
