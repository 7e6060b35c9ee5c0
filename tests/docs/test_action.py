"""Action tests: the steps of action.yml, run as GitHub's runner runs them, in a workspace that is not the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.suite import options

ROOT = Path(__file__).parents[2]
SELECTED = "-k", "reasoning or natural_query", "-p", "tests.support.scripted", ""


def step(name: str) -> dict[str, Any]:
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (found,) = (each for each in steps if each.get("name") == name)
    return dict(found)


def ran(name: str, workspace: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """bash as the runner has it. The step's own variables are given by hand: the runner fills in its expressions."""
    assert step(name)["env"].keys() <= environment.keys()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "GITHUB"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(name)["run"]],
        cwd=workspace,
        env={
            **inherited,
            "PATH": path,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_judges_annotates_and_summarises(tmp_path: Path) -> None:
    arguments = options(tmp_path, "conversational-resister", "--n-problems=8", *SELECTED)
    own = [argument for argument in arguments if not argument.startswith("--output=")]
    within = "\n".join(own).replace(f"{tmp_path}/", "")
    done = ran("Judge", tmp_path, ARGUMENTS=within, OUTPUT="heedful-report", PYTHONPATH=str(ROOT))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "::error file=behaviors/test_conversational_compliance.py,line=" in done.stdout
    assert (tmp_path / "heedful-report" / "report.html").exists()
    assert (tmp_path / "store.sqlite3").exists(), "paths are the workspace's"
    shown = tmp_path / "summary"
    for summary in ("heedful-report/summary.md", "nowhere/summary.md"):
        done = ran("Step summary", tmp_path, SUMMARY=summary, GITHUB_STEP_SUMMARY=str(shown))
        assert done.returncode == 0, done.stderr
    assert shown.read_text(encoding="utf-8").count("# Heedful\n") == 1
