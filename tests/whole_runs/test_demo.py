"""The main job on a real checkpoint, from the command line: the paper's effect shows, and nothing is made twice."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBLEMS = 8
ROWS = (PROBLEMS, PROBLEMS * 3 * 3)
"""Answers, and trials of direct_hint, natural_query and recall_signal at the demo's three hints."""


def _demo(place: Path) -> subprocess.CompletedProcess[str]:
    options = [f"--n-problems={PROBLEMS}", f"--store={place / 'store.sqlite3'}", f"--output={place / 'out'}"]
    command = [sys.executable, "-m", "pytest", "-k", "context_dependence", "--no-early-stop", *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def _rows(place: Path) -> tuple[int, ...]:
    with sqlite3.connect(place / "store.sqlite3") as store:
        return tuple(
            store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("answers", "trials")
        )


def test_smollm2_obeys_the_command_and_not_the_conversation(tmp_path: Path) -> None:
    done = _demo(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    text = (tmp_path / "out" / "profile.json").read_text(encoding="utf-8")
    cells = json.loads(text)["checkpoints"]["SmolLM2-135M-Instruct"]["strategies"]
    assert cells["direct_hint"]["rho"]["value"] >= 0.9
    assert cells["natural_query"]["rho"]["value"] < 0.5
    assert cells["direct_hint"]["stated_rate"] == 1
    assert cells["natural_query"]["stated_rate"] >= 0.9
    assert "2 failed" in done.stdout
    assert "recall_signal: within-problem rho" in done.stdout
    assert _rows(tmp_path) == ROWS

    again = _demo(tmp_path)
    assert again.returncode == 1, again.stdout + again.stderr
    assert _rows(tmp_path) == ROWS
    assert (tmp_path / "out" / "profile.json").read_text(encoding="utf-8") == text
