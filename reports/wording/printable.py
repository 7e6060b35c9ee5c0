"""printable: makes a model's text fit for a terminal, XML and a one-line quotation."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Replace control, format (such as bidi marks), surrogate and private characters by U+FFFD; newlines stay."""
    return "".join(
        c if c == "\n" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def quoted(text: str, width: int = 100) -> str:
    """The text on one line of at most `width` characters, in quotation marks."""
    line = " ".join(printable(text.replace("\n", " ")).split())
    return f'"{line}"' if len(line) <= width else f'"{line[: width - 1]}…"'
