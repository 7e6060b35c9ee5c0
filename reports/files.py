"""files: the report's files in --output, written by a run and read again to rebuild them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fixtures.errors import InputError, brief
from fixtures.plugin import MEASUREMENT, OPTIONS
from reports import exchanges, page
from reports.exchanges import Exchange
from reports.profile import SCHEMA, Profile, dumps, judged, measured
from reports.provenance import Clock, provenance
from reports.results import Result
from reports.summary import summary

PROFILE, RUN, SUMMARY, REPORT = "profile.json", "run.json", "summary.md", "report.html"
BETWEEN = "measured.json"
"""In a run's own directory, from the process that measured to the one that writes."""
WRITTEN = (PROFILE, RUN, SUMMARY, exchanges.ANSWERS, exchanges.TRIALS)
"""All but report.html and junit.xml, which pytest's own plugins write."""


class Contents(NamedTuple):
    """What everything that is shown is made of. `exchanges` can be iterated again and again."""

    profile: Profile
    run: dict[str, Any]
    exchanges: Iterable[Exchange]

    def page(self) -> str:
        return page.report(*self)


def save(run: Path, config: pytest.Config) -> None:
    """What was measured: its replies into --output, the rest into the run's own directory, for `write`.

    Of several processes the one counts in which the most checkpoints did not fail.
    """
    measurement, options = config.stash[MEASUREMENT], config.stash[OPTIONS]
    before = json.loads((run / BETWEEN).read_text())["profile"]["checkpoints"] if saved(run) else {}
    if len(measurement.done) <= len(before):
        return
    known = provenance(measurement, options, [str(argument) for argument in config.invocation_params.args])
    exchanges.save(options.output, [measurement.done[name] for name in known["checkpoints"]])
    content = {"profile": measured(measurement, options.alpha), "run": known}
    (run / BETWEEN).write_text(json.dumps(content), encoding="utf-8")


def saved(run: Path) -> bool:
    """Whether the run came so far that there is something to show."""
    return (run / BETWEEN).exists()


def write(
    directory: Path, run: Path, verdicts: Iterable[Result], clock: Clock, *, complete: bool
) -> Contents:
    """A run's files, and what they hold, read back: what is shown then is what can be rebuilt."""
    content = json.loads((run / BETWEEN).read_text(encoding="utf-8"))
    profile = judged(content["profile"], verdicts, complete=complete)
    (directory / PROFILE).write_text(dumps(profile), encoding="utf-8")
    (directory / RUN).write_text(json.dumps(clock.read(content["run"]), indent=1) + "\n", encoding="utf-8")
    contents = read(directory)
    _write_summary(directory, contents)
    return contents


def rebuild(directory: Path) -> None:
    """report.html and summary.md again, from the other files. Raises InputError where one is missing or damaged."""
    contents = read(directory)
    whole = page.document(contents.profile, contents.page())
    _write_summary(directory, contents)
    (directory / REPORT).write_text(whole, encoding="utf-8")


def _write_summary(directory: Path, contents: Contents) -> None:
    (directory / SUMMARY).write_text(summary(*contents), encoding="utf-8")


def read(directory: Path) -> Contents:
    """Checkpoints come in run.json's order: profile.json's are sorted by name."""
    profile, path = read_profile(directory / PROFILE), directory / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        checkpoints = {name: profile["checkpoints"][name] for name in run["checkpoints"]}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)}); give a run's --output") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not this profile's ({brief(error)}); run again") from error
    return Contents({**profile, "checkpoints": checkpoints}, run, exchanges.Saved(directory))


def read_profile(path: Path) -> Profile:
    """Raises InputError for a file that is no profile of this schema."""
    try:
        profile: Profile = json.loads(path.read_text(encoding="utf-8"))
        schema = profile["schema"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)}); give a profile.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no profile.json ({brief(error)}); give one") from error
    if schema != SCHEMA:
        raise InputError(
            f"{path}: has schema {schema}, this Heedful reads {SCHEMA}; use the one that wrote it"
        )
    return profile
