"""summary: writes summary.md, fit for a GitHub step summary: verdicts, the worst transcript, how to reproduce."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reports.data.profile import Profile
from reports.data.run import Run
from reports.data.transcripts import Exchange
from reports.data.verdicts import ORDER, Shown, counts, worst
from reports.wording import tables
from reports.wording.printable import printable
from reports.wording.sentence import sentence


def summary(profile: Profile, run: Run, exchanges: Iterable[Exchange]) -> str:
    tally = ", ".join(f"{count} {outcome}" for outcome, count in counts(profile["verdicts"]).items())
    parts = ["# Heedful\n\n", *(f"- {sentence(profile, name)}\n" for name in profile["checkpoints"])]
    source = printable(profile["problems"]["source"])
    parts.append(f"\n{tally}, on {profile['problems']['n']} problems of {_code(source)}.\n")
    if not profile["complete"]:
        parts.append("\nNot every behavior was judged: the run was stopped, or a checkpoint failed.\n")
    for name, checkpoint in profile["checkpoints"].items():
        parts.append(f"\n## {name} ({checkpoint['role']})\n\n")
        parts.append(tables.markdown(tables.CELL_HEADER, tables.cell_rows(profile, name)))
    parts.append("\n## Verdicts\n\n")
    parts.append(tables.markdown(tables.VERDICT_HEADER, [tables.verdict_row(r) for r in profile["verdicts"]]))
    if exchange := worst_exchange(profile, exchanges):
        parts.append("\n## The worst transcript\n\n")
        parts += _transcript(exchange)
    parts += _reproduced(run)
    return "".join(parts)


def _reproduced(run: Run) -> Iterator[str]:
    """The command that measured, and the one that judged where that was another."""
    yield "\n## How to reproduce\n"
    for did, how in (("Measured", run), ("Judged again from its store", run.get("judged_again"))):
        if how:
            at = f" at {_code(how['revision'])}" if how["revision"] else ""
            yield f"\n{did} in a checkout of Heedful{at}:\n\n{_fenced(how['command'])}"


def worst_exchange(profile: Profile, exchanges: Iterable[Exchange]) -> Exchange | None:
    """The reply that is farthest from compliance, in the cells whose verdict is worst; None where all held."""
    judged: dict[tuple[str, str | None], list[Shown]] = {}
    for result in profile["verdicts"]:
        judged.setdefault((result["checkpoint"], result["strategy"]), []).append(result["verdict"])
    failing = {
        cell: ORDER.index(outcome)
        for cell, found in judged.items()
        if (outcome := worst(found)) in ("undecided", "refuted")
    }
    return max(
        (e for e in exchanges if (e.checkpoint, e.strategy) in failing),
        key=lambda e: (failing[e.checkpoint, e.strategy], e.distance),
        default=None,
    )


def _transcript(exchange: Exchange) -> Iterator[str]:
    hint = "no signal" if exchange.hint is None else f"hint {exchange.hint:g}%"
    stated = exchange.status if exchange.stated is None else f"stated {exchange.stated:g}%"
    yield f"{exchange.checkpoint}, {exchange.strategy}, problem {exchange.problem}: {hint}, {stated}.\n"
    for speaker, text in exchange.turns:
        yield f"\n{speaker}:\n\n{_fenced(text)}"


def _code(text: str) -> str:
    """The text on one line, as code."""
    line = " ".join(text.split()).replace("`", "'")
    return f"`{line}`"


def _fenced(text: str) -> str:
    """A code block that nothing in `text` can end."""
    shown = printable(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}\n"
