"""writer: gathers verdicts as the reports of tests come in, and writes what a run leaves."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from fixtures.errors import InputError
from fixtures.plugin import parallel
from fixtures.plugin.hooks import MEASUREMENT, OPTIONS
from reports.data.provenance import Clock
from reports.data.run import Run
from reports.data.verdicts import AS_FAR, Result, falls_short
from reports.plugin import output_files
from reports.plugin.no_report import no_report, no_report_of_bad_input, writing
from reports.plugin.result import found
from reports.views import page, terminal
from reports.views.contents import WRITTEN, Contents
from reports.views.github_annotations import in_actions, workflow_commands
from reports.wording import ending, tables
from reports.wording.printable import printable


class Writer:
    """The plugin of one run. `_contents` is None until the run has ended with something measured."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._clock = Clock(config.stash[OPTIONS])
        self._results: dict[str, Result] = {}
        self._skipped: dict[str, str] = {}
        """Why, by the test's id."""
        self._failures: list[tuple[pytest.TestReport, str]] = []
        self._contents: Contents | None = None
        plugins, files = config.pluginmanager, output_files.PLUGINS
        self._of_plugins = {name: file for name, file in files.items() if plugins.has_plugin(name)}

    def pytest_report_header(self) -> list[str]:
        left_out = output_files.PLUGINS.keys() - self._of_plugins.keys()
        without = (f"no {output_files.PLUGINS[name]} (-p no:{name})" for name in sorted(left_out))
        return [f"reports: {', '.join(without)}"] if left_out else []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Leave out the report where nothing was selected or measured. This runs around the measuring too."""
        with no_report_of_bad_input(self._config):
            try:
                result = yield
            except KeyboardInterrupt:
                if not self._measured():
                    no_report(self._config)
                raise
            if not session.testscollected:
                no_report(self._config)
            return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
            self._skipped[report.nodeid] = why.removeprefix("Skipped: ")
        if result := found(report):
            self._results[result["id"]] = result
            if report.failed:
                self._failures.append((report, report.__dict__["claim"]))

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Give an undecided failure its own word and colour; it still counts as a failure."""
        result = found(report)
        if result and result["verdict"] == "undecided" and report.failed:
            return "failed", "U", ("UNDECIDED", {"yellow": True})
        return None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """Write the run's files. An interrupted run writes what it has; one that bad input has ended writes nothing."""
        if exitstatus == pytest.ExitCode.USAGE_ERROR:
            return (yield)
        with writing(self._config):
            judged = len(self._results.keys() | self._skipped.keys())
            ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            self._write(session, complete=ended and judged == session.testscollected)
            if MEASUREMENT in self._config.stash and not self._contents and ended:
                output_files.clear(self._config.stash[OPTIONS].output)
            if ended and self._contents:
                self._keep(self._contents.run)
            return (yield)

    def _write(self, session: pytest.Session, *, complete: bool) -> None:
        worker = self._config.stash[parallel.WORKER]
        if MEASUREMENT in self._config.stash:
            output_files.save(worker.run, session)
        options, verdicts = self._config.stash[OPTIONS], self._results.values()
        if output_files.saved(worker.run):
            self._contents = output_files.write(options, worker, verdicts, self._clock, complete=complete)

    def _measured(self) -> bool:
        measurement = self._config.stash.get(MEASUREMENT, None)
        return bool(measurement and measurement.done) or output_files.saved(
            self._config.stash[parallel.WORKER].run
        )

    def _keep(self, run: Run) -> None:
        try:
            output_files.keep_record(self._config.stash[OPTIONS], self._config.stash[parallel.WORKER], run)
        except InputError as error:
            parallel.tell(self._config, f"what --from-store needs was not kept: {error}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            store = self._config.stash[OPTIONS].store
            terminal.paragraph(
                terminalreporter, f"interrupted: what was made is in {store}; run again to go on"
            )
        if self._contents is not None:
            terminal.write(terminalreporter, self._contents.profile)
        for reason in sorted({why for test, why in self._skipped.items() if test not in self._results}):
            terminal.paragraph(terminalreporter, f"skipped, not judged: {printable(reason)}")
        if self._contents is None:
            return
        if said := self._early(self._contents):
            terminal.paragraph(terminalreporter, said)
        output = self._config.stash[OPTIONS].output
        files = (*self._of_plugins.values(), *WRITTEN)
        terminal.paragraph(terminalreporter, f"wrote {output}: {', '.join(files)}")
        failed = [result for report, _ in self._failures if (result := found(report))]
        if exitstatus == pytest.ExitCode.TESTS_FAILED and (said := ending.why(failed)):
            terminal.paragraph(terminalreporter, said)
        if self._config.stash[OPTIONS].demo:
            terminal.paragraph(terminalreporter, ending.after_the_demo(self._contents.profile))
        if in_actions():
            for line in workflow_commands(self._failures):
                terminalreporter.line(line)

    def _early(self, contents: Contents) -> str | None:
        """One line where fewer trials were taken than planned; None where all were."""
        options, run = self._config.stash[OPTIONS], contents.run
        if options.record:
            short = sum(map(falls_short, contents.profile["verdicts"]))
            return f"{AS_FAR}: {short} undecided, which more trials may settle" if short else None
        taken, planned = run["taken"]["trials"], run["planned_trials"]
        if taken == planned or not options.early_stop or not contents.profile["complete"]:
            return None
        futile = sum(r["futile"] and r["verdict"] == "undecided" for r in contents.profile["verdicts"])
        why = f" or would hardly have settled {futile} undecided" if futile else ""
        return f"early stop: {taken} of {planned} trials taken, the others were not needed{why}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = "Heedful"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        if self._contents is not None:
            prefix += [self._contents.page(), page.TESTS]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Put the verdict's columns in, and take out the column of links, which has none."""
        cells[2:2] = [f"<th>{name}</th>" for name in ("Verdict", "Value", "Interval", "Bound")]
        cells.pop()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        result = found(report)
        row = tables.verdict_row(result) if result else ("",) * len(tables.VERDICT_HEADER)
        cells[2:2] = [page.table_cell(row[column]) for column in (0, 2, 3, 4)]
        cells.pop()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Link a test to its transcripts. pytest-html would say of each test that passed that it logged nothing."""
        result = found(report)
        if result and report.passed:
            data.clear()
        if result and (strategy := result["strategy"]):
            data.append(page.cell_link(result["checkpoint"], strategy))
