"""A plugin (`-p tests.support.impatient`) with which Heedful soon gives up on a server."""

from __future__ import annotations

import pytest

from fixtures.checkpoints.served import patience

IMPATIENT = patience.Patience(connect=5, silence=1, whole=3, tries=4, pause=0.01, longest_pause=0.02)


def pytest_configure(config: pytest.Config) -> None:
    patience.PATIENCE = IMPATIENT
