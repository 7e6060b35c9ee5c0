"""The pages that a reader of the project opens, and what stands in them: commands, links, examples."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md"))
}
PROGRAMS = ("apt-get", "bash", "git", "npm", "pip", "pytest", "python", "python3")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACE = re.compile(r"(?:behaviors|docs|fixtures|reports|tests|\.ci)/[\w./-]*")


def without_fences(page: str) -> str:
    return FENCE.sub("", page)


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [block for found, block in FENCE.findall(page) if found == language]


def commands(page: str) -> set[str]:
    """Every indented line, and every code span that begins with a program. Text that is no command is fenced."""
    text = without_fences(page)
    lines = {line.partition("  #")[0].strip() for line in INDENTED.findall(text)}
    return lines | {span for span in spans(page) if span.split()[0] in PROGRAMS}


def spans(page: str) -> list[str]:
    """Code spans, also those that a line break cuts."""
    return [" ".join(span.split()) for span in SPAN.findall(INDENTED.sub("", without_fences(page)))]


def places(page: str) -> set[str]:
    """The paths of this tree that code spans name."""
    return {span for span in spans(page) if PLACE.fullmatch(span)}


def links(page: str) -> list[str]:
    """The targets of links and pictures within the project."""
    return [link for link in LINK.findall(without_fences(page)) if not link.startswith(("http:", "https:"))]


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    texts = [heading.lower() for heading in HEADING.findall(without_fences(page))]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}
