"""refused: a run that bad input ends writes no report of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def no_report_of_bad_input(config: pytest.Config) -> Iterator[None]:
    try:
        yield
    except pytest.UsageError:
        plugins = config.pluginmanager
        if junit := plugins.get_plugin("junitxml"):
            junit.pytest_unconfigure(config)
        for report in (p for p in plugins.get_plugins() if type(p).__module__.startswith("pytest_html.")):
            plugins.unregister(report)
        raise
