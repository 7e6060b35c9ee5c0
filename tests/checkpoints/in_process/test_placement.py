"""Where weights are put, and as what: spread over devices, quantised, and what this machine has not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fixtures.checkpoints.in_process import placement
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.errors import InputError
from tests.checkpoints.in_process.test_shared_prefix import asked
from tests.support.tiny import tiny_checkpoint


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny")


def opened(directory: Path, **settings: Any) -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec("tiny", "instruct", str(directory), "--checkpoint"), EngineSettings(**settings)
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


@pytest.mark.skipif(torch.cuda.is_available(), reason="auto is the accelerators here")
def test_auto_is_the_cpu_where_there_is_nothing_else(tiny: Path) -> None:
    auto, cpu = opened(tiny, device="auto"), opened(tiny, device="cpu")
    assert (auto.engine, auto.dtype, auto.notes) == (cpu.engine, cpu.dtype, cpu.notes)
    asking = asked("slot", (25.0,))
    assert dict(auto.generate(asking, 4)) == dict(cpu.generate(asking, 4))


def test_quantising_without_bitsandbytes_is_one_line(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"^--quantize 4bit: needs bitsandbytes, .*; pip install bitsandbytes$"
    ):
        opened(tiny, quantize="4bit")


def test_a_quantised_checkpoint_is_not_quantised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda _: object())
    config = SimpleNamespace(quantization_config={"quant_method": "gptq"})
    with pytest.raises(InputError, match="--quantize 4bit: this checkpoint is quantised already"):
        placement._check_quantizable("4bit", config)


def test_an_accelerator_that_torch_is_built_for_and_is_not_there(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with torch's own wheels on a machine without one."""

    def built_for(check_available: bool = False) -> torch.device | None:
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", built_for)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 0)
    assert opened(tiny, device="auto").engine == opened(tiny, device="cpu").engine == opened(tiny).engine
    with pytest.raises(InputError, match=r"^--device cuda: cannot be used here"):
        opened(tiny, device="cuda")
