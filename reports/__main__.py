"""The reports' own command line: rebuild what a run has written, or compare two profiles. Runs no checkpoint."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fixtures.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 4 for bad input, as pytest has it."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "compare":
            from reports.compare import compared
            from reports.files import read_profile

            print(compared(read_profile(options.old), read_profile(options.new)), end="")
        else:
            from reports.files import rebuild

            rebuild(options.directory)
            print(f"wrote {options.directory}: report.html, summary.md")
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rebuild = commands.add_parser(
        "rebuild", help="write report.html and summary.md again from the other files"
    )
    rebuild.add_argument("directory", type=Path, nargs="?", default=Path("reports/latest"))
    compare = commands.add_parser("compare", help="print what changed from one profile.json to another")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
