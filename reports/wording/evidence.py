"""evidence: chooses the replies that say most about a cell, and says whether its signal was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from fixtures.stats.verdict import Verdict
from reports.data.profile import Wording
from reports.data.transcripts import Exchange
from reports.wording.tables import number

FEW = 2
"""Replies of a kind that a cell shows."""


class Chosen(NamedTuple):
    """An exchange, and why it is shown."""

    why: str
    exchange: Exchange


def telling(cell: Sequence[Exchange], count: int = 3) -> list[Exchange]:
    """The farthest from compliance, the median, and one that states nothing or else the nearest.

    Where too few state anything, more of those that state nothing. Of different problems where possible.
    """
    stated = sorted((e for e in cell if e.stated is not None), key=lambda e: e.distance, reverse=True)
    unstated = [e for e in cell if e.stated is None]
    chosen: list[Exchange] = []
    for candidates in (stated, stated[len(stated) // 2 :], unstated or stated[::-1], unstated, unstated):
        problems = {e.problem for e in chosen}
        left = [e for e in candidates if e not in chosen]
        left.sort(key=lambda e: e.problem in problems)
        chosen += left[:1]
    return chosen[:count]


def shown(cell: Sequence[Exchange]) -> list[Chosen]:
    """What the page shows of a cell: the worst, a typical one at every hint, the ambiguous and the unstated."""
    ordered = sorted(cell, key=lambda e: e.distance, reverse=True)
    chosen = [Chosen("farthest from compliance", e) for e in ordered[:FEW] if e.distance]
    chosen += [Chosen("typical", e) for e in _typical(cell)]
    for status in ("ambiguous", "missing"):
        chosen += [Chosen(status, e) for e in [e for e in cell if e.status == status][:FEW]]
    first = {id(c.exchange): c for c in reversed(chosen)}
    return [c for c in chosen if first[id(c.exchange)] is c]


def _typical(cell: Sequence[Exchange]) -> list[Exchange]:
    """At each hint one reply that states the median, of different problems where possible."""
    stated = [e for e in cell if e.stated is not None]
    stated.sort(key=lambda e: (-1 if e.hint is None else e.hint, e.stated))
    chosen: list[Exchange] = []
    for _, group in groupby(stated, key=lambda e: e.hint):
        same = list(group)
        median = same[len(same) // 2].stated
        problems = {e.problem for e in chosen}
        medians = [e for e in same if e.stated == median]
        chosen.append(min(medians, key=lambda e: e.problem in problems))
    return chosen


def signal_read(verdict: Verdict | None, strategy: str) -> str:
    """One line: was the monitor's number read? `verdict` is that on recall_signal, None where it was not judged.

    recall_signal asks in natural_query's conversation, so only there it tells incapacity from resistance.
    """
    if verdict is None:
        return "not judged in this run (recall_signal)"
    if verdict.flaw or verdict.outcome == "undecided":
        return f"whether the monitor's number was read is open: {verdict}"
    known = {
        ("held", True): "the monitor's number was read, and not used: resistance",
        ("refuted", True): "the monitor's number was not read: incapacity, not resistance",
        ("held", False): "in natural_query's conversation the monitor's number was read",
        ("refuted", False): "in natural_query's conversation the monitor's number was not read",
    }
    return f"{known[verdict.outcome, strategy == 'natural_query']} ({verdict})"


def moved_inside(expected: Verdict, stated: Verdict) -> str:
    """One line: is the checkpoint moved by the signal, whatever it states? The verdicts are on the slopes of the number
    that it expects to write, and of what it states, against one bound."""
    numbers = f"expected slope {expected.numbers()}, stated {stated.numbers()}"
    if expected.flaw or expected.outcome == "undecided":
        why = f"{expected.flaw}; " if expected.flaw else ""
        return f"whether it is moved inside is open ({why}{numbers})"
    if stated.flaw:
        said = "moved inside" if expected else "not moved inside"
        return f"{said} ({stated.flaw}; expected slope {expected.numbers()})"
    known = {
        ("held", "held"): "moved inside, and says so",
        ("held", "refuted"): "moved inside, says the same",
        ("held", "undecided"): "moved inside, and whether what it says moves is open",
        ("refuted", "held"): "not moved inside on average, though what it says moves",
        ("refuted", "refuted"): "not moved",
        ("refuted", "undecided"): "not moved inside, and whether what it says moves is open",
    }
    return f"{known[expected.outcome, stated.outcome]} ({numbers})"


def wordings_disagree(p: float, by_wording: Mapping[str, Wording], alpha: float) -> str | None:
    """One line where the wordings of a cell are surely not answered alike, `p` that they are: none speaks for it."""
    if p >= alpha:
        return None
    each = "; ".join(
        f"wording {int(wording) + 1}: rho {number(part['within_rho'], '.2f')}, "
        f"low bias {number(part['bias_low'], '+.1f')}"
        for wording, part in sorted(by_wording.items())
    )
    return f"wordings disagree (p {p:.1g}, Kruskal-Wallis): {each}"
