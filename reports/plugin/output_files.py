"""output_files: writes the report's files into --output, from whichever of a run's processes measured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from fixtures.checkpoints.recorded import RecordedCheckpoint
from fixtures.measuring.workers import Worker
from fixtures.options.command_line import Options, recorded
from fixtures.plugin.hooks import MEASUREMENT, OPTIONS
from fixtures.plugin.recorded_behaviors import accepted, marks
from fixtures.plugin.selection import is_behavior
from fixtures.store.run_record import Record, keep
from reports.data import measured_transcripts
from reports.data.measured_profile import judged, measured_profile
from reports.data.profile import MeasuredProfile, dumps
from reports.data.provenance import Clock, provenance
from reports.data.run import Command, Plan, Run
from reports.data.verdicts import Result
from reports.views.contents import JUNIT, PROFILE, REPORT, RUN, WRITTEN, Contents, read, write_summary

PLUGINS = {"html": REPORT, "junitxml": JUNIT}
"""The files that plugins of pytest write, by what -p calls them."""
BETWEEN = "measured.json"
"""The process that measures leaves this in the run's own directory for the one that writes."""


def save(run: Path, session: pytest.Session) -> None:
    """Write the replies into --output, and all else that was measured into the run's own directory, for `write`.

    Of several processes the one counts in which the most checkpoints did not fail.
    """
    config = session.config
    measurement, options = config.stash[MEASUREMENT], config.stash[OPTIONS]
    before = json.loads((run / BETWEEN).read_text())["profile"]["checkpoints"] if saved(run) else {}
    if len(measurement.done) <= len(before):
        return
    known = provenance(measurement, options, [str(argument) for argument in config.invocation_params.args])
    measured_transcripts.save(options.output, [measurement.done[name] for name in known["checkpoints"]])
    behaviors = [item for item in session.items if is_behavior(item)]
    record = Record(
        options=recorded(config, options),
        problems=measurement.problem_set,
        checkpoints=tuple(
            RecordedCheckpoint.of(checkpoint) for checkpoint in measurement.checkpoints.values()
        ),
        extents=measurement.extents,
        behaviors={item.nodeid: marks(item) for item in behaviors},
        run=dict(known),
        accepted={item.nodeid: judged_by for item in behaviors if (judged_by := accepted(item))},
    )
    content = {"profile": measured_profile(measurement, options.alpha), "record": record.as_json()}
    (run / BETWEEN).write_text(json.dumps(content), encoding="utf-8")


def clear(output: Path) -> None:
    """Remove what an earlier run has left, so that it does not stand beside what this one writes."""
    for name in (*WRITTEN, REPORT, JUNIT):
        (output / name).unlink(missing_ok=True)


def saved(run: Path) -> bool:
    """Whether the run came so far that there is something to show."""
    return (run / BETWEEN).exists()


def write(
    options: Options, worker: Worker, verdicts: Iterable[Result], clock: Clock, *, complete: bool
) -> Contents:
    """Write a run's files, and read them back: what is shown now is what can be rebuilt later."""
    directory = options.output
    content = json.loads((worker.run / BETWEEN).read_text(encoding="utf-8"))
    profile: MeasuredProfile = content["profile"]
    plan: Plan = content["record"]["run"]
    if options.record:
        # kept by a run of this version: its run.json
        measured: Run = options.record.run  # type: ignore[assignment]
        run = _judged_again(measured, plan)
    else:
        run = clock.read(plan, worker.tallied())
    whole = judged(profile, verdicts, complete=complete)
    (directory / PROFILE).write_text(dumps(whole), encoding="utf-8")
    (directory / RUN).write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    contents = read(directory)
    write_summary(directory, contents)
    return contents


def _judged_again(measured: Run, now: Plan) -> Run:
    """The run that measured, with what the run that judges its store says of the judging."""
    again: Command = {
        "command": now["command"],
        "revision": now["revision"],
        "versions": now["versions"],
    }
    return {
        **measured,
        "checkpoints": now["checkpoints"],
        "seed": now["seed"],
        "alpha": now["alpha"],
        "taken": now["taken"],
        "judged_again": again,
    }


def keep_record(options: Options, worker: Worker, run: Run) -> None:
    """Keep the run in its store, unless the store itself was judged. Raises InputError where it cannot be written."""
    if not options.record:
        content = json.loads((worker.run / BETWEEN).read_text(encoding="utf-8"))
        keep(options.store, {**content["record"], "run": run})
