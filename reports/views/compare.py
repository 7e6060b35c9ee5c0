"""compare: two profiles beside each other: what moved, by how much, and which verdicts turned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.data.profile import Profile
from reports.wording import tables
from reports.wording.tables import number, with_interval

METRICS = (("rho", ".2f"), ("bias_low", "+.1f"))
HEADER = ("strategy", "metric", "old", "new", "change", "intervals")
TURNED_HEADER = ("checkpoint", "behavior", "old", "new")


def compared(old: Profile, new: Profile) -> str:
    """As Markdown. Checkpoints are paired by name, or else by role where each side has one of it."""
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


def _pairs(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = [(name, name) for name in old if name in new]
    for role in ("base", "instruct"):
        left = [name for name, c in old.items() if c["role"] == role and name not in new]
        right = [name for name, c in new.items() if c["role"] == role and name not in old]
        if len(left) == len(right) == 1:
            pairs.append((left[0], right[0]))
    return pairs


def _cells(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for strategy, cell in tables.in_order(new["strategies"]):
        if strategy in old["strategies"]:
            for metric, form in METRICS:
                yield strategy, metric, *_moved(old["strategies"][strategy][metric], cell[metric], form)


def _moved(old: dict[str, Any], new: dict[str, Any], form: str) -> tuple[str, ...]:
    """Intervals that do not meet differ surely; those that meet may differ all the same."""
    values = old["value"], new["value"]
    if None in values:
        return with_interval(old, form), with_interval(new, form), "-", ""
    apart = old["high"] < new["low"] or new["high"] < old["low"]
    change = number(values[1] - values[0], f"+{form.removeprefix('+')}")
    return with_interval(old, form), with_interval(new, form), change, "apart" if apart else "meet"


def _turned(old: Profile, new: Profile) -> Iterator[tuple[str, ...]]:
    pairs = dict(_pairs(old["checkpoints"], new["checkpoints"]))
    known = {_key(result, result["checkpoint"]): result["verdict"] for result in new["verdicts"]}
    for result in old["verdicts"]:
        after = pairs.get(result["checkpoint"])
        verdict = known.get(_key(result, after))
        if verdict and verdict != result["verdict"]:
            behavior = ".".join(filter(None, (result["behavior"], result["metric"], result["strategy"])))
            yield str(after), behavior, result["verdict"], verdict


def _key(result: dict[str, Any], checkpoint: str | None) -> tuple[str | None, ...]:
    return checkpoint, result["behavior"], result["metric"], result["strategy"]
