"""Starts pytest again with Heedful's configuration where pytest has taken it from somewhere else.

pytest looks for its configuration before it knows which options take a value: given `--problems ../x.jsonl` it looks
beside x.jsonl. Installing Heedful registers this module with pytest (pytest11). It serves every checkout of Heedful,
not only its own, and does nothing outside.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest


def configuration(directory: Path) -> Path | None:
    """That of the checkout of Heedful which a directory lies in."""
    for place in (directory, *directory.parents):
        if (place / "heedful.py").is_file() and (place / "pyproject.toml").is_file():
            return place / "pyproject.toml"
    return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Outermost, so that output is not captured yet."""
    params = early_config.invocation_params
    config, named = configuration(params.dir.resolve()), early_config.known_args_namespace.inifilename
    if config and early_config.inipath != config and not named:
        command = [sys.executable, "-m", "pytest", f"--config-file={config}", *map(str, params.args)]
        os.execv(sys.executable, command)
    return (yield)
