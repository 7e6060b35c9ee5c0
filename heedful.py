"""Starts pytest again with Heedful's configuration where pytest has taken it from somewhere else.

pytest looks for its configuration before it knows which options take a value: given `--problems ../x.jsonl` it looks
beside x.jsonl. Installing Heedful registers this module with pytest (pytest11); outside the checkout it does nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().with_name("pyproject.toml")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Outermost, so that output is not captured yet."""
    params = early_config.invocation_params
    in_checkout = params.dir.resolve().is_relative_to(CONFIG.parent)
    if in_checkout and early_config.inipath != CONFIG and not early_config.known_args_namespace.inifilename:
        command = [sys.executable, "-m", "pytest", f"--config-file={CONFIG}", *map(str, params.args)]
        os.execv(sys.executable, command)
    return (yield)
