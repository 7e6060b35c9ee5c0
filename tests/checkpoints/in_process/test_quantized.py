"""Weights in 4 and 8 bits through bitsandbytes, for real, on a CPU. Skipped where that is not installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.loading import _check_size, load_config
from fixtures.checkpoints.in_process.placement import BATCHED, Place
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source import embedded
from fixtures.errors import InputError
from fixtures.protocol.block import Block
from fixtures.protocol.making import make
from fixtures.protocol.trials import Settings
from fixtures.questions.conversation import Conversation, Message
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import strategies
from fixtures.store.database import Store
from tests.checkpoints.source.test_adapter import adapted, said
from tests.support.scripted import question
from tests.support.tiny import tiny_checkpoint

pytest.importorskip("bitsandbytes")

LAYERS = {"4bit": "Linear4bit", "8bit": "Linear8bitLt"}
SETTINGS = Settings((10.0, 60.0), "slot", 6, 6)
SUM = Conversation((Message("user", "What is 2 + 2? Answer with one number."),))


def opened(spec: str | Path, bits: str | None) -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec("mine", "instruct", str(spec), "--checkpoint"),
        EngineSettings(device="cpu", quantize=bits),
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny", width=64)


@pytest.fixture(scope="module", params=LAYERS)
def smol(request: pytest.FixtureRequest) -> Iterator[InProcessCheckpoint]:
    checkpoint = opened("embedded:smollm2-135m-instruct", request.param)
    yield checkpoint
    checkpoint.close()


def test_its_layers_are_quantised_and_its_head_is_not(smol: InProcessCheckpoint) -> None:
    model, bits = smol._load_model(), smol.dtype.removeprefix("float32, ")
    kinds = {type(layer).__name__ for layer in model.model.layers.modules()}
    assert LAYERS[bits] in kinds
    assert "Linear" not in kinds
    assert type(model.lm_head) is torch.nn.Linear


def test_the_memory_that_it_is_said_to_take_is_what_it_takes(
    smol: InProcessCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, takes = smol._place, smol._load_model().get_memory_footprint()
    directory = embedded.directory("smollm2-135m-instruct")
    monkeypatch.setattr(Place, "free", lambda _: int(takes * 1.01))
    config = load_config(directory, False)
    _check_size(directory, config, place, False)
    monkeypatch.setattr(Place, "free", lambda _: int(takes * 0.99))
    with pytest.raises(InputError, match=rf"takes 0\.2 GB as float32, {place.quantize}, and 0\.2 GB of cpu"):
        _check_size(directory, config, place, False)


def test_it_computes_what_bitsandbytes_does(
    smol: InProcessCheckpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """And has nothing to say to the user at every matrix product."""
    config = BitsAndBytesConfig(
        **{f"load_in_{smol._place.quantize}": True},
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.float32,
    )
    theirs = AutoModelForCausalLM.from_pretrained(
        embedded.directory("smollm2-135m-instruct"), quantization_config=config, dtype=torch.float32
    )
    ids = torch.tensor([smol.token_ids(SUM)])
    with torch.inference_mode():
        assert torch.equal(smol._load_model()(ids).logits, theirs(ids).logits)
    assert not caplog.records


@pytest.mark.parametrize("bits", LAYERS)
def test_its_replies_are_kept_apart(tiny: Path, tmp_path: Path, bits: str) -> None:
    store = Store(tmp_path / "store.sqlite3")
    blocks = [
        Block(
            opened(tiny, kept),
            {0: Problem(question(0), Decimal(1000))},
            [strategies()["natural_query"]],
            SETTINGS,
            store,
        )
        for kept in (None, bits)
    ]
    make(blocks[0])
    assert [block.find() for block in blocks] == [blocks[0].size, 0]
    store.close()


@pytest.mark.parametrize("bits", LAYERS)
def test_the_report_can_say_how_it_was_kept(tiny: Path, bits: str) -> None:
    plain, quantised = opened(tiny, None), opened(tiny, bits)
    assert quantised.dtype == f"{plain.dtype}, {bits}"
    own = {*quantised.engine.split(", ")} - {*plain.engine.split(", ")}
    assert own == {f"bitsandbytes {version('bitsandbytes')}"}
    assert (BATCHED in quantised.notes) == (bits == "8bit")


@pytest.mark.parametrize("bits", LAYERS)
def test_an_adapter_is_put_on_and_taken_off(tiny: Path, tmp_path: Path, bits: str) -> None:
    adapter = adapted(tiny, tmp_path / "adapter")
    base, mine = opened(tiny, bits), opened(f"{tiny}#{adapter}", bits)
    before = said(base)
    assert said(mine) != before
    assert said(base) == before


@pytest.mark.parametrize("bits", LAYERS)
def test_one_that_comes_quantised_does_not_change_with_its_file(tmp_path: Path, bits: str) -> None:
    """It has tensors beside its parameters: scales, and what was taken of blocks."""
    place, other = (
        saved_quantised(
            tiny_checkpoint(tmp_path / name, width=64, seed=seed), tmp_path / f"{name}-{bits}", bits
        )
        for seed, name in enumerate(("model", "other"))
    )
    checkpoint = opened(place, None)
    before = said(checkpoint)
    with (place / "model.safetensors").open("r+b") as file:
        file.write((other / "model.safetensors").read_bytes())
    assert said(checkpoint) == before


def saved_quantised(source: Path, place: Path, bits: str) -> Path:
    shutil.copytree(source, place)
    config = BitsAndBytesConfig(**{f"load_in_{bits}": True})
    AutoModelForCausalLM.from_pretrained(source, quantization_config=config).save_pretrained(place)
    return place
