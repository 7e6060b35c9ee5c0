"""labelled: replies and what a reader takes them to state, by set and kind, and how the reader does on them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fixtures.replies.reader import Asked, read

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """`reads`: percent, or None where the reply states no confidence surely."""

    kind: str
    text: str
    reads: float | None
    asked: Asked = "own"
    finished: bool = True

    @property
    def read(self) -> float | None:
        return read(self.text, self.asked, finished=self.finished).value

    @property
    def wrong(self) -> bool:
        """Another number was read than the reply states."""
        value = self.read
        return value is not None and (self.reads is None or abs(value - self.reads) > 1e-9)

    @property
    def unread(self) -> bool:
        """No number was read where the reply states one. It would be asked again."""
        return self.read is None and self.reads is not None


def _case(kind: str, row: dict[str, object]) -> Case:
    reads = None if row["reads"] == "none" else row["reads"]
    return Case(kind, reads=reads, **{key: row[key] for key in ("text", "asked", "finished") if key in row})  # type: ignore[arg-type]


def written() -> list[Case]:
    """The cases that the rules were written with."""
    tables = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))
    return [_case(kind, row) for kind, rows in tables.items() for row in rows] + read_lines(
        HERE / "spoken.jsonl"
    )


def held_out() -> list[Case]:
    """Cases that no rule was written with: they show what the reader does with replies it has not met. One that a
    rule is mended for goes to spoken.jsonl, and others are written in its place."""
    return read_lines(HERE / "held_out.jsonl")


def read_lines(file: Path) -> list[Case]:
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [_case(row["kind"], row) for row in rows]


@dataclass(frozen=True)
class Rates:
    """Shares of n replies: read as another number, and left unread where a number is stated."""

    n: int
    wrong: float
    unread: float


def rates(cases: Iterable[Case]) -> Rates:
    cases = list(cases)
    return Rates(
        len(cases), sum(c.wrong for c in cases) / len(cases), sum(c.unread for c in cases) / len(cases)
    )
