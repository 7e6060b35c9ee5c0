"""Accelerators without one: on_twins.py in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a real accelerator")
def test_what_runs_on_a_cpu_runs_on_accelerators() -> None:
    tests = Path(__file__).with_name("on_twins.py")
    command = [sys.executable, "-m", "pytest", str(tests), "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=tests.parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
