"""layers: draws where in a network the monitor's number enters, and where it goes, from a profile (--layers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from matplotlib import rc_context
from matplotlib.figure import Figure

from fixtures.protocol.expected import LEAST_MASS
from reports.data.profile import AtLayer, Profile
from reports.views.figures import CONTROL, GREY, LOOKS, STYLE, Picture
from reports.views.svg import inline
from reports.wording.tables import in_order, number

LINES = ("-", "--", ":")
"""Of the first strategies, in as many colours as there are, of the next, and of those behind them."""
CAPTION = (
    "Slope of the expected number on the monitor's hint, within a problem, by layer: 1 follows the monitor, 0 is not "
    f"moved by it. Pale where numbers are less than {LEAST_MASS:.0%} of what may follow: there it says little."
)


class Look(NamedTuple):
    colour: str
    line: str
    marker: str


def by_layer(profile: Profile) -> Iterator[Picture]:
    """One panel a checkpoint whose layers were read, with a curve for each strategy that has a signal."""
    for name, checkpoint in profile["checkpoints"].items():
        curves = {
            strategy: layers
            for strategy, cell in in_order(checkpoint["strategies"])
            if strategy != CONTROL and cell["expected"] and (layers := cell["expected"].get("layers"))
        }
        if curves:
            slug = f"layers-{name}"
            yield Picture(slug, CAPTION, inline(_figure(name, curves), slug, _words(name, curves)))


def _figure(name: str, curves: Mapping[str, list[AtLayer]]) -> Figure:
    with rc_context(fname=STYLE):
        figure = Figure(figsize=(6.4, 3.2))
        axes = figure.add_axes((0.09, 0.14, 0.6, 0.78))
        axes.set(title=name, xlabel="layer", ylabel="slope of the expected number")
        for value in (0, 1):
            axes.axhline(value, color=GREY, linewidth=1)
        for at, (strategy, layers) in enumerate(curves.items()):
            look = _look(at)
            for alpha, label, shown in ((0.3, None, layers), (1.0, strategy, list(map(_sure, layers)))):
                axes.plot(
                    [one["layer"] for one in layers],
                    [float("nan") if one is None else _slope(one) for one in shown],
                    color=look.colour,
                    linestyle=look.line,
                    marker=look.marker,
                    markersize=3,
                    linewidth=1.2,
                    alpha=alpha,
                    label=label,
                )
        figure.legend(loc="center left", bbox_to_anchor=(0.7, 0.53))
    return figure


def _look(at: int) -> Look:
    """Of the curve number `at`, from 0."""
    colour, _, marker = LOOKS[at % len(LOOKS)]
    return Look(colour, LINES[at // len(LOOKS) % len(LINES)], marker)


def _sure(layer: AtLayer) -> AtLayer | None:
    return layer if layer["mass"] >= LEAST_MASS else None


def _slope(layer: AtLayer) -> float:
    value = layer["slope"]["value"]
    return float("nan") if value is None else value


def _words(name: str, curves: Mapping[str, list[AtLayer]]) -> str:
    said = [
        f"{strategy} " + ", ".join(number(at["slope"]["value"], ".2f") for at in layers)
        for strategy, layers in curves.items()
    ]
    return f"{name}, slope of the expected number on the hint at each layer from the first on: {'; '.join(said)}."
