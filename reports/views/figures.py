"""figures: draws dose and response, reliability, internal confidence and wordings from a profile."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fixtures.questions.strategies import strategies
from reports.data.profile import AtHint, Bin, Cell, Checkpoint, Profile, defined
from reports.views.svg import inline
from reports.wording.tables import in_order, number

STYLE = Path(__file__).with_name("templates") / "figures.mplstyle"
LOOKS = (("#0072b2", "-", "o"), ("#d55e00", "--", "s"), ("#009e73", "-.", "^"), ("#aa4499", ":", "D"))
"""Colour (Okabe and Ito's, which colour-blind readers can tell apart), line and marker of each checkpoint in turn."""
GREY = "#666666"
PERCENT = (-4, 104)
CONTROL = "no_signal"
Worded = Literal["within_rho", "bias_low"]
WORDED: dict[Worded, str] = {"within_rho": "rho", "bias_low": "low bias, points"}


class Picture(NamedTuple):
    """A figure as SVG with its caption; `name` is unique in the page."""

    name: str
    caption: str
    svg: Markup


def key(names: Sequence[str]) -> Picture:
    """The key to the lines of the dose-response panels."""
    with rc_context(fname=STYLE):
        figure = Figure(figsize=(4.2, 0.22 * (len(names) + 2)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        for name, (colour, line, marker) in zip(names, _looks(names), strict=True):
            axes.plot(
                [],
                [],
                color=colour,
                linestyle=line,
                marker=marker,
                label=f"{name}: mean stated, with interval",
            )
        axes.plot([], [], color=GREY, linewidth=1, label="perfect compliance")
        axes.plot(
            [],
            [],
            color=GREY,
            linewidth=1,
            linestyle=":",
            label=f"what each states with no signal ({CONTROL})",
        )
        axes.legend(loc="center left", borderaxespad=0)
    return Picture(
        "key", "", inline(figure, "key", f"Key: one line and marker for each of {', '.join(names)}.")
    )


def dose_response(profile: Profile) -> Iterator[Picture]:
    """One panel a strategy: the mean stated confidence at each hint, all checkpoints."""
    checkpoints = profile["checkpoints"]
    measured = {s for checkpoint in checkpoints.values() for s in checkpoint["strategies"]}
    for strategy, known in strategies().items():
        if strategy in measured and known.has_signal:
            curves = {
                name: checkpoint["strategies"][strategy]["by_hint"]
                for name, checkpoint in checkpoints.items()
                if strategy in checkpoint["strategies"]
            }
            figure = _dose_figure(strategy, curves, checkpoints)
            yield Picture(
                f"dose-{strategy}",
                known.title,
                inline(figure, f"dose-{strategy}", _dose_words(strategy, curves)),
            )


def _dose_figure(
    strategy: str, curves: dict[str, list[AtHint]], checkpoints: dict[str, Checkpoint]
) -> Figure:
    with rc_context(fname=STYLE):
        figure, axes = _square(strategy, "monitor's hint, %", "mean stated confidence, %")
        target = next(iter(curves.values()))
        axes.plot([p["hint"] for p in target], _plain(p["target"] for p in target), color=GREY, linewidth=1)
        for name, look in zip(checkpoints, _looks(checkpoints), strict=True):
            if name in curves:
                _curve(axes, curves[name], look)
                control = checkpoints[name]["strategies"].get(CONTROL)
                if control and control["by_hint"][0]["stated"] is not None:
                    axes.axhline(control["by_hint"][0]["stated"], color=look[0], linestyle=":", linewidth=1)
    return figure


def _curve(axes: Axes, points: Sequence[AtHint], look: tuple[str, str, str]) -> None:
    colour, line, marker = look
    known = [p for p in points if p["stated"] is not None]
    hints = [p["hint"] for p in known]
    low, high = _plain(p["low"] for p in known), _plain(p["high"] for p in known)
    axes.fill_between(hints, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(hints, _plain(p["stated"] for p in known), color=colour, linestyle=line, marker=marker)


def _plain(values: Iterable[float | None]) -> list[float]:
    """The values, with NaN (which is not drawn) for those that are not defined."""
    return [math.nan if value is None else value for value in values]


def _dose_words(strategy: str, curves: dict[str, list[AtHint]]) -> str:
    said = [
        f"{name} states " + ", ".join(f"{number(p['stated'], '.0f')} at hint {p['hint']:g}" for p in points)
        for name, points in curves.items()
    ]
    followed = any(p["target"] is not None for points in curves.values() for p in points)
    perfect = "Perfect compliance states the target." if followed else "There is nothing to follow."
    return f"{strategy}, mean stated confidence in percent: {'; '.join(said)}. {perfect}"


def reliability(profile: Profile) -> Iterator[Picture]:
    """Stated confidence with no signal against the share that is right, one panel a checkpoint."""
    for name, checkpoint in profile["checkpoints"].items():
        own = checkpoint["calibration"]
        if own and own["bins"]:
            caption = f"ECE {number(own['ece']['value'], '.2f')}, stated with no signal"
            yield _binned(f"reliability-{name}", name, caption, "stated confidence, %", own["bins"])


def internal(profile: Profile) -> Iterator[Picture]:
    """Token confidence against the share that is right, one panel a checkpoint."""
    for name, checkpoint in profile["checkpoints"].items():
        own = checkpoint["internal"]
        if own and own["bins"]:
            pearson, auroc = number(own["pearson_r"], "+.2f"), number(own["auroc"], ".2f")
            caption = f"Pearson r {pearson}, AUROC {auroc}, {own['n']} answers"
            yield _binned(f"internal-{name}", name, caption, "mean top-1 token probability, %", own["bins"])


def _binned(name: str, title: str, caption: str, label: str, bins: Sequence[Bin]) -> Picture:
    with rc_context(fname=STYLE):
        figure, axes = _square(title, label, "answers that are right, %")
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=1)
        x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
        reach = [[b["accuracy"] - b["low"] for b in bins], [b["high"] - b["accuracy"] for b in bins]]
        axes.errorbar(
            x, y, yerr=reach, color=LOOKS[0][0], marker="o", linestyle="-", linewidth=1.2, capsize=3
        )
        for one in bins:
            right = one["confidence"] > 80
            axes.annotate(
                f"n={one['n']}",
                (one["confidence"], one["accuracy"]),
                (-5 if right else 5, 5),
                textcoords="offset points",
                ha="right" if right else "left",
                fontsize=7,
            )
    words = "; ".join(
        f"{b['accuracy']:.0f}% right where {b['confidence']:.0f}% ({b['n']} answers)" for b in bins
    )
    return Picture(name, caption, inline(figure, name, f"{title}, {label}: {words}."))


def wordings(profile: Profile) -> Iterator[Picture]:
    """Each wording's estimate as its number, over the strategy's own interval; two panels a checkpoint."""
    for name, checkpoint in profile["checkpoints"].items():
        cells = [(s, cell) for s, cell in in_order(checkpoint["strategies"]) if s != CONTROL]
        for metric, label in WORDED.items() if cells else ():
            figure = _wording_figure(name, cells, metric, label)
            slug = f"wordings-{metric.replace('_', '-')}-{name}"
            yield Picture(slug, "", inline(figure, slug, _wording_words(name, cells, metric, label)))


def _wording_figure(name: str, cells: Sequence[tuple[str, Cell]], metric: Worded, label: str) -> Figure:
    with rc_context(fname=STYLE):
        height = 0.9 + 0.42 * len(cells)
        figure = Figure(figsize=(5.2, height))
        axes = figure.add_axes((0.24, 0.5 / height, 0.73, 1 - 0.8 / height))
        for at, (_, cell) in enumerate(cells):
            if known := defined(cell[metric]):
                _, low, high = known
                axes.barh(at, high - low, 0.8, low, color=LOOKS[0][0], alpha=0.25)
            for wording, part in cell["by_wording"].items():
                value = part[metric]
                if value is not None:
                    _numeral(axes, value, at, int(wording), len(cell["by_wording"]))
        axes.set_yticks(range(len(cells)), [strategy for strategy, _ in cells])
        axes.set_ylim(len(cells) - 0.4, -0.6)
        ends = (-1, 1) if metric == "within_rho" else (-100, 100)
        axes.set_xlim(1.05 * ends[0], 1.05 * ends[1])
        axes.set_xticks([end * share for share in (1, 0.5) for end in ends] + [0])
        axes.axvline(1 if metric == "within_rho" else 0, color=GREY, linewidth=1)
        axes.set_xlabel(label)
        axes.set_title(name)
    return figure


def _numeral(axes: Axes, x: float, row: int, wording: int, count: int) -> None:
    """The number of a wording, a little above or below its row, so that equal ones can be read."""
    shift = 0.27 * (wording - (count - 1) / 2)
    axes.text(x, row + shift, str(wording + 1), ha="center", va="center_baseline", fontsize=8, weight="bold")


def _wording_words(name: str, cells: Sequence[tuple[str, Cell]], metric: Worded, label: str) -> str:
    form = "+.2f" if metric == "within_rho" else "+.0f"
    said = [
        f"{strategy} " + ", ".join(number(part[metric], form) for part in cell["by_wording"].values())
        for strategy, cell in cells
    ]
    return f"{name}, {label} by wording: {'; '.join(said)}."


def _square(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Axes of percent against percent."""
    figure = Figure(figsize=(3.3, 3.2))
    axes = figure.add_axes((0.17, 0.14, 0.81, 0.78))
    axes.set(title=title, xlabel=x, ylabel=y, xlim=PERCENT, ylim=PERCENT)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(0, 101, 20))
    return figure, axes


def _looks(names: Collection[str]) -> list[tuple[str, str, str]]:
    return [LOOKS[at % len(LOOKS)] for at in range(len(names))]
