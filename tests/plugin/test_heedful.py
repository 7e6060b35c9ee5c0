"""The command line works wherever its files are: pytest takes its root from paths it does not understand yet."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _collect(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_files_outside_the_checkout_do_not_move_pytest_s_root(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "problems.jsonl").touch()
    done = _collect("--checkpoint", str(tmp_path), "--problems", str(tmp_path / "problems.jsonl"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "behaviors/test_conversational_compliance.py::test_rho[" in done.stdout


def test_another_checkout_than_the_installed_one(tmp_path: Path) -> None:
    """Two clones, one environment: the other one's heedful.py is what pytest finds, and it finds this one."""
    other, problems = tmp_path / "other", tmp_path / "problems.jsonl"
    other.mkdir()
    shutil.copy(ROOT / "heedful.py", other)
    (other / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--no-such-option'\n")
    problems.touch()
    environment = {"PYTHONPATH": str(other), "PYTHONSAFEPATH": "1"}
    done = _collect("--checkpoint", str(tmp_path), "--problems", str(problems), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "behaviors/test_conversational_compliance.py::test_rho[" in done.stdout


def test_a_configuration_that_the_user_names_is_left_alone(tmp_path: Path) -> None:
    done = _collect("-c", "/dev/null", str(tmp_path))
    assert done.returncode == 5, done.stdout + done.stderr
    assert "behaviors" not in done.stdout
