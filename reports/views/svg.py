"""svg: turns a matplotlib figure into inline SVG with an alternative text. The same data gives the same bytes."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

SVG = "http://www.w3.org/2000/svg"
REFERENCE = re.compile(r"#([\w-]+)")
FONT = re.compile(r"font-family: [^;]*;? ?")
INHERITED = "stroke-linejoin: round; stroke-linecap: butt"
"""matplotlib puts this in a style sheet, which would hold for the whole page."""


def inline(figure: Figure, name: str, alternative: str) -> Markup:
    """The figure as one `svg` element, to stand in a page beside others.

    `name` is unique in the page; `alternative` says what it shows to those who cannot see it.
    """
    buffer = io.BytesIO()
    # ids are digests of the salt and what they name: without a salt and a date they would differ from run to run
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    for place, part in ((root, "metadata"), (root.find(f"{{{SVG}}}defs"), "style")):
        if place is not None and (element := place.find(f"{{{SVG}}}{part}")) is not None:
            place.remove(element)
    _drop_unused_ids(root)
    for element in root.iter(f"{{{SVG}}}text"):
        element.attrib["style"] = FONT.sub("", element.attrib["style"])
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-alt", "style": INHERITED}
    title = ElementTree.Element(f"{{{SVG}}}title", {"id": f"{name}-alt"})
    title.text = alternative
    root.insert(0, title)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drop_unused_ids(root: ElementTree.Element) -> None:
    """Drop the ids that nothing refers to: matplotlib uses the same ones in every figure."""
    elements = list(root.iter())
    used = {found for e in elements for value in e.attrib.values() for found in REFERENCE.findall(value)}
    for element in elements:
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
