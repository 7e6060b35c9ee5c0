"""What runs on a CPU runs on accelerators: on one, and spread over two.

test_twins.py runs these in a process of their own, since there are twins in all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
)

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.errors import InputError
from tests.checkpoints.in_process.test_shared_prefix import ONE_A_FORM, QUESTIONS, asked, small, with_model
from tests.checkpoints.source.test_adapter import KINDS, adapted, resized
from tests.support.twins import COUNT, KIND, register

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ROOM = 1 << 30
MODELS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**small(num_hidden_layers=6))),
    "sliding": lambda: Gemma3ForCausalLM(
        Gemma3TextConfig(
            **small(
                num_hidden_layers=4,
                sliding_window=24,
                layer_types=["sliding_attention", "full_attention"] * 2,
            )
        )
    ),
}


@pytest.fixture(scope="module", autouse=True)
def twins() -> Iterator[None]:
    library = register()
    yield
    del library


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Bytes that are free on each; may be changed. Python backends have no say in these."""
    free = dict.fromkeys(range(COUNT), ROOM)
    monkeypatch.setattr("fixtures.checkpoints.in_process.placement.accelerators", lambda: COUNT)
    monkeypatch.setattr(
        torch.accelerator, "get_memory_info", lambda device: (free[torch.device(device).index], ROOM)
    )
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)
    return free


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return with_model(tmp_path / request.param, MODELS[request.param]())


def opened(spec: str | Path, device: str, **settings: Any) -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec("mine", "instruct", str(spec), "--checkpoint"),
        EngineSettings(device=device, dtype="float32", **settings),
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


def devices(checkpoint: InProcessCheckpoint) -> list[str]:
    return sorted({str(weight.device) for weight in checkpoint._load_model().parameters()})


def assert_same(checkpoint: InProcessCheckpoint, on_cpu: InProcessCheckpoint) -> None:
    """By both engines; log-probabilities to their last digits, since attention is computed in another way."""
    conversations = asked("slot", (10.0,), QUESTIONS[:2], ONE_A_FORM)
    expected = dict(on_cpu.generate(conversations, 8, logprobs=True))
    for made in (checkpoint.generate, checkpoint.generate_plainly):
        said = dict(made(conversations, 8, logprobs=True))
        assert {at: reply.tokens for at, reply in said.items()} == {
            at: reply.tokens for at, reply in expected.items()
        }
        for at, reply in said.items():
            assert reply.logprobs == pytest.approx(expected[at].logprobs, abs=1e-3)


def test_a_twin_is_strict() -> None:
    one, other = (torch.ones(2, 3, device=f"{KIND}:{index}") for index in range(COUNT))
    assert ((one + 1).device, (one + other.to(one.device)).sum().item()) == (one.device, 12)
    here, there = torch.tensor([0]), torch.tensor([0], device=one.device)
    assert one[here].tolist() == one[there].tolist() == [[1, 1, 1]]
    refused: tuple[Callable[[], object], ...] = (
        lambda: one + other,
        lambda: one + torch.ones(2, 3),
        lambda: torch.ones(2, 3)[there],
        lambda: other[there],
        lambda: one.index_put_((here,), torch.zeros(1, 3)),
    )
    for wrong in refused:
        with pytest.raises(RuntimeError, match="same device"):
            wrong()


def test_on_one(model: Path) -> None:
    checkpoint = opened(model, f"{KIND}:1")
    assert_same(checkpoint, opened(model, "cpu"))
    assert devices(checkpoint) == ["twin:1"]
    assert not checkpoint.notes


def test_spread_over_both(model: Path) -> None:
    checkpoint = opened(model, "auto")
    assert_same(checkpoint, opened(model, "cpu"))
    assert devices(checkpoint) == ["twin:0", "twin:1"]
    assert "2 x twin" in checkpoint.engine.split(", ")
    assert not checkpoint.notes


@pytest.mark.parametrize("kind", KINDS)
def test_spread_with_an_adapter(tmp_path: Path, kind: str) -> None:
    base = with_model(tmp_path / "base", MODELS["llama"]())
    spec = f"{base}#{adapted(base, tmp_path / 'adapter', KINDS[kind]())}"
    spread_says_the_same(spec)


@pytest.mark.parametrize("whole", [(), ("embed_tokens", "lm_head")], ids=["saved", "trained"])
def test_spread_with_an_adapter_that_brings_more_tokens(tmp_path: Path, whole: tuple[str, ...]) -> None:
    base = with_model(tmp_path / "base", MODELS["llama"]())
    spread_says_the_same(f"{base}#{resized(base, tmp_path / 'adapter', whole)}")


def spread_says_the_same(spec: str) -> None:
    checkpoint, on_cpu = opened(spec, "auto"), opened(spec, "cpu")
    assert_same(checkpoint, on_cpu)
    assert devices(checkpoint) == ["twin:0", "twin:1"]
    assert checkpoint.notes == on_cpu.notes


def test_workers_are_dealt_accelerators(model: Path) -> None:
    for worker in range(3):
        assert devices(opened(model, KIND, worker=worker, workers=3)) == [f"{KIND}:{worker % COUNT}"]


def test_what_does_not_fit_whole_layers_is_refused(tmp_path: Path, room: dict[int, int]) -> None:
    """accelerate would compute the rest elsewhere, a hundred times slower, without a word."""
    base = with_model(tmp_path / "base", MODELS["llama"]())
    takes = sum(weight.nbytes for weight in AutoModelForCausalLM.from_pretrained(base).parameters())
    room.update(dict.fromkeys(room, takes * 53 // 100))
    with pytest.raises(InputError, match=r"of its parts \(lm_head, \.\.\.\) do not fit the accelerators"):
        opened(base, "auto")._load_model()
    room.update(dict.fromkeys(room, takes // 4))
    with pytest.raises(
        InputError, match=r"takes 0\.0 GB as float32, and 0\.0 GB of 2 x twin memory are free"
    ):
        opened(base, "auto")._load_model()


def test_what_fits_the_second_alone_runs_there(tmp_path: Path, room: dict[int, int]) -> None:
    base = with_model(tmp_path / "base", MODELS["llama"]())
    room[0] = 10
    checkpoint = opened(base, "auto")
    assert_same(checkpoint, opened(base, "cpu"))
    assert devices(checkpoint) == ["twin:1"]
