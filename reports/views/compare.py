"""compare: sets two profiles beside each other: what moved, by how much, and which verdicts turned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from reports.data.profile import Checkpoint, Estimate, Profile, defined
from reports.data.verdicts import Result
from reports.wording import tables
from reports.wording.tables import number, with_interval

METRICS: dict[Literal["within_rho", "bias_low"], tuple[str, str]] = {
    "within_rho": ("rho", ".2f"),
    "bias_low": ("low bias", "+.1f"),
}
"""An estimate -> what it is called, and how it is written."""
HEADER = ("strategy", "metric", "old", "new", "change", "intervals")
TURNED_HEADER = ("checkpoint", "behavior", "old", "new")


def compared(old: Profile, new: Profile) -> str:
    """The comparison as Markdown. Pairs checkpoints by name, or by role where each side has only one of that role."""
    parts = []
    for before, after in _pairs(old["checkpoints"], new["checkpoints"]):
        parts.append(f"## {before} -> {after}\n\n")
        rows = list(_cells(old["checkpoints"][before], new["checkpoints"][after]))
        parts.append(tables.markdown(HEADER, rows) + "\n")
    turned = list(_turned(old, new))
    parts.append(
        "## Verdicts that turned\n\n" + (tables.markdown(TURNED_HEADER, turned) if turned else "None.\n")
    )
    return "".join(parts)


def _pairs(old: dict[str, Checkpoint], new: dict[str, Checkpoint]) -> list[tuple[str, str]]:
    pairs = [(name, name) for name in old if name in new]
    for role in ("base", "instruct"):
        left = [name for name, c in old.items() if c["role"] == role and name not in new]
        right = [name for name, c in new.items() if c["role"] == role and name not in old]
        if len(left) == len(right) == 1:
            pairs.append((left[0], right[0]))
    return pairs


def _cells(old: Checkpoint, new: Checkpoint) -> Iterator[tuple[str, ...]]:
    for strategy, cell in tables.in_order(new["strategies"]):
        if strategy in old["strategies"]:
            for metric, (title, form) in METRICS.items():
                yield strategy, title, *_moved(old["strategies"][strategy][metric], cell[metric], form)


def _moved(old: Estimate, new: Estimate, form: str) -> tuple[str, ...]:
    """Old, new, change. Estimates whose intervals lie apart surely differ; others may differ too."""
    shown = with_interval(old, form), with_interval(new, form)
    before, after = defined(old), defined(new)
    if before is None or after is None:
        return *shown, "-", ""
    (was, was_low, was_high), (now, now_low, now_high) = before, after
    apart = was_high < now_low or now_high < was_low
    return *shown, number(now - was, f"+{form.removeprefix('+')}"), "apart" if apart else "meet"


def _turned(old: Profile, new: Profile) -> Iterator[tuple[str, ...]]:
    pairs = dict(_pairs(old["checkpoints"], new["checkpoints"]))
    known = {_key(result, result["checkpoint"]): result["verdict"] for result in new["verdicts"]}
    for result in old["verdicts"]:
        after = pairs.get(result["checkpoint"])
        verdict = known.get(_key(result, after))
        if verdict and verdict != result["verdict"]:
            behavior = ".".join(filter(None, (result["behavior"], result["metric"], result["strategy"])))
            yield str(after), behavior, result["verdict"], verdict


def _key(result: Result, checkpoint: str | None) -> tuple[str | None, ...]:
    return checkpoint, result["behavior"], result["metric"], result["strategy"]
