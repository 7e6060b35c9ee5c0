"""github_annotations: prints failures so that GitHub Actions shows them beside the code. Only where Actions runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def in_actions(environment: Mapping[str, str] = os.environ) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


def workflow_commands(failures: Sequence[tuple[pytest.TestReport, str]]) -> Iterator[str]:
    """One workflow command a failure: (report, what it says)."""
    for report, message in failures:
        path, line, _ = report.location
        place = f"file={_property(path)},line={(line or 0) + 1},title={_property(report.nodeid)}"
        yield f"::error {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
