"""The real vLLM on the embedded SmolLM2, where there is one on PATH: it says what the same weights in process do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.suite import run

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("vllm") is None, reason="there is no vllm on PATH"),
]
SMOLLM = "embedded:smollm2-135m-instruct"
ARGUMENTS = "--engine-arguments=--enforce-eager --max-model-len 2048"
FEW = (
    *("--problems=demo", "--alpha=0.4", "--n-problems=3", "--hints=10,60"),
    *("--max-answer-tokens=12", "--max-reply-tokens=28"),
    *("-k", "command_compliance and direct_hint or signal_is_read or internal_confidence"),
)


def said(place: Path, spec: str, *more: str) -> tuple[list[dict[str, Any]], list[float]]:
    """All that was replied, and the internal confidences."""
    files = (f"--store={place / 'store.sqlite3'}", f"--output={place / 'output'}")
    made = run(place, [f"--checkpoint=smol={spec}", *files, *FEW, *more], VLLM_CPU_KVCACHE_SPACE="1")
    assert "profile.json" in made.files, made.printed
    names = "answers.jsonl", "trials.jsonl"
    rows = [json.loads(line) for name in names for line in made.files[name].splitlines()]
    return rows, [row.pop("internal") for row in rows if "internal" in row]


@pytest.mark.parametrize("readout", ["free", "slot"])
def test_it_says_the_same_as_in_process(tmp_path: Path, readout: str) -> None:
    there, sure_there = said(tmp_path / "there", f"vllm:{SMOLLM}", f"--readout={readout}", ARGUMENTS)
    here, sure_here = said(tmp_path / "here", SMOLLM, f"--readout={readout}")
    assert there == here
    assert len(here) == 3 + 3 * 2 * 2
    assert sure_there == pytest.approx(sure_here, abs=1e-4)
