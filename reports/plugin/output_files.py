"""output_files: the report's files in --output, written by a run and read again to rebuild them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fixtures.checkpoints.recorded import RecordedCheckpoint
from fixtures.errors import InputError, brief
from fixtures.measuring.workers import Worker
from fixtures.options.command_line import Options, recorded
from fixtures.plugin.hooks import MEASUREMENT, OPTIONS
from fixtures.plugin.selection import is_behavior, marks
from fixtures.store.run_record import Record, keep
from reports.data import transcripts
from reports.data.profile import SCHEMA, Profile, dumps, judged, measured
from reports.data.provenance import Clock, provenance
from reports.data.transcripts import Exchange
from reports.data.verdicts import Result
from reports.views import page
from reports.views.summary import summary

PROFILE, RUN, SUMMARY = "profile.json", "run.json", "summary.md"
REPORT, JUNIT = "report.html", "junit.xml"
"""Which plugins of pytest write."""
PLUGINS = {"html": REPORT, "junitxml": JUNIT}
"""By what -p calls them."""
BETWEEN = "measured.json"
"""In a run's own directory, from the process that measured to the one that writes."""
WRITTEN = (PROFILE, RUN, SUMMARY, transcripts.ANSWERS, transcripts.TRIALS)
OF_JUDGING = ("checkpoints", "seed", "alpha", "taken")
JUDGED_AGAIN = ("command", "revision", "versions")
"""Where a store's last run is judged again, these are of the judging in run.json, and all else of that run."""


class Contents(NamedTuple):
    """What everything that is shown is made of. `exchanges` can be iterated again and again."""

    profile: Profile
    run: dict[str, Any]
    exchanges: Iterable[Exchange]

    def page(self) -> str:
        return page.report(*self)


def save(run: Path, session: pytest.Session) -> None:
    """What was measured: its replies into --output, the rest into the run's own directory, for `write`.

    Of several processes the one counts in which the most checkpoints did not fail.
    """
    config = session.config
    measurement, options = config.stash[MEASUREMENT], config.stash[OPTIONS]
    before = json.loads((run / BETWEEN).read_text())["profile"]["checkpoints"] if saved(run) else {}
    if len(measurement.done) <= len(before):
        return
    known = provenance(measurement, options, [str(argument) for argument in config.invocation_params.args])
    transcripts.save(options.output, [measurement.done[name] for name in known["checkpoints"]])
    record = Record(
        options=recorded(config, options),
        problems=measurement.problem_set,
        checkpoints=tuple(
            RecordedCheckpoint.of(checkpoint) for checkpoint in measurement.checkpoints.values()
        ),
        extents=measurement.extents,
        behaviors={item.nodeid: marks(item) for item in session.items if is_behavior(item)},
        run=known,
    )
    content = {"profile": measured(measurement, options.alpha), "record": record.as_json()}
    (run / BETWEEN).write_text(json.dumps(content), encoding="utf-8")


def clear(output: Path) -> None:
    """Nothing of an earlier run stands beside what this one writes."""
    for name in (*WRITTEN, REPORT, JUNIT):
        (output / name).unlink(missing_ok=True)


def saved(run: Path) -> bool:
    """Whether the run came so far that there is something to show."""
    return (run / BETWEEN).exists()


def write(
    options: Options, worker: Worker, verdicts: Iterable[Result], clock: Clock, *, complete: bool
) -> Contents:
    """A run's files, and what they hold, read back: what is shown then is what can be rebuilt."""
    directory = options.output
    content = json.loads((worker.run / BETWEEN).read_text(encoding="utf-8"))
    now = content["record"]["run"]
    if options.record:
        again = {key: now[key] for key in JUDGED_AGAIN}
        known = options.record.run | {key: now[key] for key in OF_JUDGING} | {"judged_again": again}
    else:
        known = clock.read(now, worker.tallied())
    profile = judged(content["profile"], verdicts, complete=complete)
    (directory / PROFILE).write_text(dumps(profile), encoding="utf-8")
    (directory / RUN).write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    contents = read(directory)
    _write_summary(directory, contents)
    return contents


def keep_record(options: Options, worker: Worker, run: dict[str, Any]) -> None:
    """Into the store, of a run that is not itself judged by one. Raises InputError where that cannot be written."""
    if not options.record:
        content = json.loads((worker.run / BETWEEN).read_text(encoding="utf-8"))
        keep(options.store, {**content["record"], "run": run})


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
        raise InputError(f"{path}: cannot be read ({brief(error)})", "give a run's --output") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not this profile's ({brief(error)})", "run again") from error
    return Contents({**profile, "checkpoints": checkpoints}, run, transcripts.Saved(directory))


def read_profile(path: Path) -> Profile:
    """Raises InputError for a file that is no profile of this schema."""
    try:
        profile: Profile = json.loads(path.read_text(encoding="utf-8"))
        schema = profile["schema"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)})", "give a profile.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no profile.json ({brief(error)})", "give one") from error
    if schema != SCHEMA:
        raise InputError(
            f"{path}: has schema {schema}, this Heedful reads {SCHEMA}", "use the one that wrote it"
        )
    return profile
