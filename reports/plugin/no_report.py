"""no_report: a run that bad input ends writes no report of itself, and one that cannot write says so in a line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from fixtures.errors import InputError, brief
from fixtures.plugin import parallel
from fixtures.plugin.hooks import OPTIONS


@contextlib.contextmanager
def no_report_of_bad_input(config: pytest.Config) -> Iterator[None]:
    """Around all that may refuse."""
    try:
        yield
    except pytest.UsageError:
        no_report(config)
        raise


def no_report(config: pytest.Config) -> None:
    """Neither junit.xml nor report.html."""
    plugins = config.pluginmanager
    if junit := plugins.get_plugin("junitxml"):
        junit.pytest_unconfigure(config)
    for report in (p for p in plugins.get_plugins() if type(p).__module__.startswith("pytest_html.")):
        plugins.unregister(report)


@contextlib.contextmanager
def writing(config: pytest.Config) -> Iterator[None]:
    """Around all that writes to --output."""
    with parallel.one_line(config):
        try:
            yield
        except OSError as error:
            if reporter := config.pluginmanager.get_plugin("terminalreporter"):
                reporter.ensure_newline()
            raise InputError(
                f"cannot be written ({brief(error)})",
                "free space or give another, and run again: what was made is kept",
                option=f"--output {config.stash[OPTIONS].output}",
            ) from error
