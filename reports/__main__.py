"""Rebuild the reports that a run has written, or compare two profiles. No checkpoint is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fixtures.errors import InputError

ROOT = Path(__file__).parent.parent
LATEST = Path("reports/latest")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 4 for bad input, as pytest has it.

    Modules are imported late, so that comparing and rebuilding start without pytest and without an engine.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "compare":
            from reports.data.profile import read_profile
            from reports.views.compare import compared

            print(compared(read_profile(options.old), read_profile(options.new)), end="")
        elif os.path.isfile(options.source):
            return _judge_again(options.source, options.output or LATEST)
        else:
            _rebuild(options.source, options.output)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    return 0


def _rebuild(directory: Path, output: Path | None) -> None:
    from reports.views.contents import rebuild

    if not os.path.isdir(directory):
        raise InputError(f"{directory}: is neither a run's --output nor a store", "give one of them")
    if output:
        raise InputError(
            f"{directory} is rebuilt where it is",
            "leave it out, or give a store",
            option=f"--output {output}",
        )
    rebuild(directory)
    print(f"wrote {directory}: report.html, summary.md")


def _judge_again(store: Path, output: Path) -> int:
    """Judge a store with this checkout's behaviors. A verdict that is not held is no failure of the rebuilding."""
    import pytest

    ours = [f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}", str(ROOT / "behaviors")]
    code = pytest.main([*ours, "--from-store", f"--store={store}", f"--output={output}"])
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rebuild = commands.add_parser("rebuild", help="write a run's report again")
    rebuild.add_argument(
        "source",
        type=Path,
        nargs="?",
        default=LATEST,
        help="a run's --output, for report.html and summary.md from its other files (default %(default)s); or a store, "
        "for every file of its last run, judged again",
    )
    rebuild.add_argument("--output", type=Path, help=f"where a store's goes (default {LATEST})")
    compare = commands.add_parser("compare", help="print what changed from one profile.json to another")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
