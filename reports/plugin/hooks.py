"""hooks: explains failures in pytest's output, and sends what a run writes to --output."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from fixtures.plugin.hooks import MEASUREMENT, OPTIONS, VERDICT
from fixtures.plugin.parallel import WORKER, is_worker
from fixtures.stats.verdict import Bound
from reports.plugin.no_report import no_report_of_bad_input, writing
from reports.plugin.result import result
from reports.wording.printable import printable

RUNNING = pytest.StashKey[pytest.Item]()


def pytest_configure(config: pytest.Config) -> None:
    """Send junit.xml and report.html to --output, before the plugins that write them are configured."""
    if OPTIONS not in config.stash or is_worker(config):
        return
    if config.option.collectonly or config.stash[OPTIONS].plan:
        return
    from reports.plugin.writer import Writer
    from reports.views.contents import JUNIT, REPORT

    output = config.stash[OPTIONS].output
    plugins = config.pluginmanager
    if plugins.has_plugin("junitxml"):
        config.option.xmlpath = config.option.xmlpath or str(output / JUNIT)
    if plugins.has_plugin("html") and not config.option.htmlpath:
        config.option.htmlpath = str(output / REPORT)
        config.option.self_contained_html = True
    plugins.register(Writer(config), "heedful-writer")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is going to be asked, of a --plan too."""
    if OPTIONS not in config.stash:
        return []
    options = config.stash[OPTIONS]
    shown = [f"{c.name} ({c.role}, {options.readout_of(c.role)} readout)" for c in options.checkpoints]
    if options.record:
        where = f"judged again: the run of {printable(options.record.run['started'])} in {options.store}"
    else:
        hints = ", ".join(f"{hint:g}" for hint in options.hints)
        where = f"problems: {options.problems}; hints {hints}; store {options.store}"
    return [f"heedful: {'; '.join(shown)}", where]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    with no_report_of_bad_input(session.config):
        return (yield)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remove what an earlier run has written, but not for a store that is judged again: it may hold too little, and is
    refused then."""
    config = session.config
    if MEASUREMENT in config.stash and not (config.stash[OPTIONS].plan or config.stash[OPTIONS].record):
        from reports.plugin import output_files

        with config.stash[WORKER].once("cleared") as mine:
            if mine:
                output_files.clear(config.stash[OPTIONS].output)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Have a worker leave what it measured to the controller, before it judges."""
    if is_worker(session.config) and MEASUREMENT in session.config.stash:
        from reports.plugin import output_files

        worker = session.config.stash[WORKER]
        with writing(session.config), worker.alone("saving"):
            output_files.save(worker.run, session)
            if not output_files.saved(worker.run):
                output_files.clear(session.config.stash[OPTIONS].output)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    item.config.stash[RUNNING] = item
    return (yield)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    from reports.plugin.explain import explanation

    item, measurement = config.stash.get(RUNNING, None), config.stash.get(MEASUREMENT, None)
    if not isinstance(right, Bound) or item is None or measurement is None:
        return None
    return explanation(item.stash[VERDICT], item, measurement)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the verdict on the report, and its numbers into junit.xml as properties."""
    verdict = item.stash.get(VERDICT, None)
    if call.when != "call" or verdict is None:
        return (yield)
    found = result(item, verdict)
    own = {name: str(value) for name, value in found.items() if name != "id"}
    # a test that runs again has those of the time before
    item.user_properties[:] = [*((k, v) for k, v in item.user_properties if k not in own), *own.items()]
    report = yield
    report.__dict__ |= {"found": found, "claim": str(verdict)}
    return report
