"""printable: a model's text made fit for a terminal, XML and a one-line quotation."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Control, format (bidi marks and the like), surrogate and private characters become U+FFFD; newlines stay."""
    return "".join(
        c if c == "\n" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def quoted(text: str, width: int = 100) -> str:
    """On one line, at most `width` characters, in quotation marks."""
    line = " ".join(printable(text.replace("\n", " ")).split())
    return f'"{line}"' if len(line) <= width else f'"{line[: width - 1]}…"'
