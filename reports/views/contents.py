"""contents: reads a run's --output, and writes report.html and summary.md of it. Needs no pytest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fixtures.errors import InputError, brief
from reports.data import transcripts
from reports.data.profile import Profile, read_profile
from reports.data.run import Run
from reports.data.transcripts import Exchange
from reports.views import page
from reports.views.summary import summary

PROFILE, RUN, SUMMARY = "profile.json", "run.json", "summary.md"
REPORT, JUNIT = "report.html", "junit.xml"
"""pytest's own plugins write these."""
WRITTEN = (PROFILE, RUN, SUMMARY, transcripts.ANSWERS, transcripts.TRIALS)


class Contents(NamedTuple):
    """Everything that is shown is made of these. `exchanges` can be iterated again and again."""

    profile: Profile
    run: Run
    exchanges: Iterable[Exchange]

    def page(self) -> str:
        return page.report(*self)


def read(directory: Path) -> Contents:
    """Checkpoints come in run.json's order: profile.json sorts them by name."""
    profile, path = read_profile(directory / PROFILE), directory / RUN
    try:
        run: Run = json.loads(path.read_text(encoding="utf-8"))
        checkpoints = {name: profile["checkpoints"][name] for name in run["checkpoints"]}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)})", "give a run's --output") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not this profile's ({brief(error)})", "run again") from error
    return Contents({**profile, "checkpoints": checkpoints}, run, transcripts.Saved(directory))


def rebuild(directory: Path) -> None:
    """Write report.html and summary.md again. Raises InputError where another file is missing or damaged."""
    contents = read(directory)
    whole = page.document(contents.profile, contents.page())
    write_summary(directory, contents)
    (directory / REPORT).write_text(whole, encoding="utf-8")


def write_summary(directory: Path, contents: Contents) -> None:
    (directory / SUMMARY).write_text(summary(*contents), encoding="utf-8")
