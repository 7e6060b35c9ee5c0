"""A real server, `transformers serve` on the embedded SmolLM2: it measures what the same weights in process do."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers.utils.import_utils import is_serve_available

from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.served import checkpoint as served
from fixtures.checkpoints.source import embedded
from fixtures.errors import InputError
from tests.support.served import conversations, opened
from tests.support.suite import run

pytestmark = pytest.mark.skipif(
    not is_serve_available(), reason="the server's dependencies are missing: pip install -e '.[dev]'"
)
SMOLLM = "smollm2-135m-instruct"
DEMO = Path(__file__).parents[3] / "fixtures" / "questions" / "demo_problems.jsonl"
# this server says "cut off" of a reply whose end-of-turn token is the last one allowed: with 24 tokens, some are
FEW = (
    *("--alpha=0.4", "--n-problems=3", "--hints=10,60", "--max-answer-tokens=12", "--max-reply-tokens=28"),
    *("-k", "command_compliance and direct_hint or signal_is_read"),
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SmolLM2 in fp32, behind a server without a hub or a network."""
    directory = embedded.directory(SMOLLM)
    place = tmp_path_factory.mktemp("serve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(directory)]
    options = ["--host=127.0.0.1", f"--port={port}", "--device=cpu", "--dtype=float32"]
    with (
        (place / "log").open("w") as log,
        subprocess.Popen(
            [*command, *options],
            stdout=log,
            stderr=log,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(place)},
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, place / "log")
            yield f"http://127.0.0.1:{port}/v1#{directory}"
        finally:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def measured(place: Path, spec: str) -> tuple[Any, Any, list[str]]:
    """What was answered, what was tried, and the profile's numbers of it, without what names the engine."""
    files = (f"--problems={DEMO}", f"--store={place / 'store.sqlite3'}", f"--output={place / 'output'}")
    made = run(place, [f"--checkpoint=smol={spec}", *files, *FEW])
    assert "profile.json" in made.files, made.printed
    own = made.profile["checkpoints"]["smol"]
    answers = [json.loads(line)["answer"] for line in made.files["answers.jsonl"].splitlines()]
    trials = [json.loads(line) for line in made.files["trials.jsonl"].splitlines()]
    return (answers, trials), (own["accuracy"], own["strategies"]), own["notes"]


def test_an_instruct_checkpoint_agrees_with_itself_in_process(spec: str, tmp_path: Path) -> None:
    """Trial by trial, to the letter, in the free readout."""
    there, numbers_there, notes = measured(tmp_path / "there", spec)
    here, numbers_here, _ = measured(tmp_path / "here", f"embedded:{SMOLLM}")
    assert there == here
    assert numbers_there == numbers_here
    assert [len(rows) for rows in here] == [3, 3 * 2 * 2]
    assert notes == [served.UNVERIFIED, served.PENALISED, served.NO_LOGPROBS]


def test_a_base_checkpoint_agrees_with_itself_in_process(spec: str) -> None:
    here = open_checkpoint(
        CheckpointSpec("smol", "base", f"embedded:{SMOLLM}", "--base"), EngineSettings(device="cpu")
    )
    asked = conversations(1, "slot")[::2]
    there = sorted(filter(None, opened(spec, "base").generate(asked, 12)))
    assert there == sorted(filter(None, here.generate(asked, 12)))
    here.close()


def test_this_server_begins_a_new_turn(spec: str) -> None:
    """So the slot readout is refused, by probes that a real model has answered."""
    with pytest.raises(InputError, match="--readout slot: the server does not go on"):
        opened(spec, slot=True)


def test_it_has_one_model(spec: str) -> None:
    with pytest.raises(InputError, match=r"refuses a request \(status 400: .*Server is pinned to"):
        opened(spec.partition("#")[0] + "#another")
