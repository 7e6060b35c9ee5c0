"""Weights that have changed since the last run, and weights that make no numbers: on real tiny models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from fixtures.checkpoints import CheckpointSpec, EngineSettings, open_checkpoint
from fixtures.checkpoints.in_process import InProcessCheckpoint
from fixtures.errors import InputError
from fixtures.problems import Problem
from fixtures.protocol import Block, Settings
from fixtures.sharding import Worker
from fixtures.store import Store, counts
from fixtures.strategies import strategies
from fixtures.taking import take
from tests.tiny import tiny_checkpoint

SETTINGS = Settings((10.0, 60.0), "slot", 6, 6)
PROBLEMS = {i: Problem(f"What is {i} plus 2?", Decimal(i + 2)) for i in range(3)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def opened(directory: Path) -> InProcessCheckpoint:
    checkpoint = open_checkpoint(
        CheckpointSpec(directory.name, "instruct", str(directory), "--checkpoint"),
        EngineSettings(device="cpu"),
    )
    assert isinstance(checkpoint, InProcessCheckpoint)
    return checkpoint


def block(checkpoint: InProcessCheckpoint, store: Store) -> Block:
    return Block(checkpoint, PROBLEMS, [strategies()["natural_query"]], SETTINGS, store)


def texts(whole: Block) -> list[str]:
    return [answer.text for answer in whole.answers] + [trial.text for trial in whole.trials]


def test_weights_that_are_replaced_at_their_path_make_everything_again(tmp_path: Path, store: Store) -> None:
    """By files of the same size and times, as a copy that keeps them would leave."""
    place = tiny_checkpoint(tmp_path / "model", seed=0)
    times = {file: file.stat() for file in place.iterdir()}
    before = block(opened(place), store)
    before.make()
    tiny_checkpoint(place, seed=1)
    for file, was in times.items():
        os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
        assert file.stat().st_size == was.st_size
    after = block(opened(place), store)
    assert after.find() == 0
    after.make()
    alone = Store(tmp_path / "alone.sqlite3")
    expected = block(opened(place), alone)
    expected.make()
    alone.close()
    assert texts(after) == texts(expected) != texts(before)


def poisoned(place: Path, *, tokens: str) -> Path:
    """A checkpoint that makes NaN once it has read one of the tokens."""
    tiny_checkpoint(place, seed=1)
    model = AutoModelForCausalLM.from_pretrained(place)
    tokenizer = opened(place)._tokenizer
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer(tokens, add_special_tokens=False)["input_ids"]] = (
            torch.nan
        )
    model.save_pretrained(place)
    return place


def test_weights_that_are_replaced_before_they_are_loaded_answer_nothing(
    tmp_path: Path, store: Store
) -> None:
    """What they say would be kept as that of the weights that were opened."""
    place = tiny_checkpoint(tmp_path / "model", seed=0)
    checkpoint = opened(place)
    tiny_checkpoint(place, seed=1)
    with pytest.raises(InputError, match="the files in model have changed since this run began"):
        block(checkpoint, store).make()
    assert not counts(store.path)


def test_weights_in_memory_do_not_change_with_their_file(tmp_path: Path) -> None:
    place, other = (
        tiny_checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate(("model", "other"))
    )
    model = opened(place)._load_model()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    with (place / "model.safetensors").open("r+b") as file:
        file.write((other / "model.safetensors").read_bytes())
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())


def test_files_that_are_only_touched_have_not_changed(tmp_path: Path, store: Store) -> None:
    place = tiny_checkpoint(tmp_path / "model")
    whole = block(opened(place), store)
    for file in place.iterdir():
        file.chmod(0o600)
    whole.make()
    assert whole.find() == whole.size


@pytest.mark.parametrize("plainly", [False, True], ids=["shared-prefix", "plain"])
def test_a_checkpoint_that_makes_nan_fails_and_the_others_do_not(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, plainly: bool
) -> None:
    if plainly:
        monkeypatch.setattr(InProcessCheckpoint, "generate", InProcessCheckpoint.generate_plainly)
    checkpoints = {
        "broken": opened(poisoned(tmp_path / "broken", tokens="?")),
        "sound": opened(tiny_checkpoint(tmp_path / "sound")),
    }
    blocks = {name: [block(checkpoint, store)] for name, checkpoint in checkpoints.items()}
    failed = take(checkpoints, blocks, store, Worker(tmp_path))
    assert {name: str(error) for name, error in failed.items()} == {
        "broken": "its logits are not numbers (NaN): check its weights, or give another --dtype"
    }
    (sound,) = blocks["sound"]
    assert sound.find() == sound.size
    assert {fingerprint for _, fingerprint in counts(store.path)} == {checkpoints["sound"].fingerprint}
