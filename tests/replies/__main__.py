"""The reader's two rates over the labelled replies, by kind: `python -m tests.replies [FILE.jsonl ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.replies.labelled import Case, held_out, rates, read_lines, written


def table(name: str, cases: list[Case]) -> None:
    print(f"\n{name:40} {'n':>5} {'wrong':>7} {'none':>7}")
    for kind in (*sorted({case.kind for case in cases}), "all"):
        found = rates(case for case in cases if kind in (case.kind, "all"))
        print(f"  {kind:38} {found.n:5} {found.wrong:7.1%} {found.unread:7.1%}")


if __name__ == "__main__":
    table("written", written())
    table("held out", held_out())
    for file in sys.argv[1:]:
        table(file, read_lines(Path(file)))
