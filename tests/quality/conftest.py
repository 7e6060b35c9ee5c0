"""The simulations of CI take few resamples: at their alpha, 0.1, fifty and more still lie outside each end."""

from __future__ import annotations

import pytest

from fixtures.stats import bootstrap


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 4000)
    monkeypatch.setattr(bootstrap, "COARSE", 1000)
    monkeypatch.setattr(bootstrap, "BEYOND", 1.5)
