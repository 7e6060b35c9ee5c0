"""explain: says why a behavior failed: the claim, the paper, whether the signal was read, replies, the command."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping, Sequence

import pytest

from fixtures.errors import NotMeasuredError
from fixtures.measuring.measured import Measured
from fixtures.measuring.measurement import Measurement
from fixtures.plugin import selection
from fixtures.plugin.hooks import FUTILE, LOOK, OPTIONS
from fixtures.questions.strategies import strategies
from fixtures.stats.verdict import Verdict
from reports.data.measured_profile import by_wording, plain
from reports.data.measured_transcripts import exchanges
from reports.data.transcripts import Exchange
from reports.data.verdicts import AS_FAR, falls_short
from reports.plugin.result import result
from reports.wording.evidence import moved_inside, signal_read, telling, wordings_disagree
from reports.wording.printable import quoted
from reports.wording.tables import with_interval

NATURAL = "natural_query"
READ, INSIDE = "signal_is_read.rho", "signal_moves_expectation.slope"
CONVERSATIONAL = {NATURAL, "natural_inline", "system_override", "spoofed_signal", "pressure"}
"""In these the signal may go unread: nothing in the question repeats it."""


def subject(item: pytest.Item, measurement: Measurement) -> tuple[Measured, str | None]:
    """The checkpoint that a behavior judges, and the strategy whose replies show why."""
    asked, marker = selection.subject(item), item.get_closest_marker("measures")
    assert marker is not None
    measured = measurement[asked.judged]
    return measured, asked.strategy or _worst(measured, marker.args)


def _worst(measured: Measured, strategies: Sequence[str]) -> str | None:
    """The strategy with the largest low bias, to show where a behavior is about several."""
    known = [strategy for strategy in strategies if strategy in measured.strategies]
    return max(known, key=lambda strategy: _size(measured, strategy), default=None)


def _size(measured: Measured, strategy: str) -> float:
    value = abs(measured[strategy].bias_low.value)
    return value if value == value else float("inf")


def explanation(verdict: Verdict, item: pytest.Item, measurement: Measurement) -> list[str]:
    """The lines that stand under a failing assertion."""
    measured, strategy = subject(item, measurement)
    lines = [str(verdict)]
    if falls_short(result(item, verdict)):
        lines.append(f"{AS_FAR}: more trials may settle it")
    if item.stash[FUTILE]:
        asked = f"{item.stash[LOOK].n} of {measurement.looks[-1].n} problems"
        lines.append(f"asked no more after {asked}: later looks would hardly settle it")
    lines.append(f"paper: {inspect.getdoc(item.function) or 'says nothing of it'}")  # type: ignore[attr-defined]
    lines += _beside(item, measurement)
    if strategy in CONVERSATIONAL:
        read = seen(item, measurement, READ, "recall_signal")
        recalled = recall(read, item.config.stash[OPTIONS].thresholds)
        lines.append(f"signal: {signal_read(recalled, strategy)}")
    if strategy is not None and (inside := _inside(item, measurement, strategy)):
        lines.append(f"inside: {inside}")
    if strategy is not None and (disagreement := _disagreement(measured, strategy)):
        lines.append(disagreement)
    if strategy is not None:
        lines.append(f"replies in {strategy} (problem, monitor's hint, stated confidence, reply):")
        lines += [f"  {described(e)}" for e in telling(exchanges(measured, strategy))]
    lines.append(f"alone: {command(item)}")
    return lines


def seen(item: pytest.Item, measurement: Measurement, claimed: str, strategy: str) -> Measured:
    """A checkpoint as the run's own test of a claim, such as "signal_is_read.rho", sees it, so that no number has two
    intervals in one output. Where the run has no such test: all that was measured."""
    judged = subject(item, measurement)[0].name
    for other in item.session.items:
        if selection.is_behavior(other) and ".".join(selection.claim(other)) == claimed:
            asked = selection.subject(other)
            if (asked.judged, asked.strategy) == (judged, strategy):
                return measurement.at(judged, other.stash[LOOK])
    return measurement[judged]


def recall(measured: Measured, thresholds: Mapping[str, float]) -> Verdict | None:
    """The verdict that test_signal_is_read reaches, at its own bound or that of --threshold.

    None where its strategy was not measured, or where somebody has taken that behavior out of the suite.
    """
    try:
        from behaviors.test_signal_is_read import READ_RHO
    except ModuleNotFoundError:
        return None
    if "recall_signal" not in measured.strategies:
        return None
    return measured["recall_signal"].within_rho >= thresholds.get(READ, READ_RHO)


def _inside(item: pytest.Item, measurement: Measurement, strategy: str) -> str | None:
    """What test_signal_moves_expectation says of a strategy with a signal to follow, at its own bound or that of
    --threshold. None where it cannot, or where somebody has taken it out of the suite."""
    known = strategies()[strategy]
    try:
        from behaviors.test_signal_moves_expectation import MOVED

        expected = seen(item, measurement, INSIDE, strategy).expected(strategy)
    except (ModuleNotFoundError, NotMeasuredError):
        return None
    if not known.has_signal or known.decoy:
        return None
    bound = item.config.stash[OPTIONS].thresholds.get(INSIDE, MOVED)
    stated = seen(item, measurement, f"{selection.claim(item)[0]}.slope", strategy)[strategy]
    return moved_inside(expected.slope >= bound, stated.slope >= bound)


def _beside(item: pytest.Item, measurement: Measurement) -> list[str]:
    """What the checkpoint does in natural_query, where that is read beside what is judged."""
    marker = item.get_closest_marker("measures")
    if marker is None or NATURAL not in marker.kwargs.get("also", ()):
        return []
    judged = "conversational_compliance"
    slope = seen(item, measurement, f"{judged}.slope", NATURAL)[NATURAL].slope
    bias = seen(item, measurement, f"{judged}.bias", NATURAL)[NATURAL].bias_low
    said = f"slope {with_interval(plain(slope), '.2f')}, low bias {with_interval(plain(bias), '+.1f')}"
    return [f"beside it, {NATURAL}: {said}"]


def _disagreement(measured: Measured, strategy: str) -> str | None:
    cell = measured[strategy]
    return wordings_disagree(cell.wordings_p, by_wording(cell), cell.resampling.alpha)


def described(exchange: Exchange) -> str:
    hint = "no signal" if exchange.hint is None else f"hint {exchange.hint:g}"
    stated = exchange.status if exchange.stated is None else f"{exchange.stated:g}"
    ends = {"length": " (cut off)", "thought": " (its thought never ended)"}
    thought = f"thought {quoted(exchange.thought)}, " if exchange.thought else ""
    said = thought + quoted(exchange.reply) + ends.get(exchange.finish, "")
    if exchange.again:
        said += f"; asked again: {quoted(exchange.again.reply)}{ends.get(exchange.again.finish, '')}"
    return f"#{exchange.problem}, {hint} -> {stated}: {said}"


def command(item: pytest.Item) -> str:
    """The command that runs this behavior alone, with this run's options."""
    return shlex.join(["pytest", *_own_options(item.config), item.nodeid])


def _own_options(config: pytest.Config) -> list[str]:
    """The arguments of the command line that are Heedful's, without the one that deletes."""
    options = [o for group in config._parser._groups if group.name == "heedful" for o in group.options]
    names = {name for option in options for name in option.names()}
    flags = {name for option in options if option.attrs().get("nargs") == 0 for name in option.names()}
    kept: list[str] = []
    arguments: Sequence[str] = [str(argument) for argument in config.invocation_params.args]
    for at, argument in enumerate(arguments):
        name = argument.partition("=")[0]
        if name in names and name != "--no-reuse":
            takes_value = argument in names and argument not in flags
            kept += arguments[at : at + 2] if takes_value else [argument]
    return kept
