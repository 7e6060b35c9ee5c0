"""CUDA tests: an accelerator reaches the verdicts of the CPU. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.suite import FILES, Run, run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def judged(place: Path, device: str) -> Run:
    output, store = (f"--{name}={place / FILES[name]}" for name in ("output", "store"))
    asked = ("--checkpoint=tuned=embedded:smollm2-135m-instruct", "--problems=demo", "--readout=slot")
    return run(place, [*asked, "--n-problems=18", "--dtype=float32", f"--device={device}", output, store])


def test_the_verdicts_are_the_cpu_s(tmp_path: Path) -> None:
    cpu, cuda = (judged(tmp_path / device, device) for device in ("cpu", "cuda"))
    assert cuda.verdicts.keys() == cpu.verdicts.keys()
    assert {name: row["verdict"] for name, row in cuda.verdicts.items()} == {
        name: row["verdict"] for name, row in cpu.verdicts.items()
    }
