"""svg: a matplotlib figure as inline SVG: text as text, the same bytes for the same data, with words for it."""

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
"""What matplotlib says in a style sheet, which would hold for the whole page."""


def inline(figure: Figure, name: str, alternative: str) -> Markup:
    """The figure as one `svg` element, to stand in a page beside others.

    `name` is unique in the page; `alternative` is what the picture says to those who do not see it.
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
    """matplotlib numbers its groups alike in every figure; only what is referred to keeps its id."""
    elements = list(root.iter())
    used = {found for e in elements for value in e.attrib.values() for found in REFERENCE.findall(value)}
    for element in elements:
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
