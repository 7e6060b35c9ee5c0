"""plugin: pytest's side of the showing. Explains failures, and writes the output files when the run ends."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from typing import Any

import pytest

from fixtures.measurement import Measurement
from fixtures.plugin import MEASUREMENT, OPTIONS, VERDICT
from fixtures.verdict import Bound
from reports import html, tables
from reports.evidence import telling
from reports.explain import explanation, subject
from reports.profile import dumps, profile

RUNNING = pytest.StashKey[pytest.Item]()


def pytest_configure(config: pytest.Config) -> None:
    """Send junit.xml and report.html to --output, before the plugins that write them are configured."""
    if OPTIONS not in config.stash or config.option.collectonly:
        return
    output = config.stash[OPTIONS].output
    config.option.xmlpath = config.option.xmlpath or str(output / "junit.xml")
    if not config.option.htmlpath:
        config.option.htmlpath = str(output / "report.html")
        config.option.self_contained_html = True
    config.pluginmanager.register(Writer(config), "heedful-writer")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """A run that bad input ends writes no report of itself."""
    try:
        return (yield)
    except pytest.UsageError:
        plugins = session.config.pluginmanager
        if junit := plugins.get_plugin("junitxml"):
            junit.pytest_unconfigure(session.config)
        for report in (p for p in plugins.get_plugins() if type(p).__module__.startswith("pytest_html.")):
            plugins.unregister(report)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    item.config.stash[RUNNING] = item
    return (yield)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    item, measurement = config.stash.get(RUNNING, None), config.stash.get(MEASUREMENT, None)
    if not isinstance(right, Bound) or item is None or measurement is None:
        return None
    return explanation(item.stash[VERDICT], item, measurement)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hand on the verdict, and the transcripts of a cell that failed, with the report."""
    verdict = item.stash.get(VERDICT, None)
    if call.when == "call" and verdict is not None:
        numbers = {
            k: v
            for k, v in asdict(verdict).items()
            if k in ("value", "low", "high", "op", "bound", "unit", "flaw")
        }
        shown = {
            "id": item.nodeid,
            "verdict": verdict.outcome,
            **numbers,
            "n_problems": verdict.n,
            "stopped_early": False,
        }
        item.user_properties += [(name, str(value)) for name, value in shown.items() if name != "id"]
    report = yield
    if call.when == "call" and verdict is not None:
        report.__dict__["verdict"] = shown
        report.__dict__["transcripts"] = [] if verdict else _transcripts(item, item.config.stash[MEASUREMENT])
    return report


def _transcripts(item: pytest.Item, measurement: Measurement) -> list[dict[str, Any]]:
    measured, strategy = subject(item, measurement)
    return (
        [html.conversation(measured, t) for t in telling(measured.transcripts(strategy))] if strategy else []
    )


class Writer:
    """Gathers verdicts as reports come in, and writes what the run ends with."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._verdicts: list[dict[str, Any]] = []

    def pytest_report_header(self) -> list[str]:
        options = self._config.stash[OPTIONS]
        shown = [f"{c.name} ({c.role}, {options.readout_of(c.role)} readout)" for c in options.checkpoints]
        hints = ", ".join(f"{hint:g}" for hint in options.hints)
        return [
            f"heedful: {'; '.join(shown)}",
            f"problems: {options.problems}; hints {hints}; store {options.store}",
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if verdict := getattr(report, "verdict", None):
            self._verdicts.append(verdict)

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """An undecided failure in its own word and colour; it still counts as a failure."""
        verdict = getattr(report, "verdict", None)
        if verdict and verdict["verdict"] == "undecided" and report.failed:
            return "failed", "U", ("UNDECIDED", {"yellow": True})
        return None

    def pytest_html_report_title(self, report: Any) -> None:
        report.title = "Heedful"

    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        if measurement := self._measured():
            prefix.append(html.summary(measurement, self._verdicts))

    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[2:2] = [f"<th>{name}</th>" for name in ("Verdict", "Value", "Interval", "Bound")]

    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        verdict = getattr(report, "verdict", None)
        row = tables.verdict_row(verdict) if verdict else ("",) * 5
        cells[2:2] = [html.table_cell(row[column]) for column in (0, 2, 3, 4)]

    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        if transcripts := getattr(report, "transcripts", None):
            data.append(html.transcripts(transcripts))

    def pytest_collection_finish(self) -> None:
        """Nothing of an earlier run stands beside what this one writes."""
        for name in ("profile.json", "summary.md"):
            (self._config.stash[OPTIONS].output / name).unlink(missing_ok=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Interrupted runs write what they have."""
        if measurement := self._measured():
            output = self._config.stash[OPTIONS].output
            content = profile(measurement, self._verdicts, complete=exitstatus in (0, 1))
            (output / "profile.json").write_text(dumps(content), encoding="utf-8")
            (output / "summary.md").write_text(self._summary(measurement), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        measurement = self._measured()
        if measurement is None:
            return
        n = len(measurement.problem_set.problems)
        for measured in measurement.done.values():
            title = (
                f"{measured.name} ({measured.role}): {n} problems, {measured.internal.accuracy:.0%} solved"
            )
            terminalreporter.section(title, sep="-")
            for line in tables.aligned(tables.CELL_HEADER, tables.cell_rows(measured)):
                terminalreporter.line(line)
            for note in measured.checkpoint.notes:
                terminalreporter.line(f"note: {note}")
        terminalreporter.section("verdicts", sep="-")
        rows = [tables.verdict_row(verdict) for verdict in self._verdicts]
        header, *lines = tables.aligned(tables.VERDICT_HEADER, rows)
        terminalreporter.line(header)
        for line, row in zip(lines, rows, strict=True):
            colour = {"held": "green", "refuted": "red", "undecided": "yellow"}[row[0]]
            terminalreporter.line(line, **{colour: True})
        output = self._config.stash[OPTIONS].output
        terminalreporter.line(f"wrote {output}/: report.html, profile.json, summary.md, junit.xml")

    def _measured(self) -> Measurement | None:
        measurement = self._config.stash.get(MEASUREMENT, None)
        return measurement if measurement is not None and measurement.done else None

    def _summary(self, measurement: Measurement) -> str:
        parts = [
            "# Heedful\n\n",
            tables.markdown(tables.VERDICT_HEADER, [tables.verdict_row(v) for v in self._verdicts]),
        ]
        for measured in measurement.done.values():
            parts.append(f"\n## {measured.name} ({measured.role})\n\n")
            parts.append(tables.markdown(tables.CELL_HEADER, tables.cell_rows(measured)))
        return "".join(parts)
