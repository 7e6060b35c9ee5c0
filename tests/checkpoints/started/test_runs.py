"""Whole runs with a server that Heedful starts: one for all processes, and none that outlives its run."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints.served.test_runs import REPLIES, SHORT, measured, stored
from tests.support import vllm_stand_in as stand_in
from tests.support.suite import Run, errors, options, run, started, wait_for
from tests.support.tiny import tiny_checkpoint

GLARP = """\
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, The checkpoint you are trying to load has model type `glarp` but Transformers does not recognize this \
architecture.
    For further information visit https://errors.pydantic.dev/2.14/v/value_error
"""
"""As vLLM 0.32 says it."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny")


def arguments(place: Path, weights: Path, *more: str) -> list[str]:
    return [f"--checkpoint=tuned=vllm:{weights}", *options(place, "")[1:], *SHORT, *more]


def measuring(place: Path, weights: Path, *more: str, **does: Any) -> Run:
    """A run to its end, which leaves no process."""
    environment = stand_in.environment(place / "vllm", **does)
    done = run(place, arguments(place, weights, *more), **environment)
    assert stand_in.alive(place / "vllm") == [], "when the run ends they have ended"
    return done


def test_it_measures_what_the_model_says(weights: Path, tmp_path: Path) -> None:
    """And its key is nowhere, with locals shown and all logs kept."""
    loud = ("--showlocals", "--log-level=DEBUG", "-o", "log_cli=true")
    there = measuring(tmp_path / "there", weights, *loud, script="conversational-resister")
    here = run(tmp_path / "here", options(tmp_path / "here", "conversational-resister", *SHORT))
    assert measured(there) == measured(here)
    assert (there.exit_code, here.exit_code) == (1, 1)
    known = there.profile["checkpoints"]["tuned"]
    assert "verified" not in str(known["notes"])
    assert known["engine"].startswith(
        f"vLLM {stand_in.VERSION} on cuda: --dtype=float32 --load-format=safetensors, "
    )
    assert "vLLM starts first, which may take minutes" in there.printed
    (start,) = stand_in.starts(tmp_path / "there" / "vllm")
    assert start.key
    assert start.key not in there.printed + " ".join(start.arguments)
    own = tmp_path / "there" / "vllm"
    files = [path for path in tmp_path.rglob("*") if path.is_file() and own not in path.parents]
    assert [path for path in files if start.key.encode() in path.read_bytes()] == []


def test_processes_share_one_server(weights: Path, tmp_path: Path) -> None:
    done = measuring(tmp_path, weights, "-n", "2", "--n-problems=64", "--undecided=pass")
    assert done.exit_code == 0, done.printed
    assert len(stand_in.starts(tmp_path / "vllm")) == 1
    assert stored(tmp_path) == 64 * 16


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_server_that_dies_while_it_loads(weights: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """It is a model that vLLM does not know. One process tries, for all."""
    done = measuring(tmp_path, weights, *more, says=GLARP)
    assert done.exit_code == 4, done.printed
    (line,) = errors(done.printed)
    assert (
        f"--checkpoint vllm:{weights}: vLLM has ended before it was ready (Value error, The checkpoint"
        in line
    )
    assert (
        f"does not recognize this architecture.; its log: {tmp_path}/output/vllm-tuned.log); see to it"
        in line
    )
    assert len(stand_in.starts(tmp_path / "vllm")) == 1


def test_a_server_that_dies_while_it_is_asked(weights: Path, tmp_path: Path) -> None:
    """What was measured is kept, and the next run goes on from there."""
    done = measuring(tmp_path, weights, "--concurrency=2", dies=50)
    assert done.exit_code == 4, done.printed
    (line,) = errors(done.printed)
    assert (
        f"--checkpoint vllm:{weights}: vLLM has ended while it was asked ({stand_in.OUT_OF_MEMORY};" in line
    )
    assert "run the same command again: what was measured is kept" in line
    assert 50 - 2 <= stored(tmp_path) <= 50
    again = measuring(tmp_path, weights)
    assert (again.exit_code, stored(tmp_path)) == (1, REPLIES), again.printed


@pytest.mark.parametrize(
    ("ending", "more", "code"),
    [
        (signal.SIGKILL, (), -signal.SIGKILL),
        (signal.SIGINT, (), 2),
        (signal.SIGKILL, ("-n", "2"), -signal.SIGKILL),
    ],
    ids=["killed", "interrupted", "killed-controller"],
)
def test_nothing_outlives_a_run_that_is_ended(
    weights: Path, tmp_path: Path, ending: signal.Signals, more: tuple[str, ...], code: int
) -> None:
    environment = stand_in.environment(tmp_path / "vllm", held=20)
    with started(tmp_path, arguments(tmp_path, weights, *more), **environment) as process:
        wait_for((tmp_path / "vllm" / "held").exists, process)
        assert len(stand_in.alive(tmp_path / "vllm")) == 3
        process.send_signal(ending)
        printed, _ = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in printed) == (code, False), printed
    assert stand_in.all_end(tmp_path / "vllm")


def test_without_vllm(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    done = run(tmp_path, arguments(tmp_path, weights))
    assert done.exit_code == 4, done.printed
    (line,) = errors(done.printed)
    assert line.endswith(
        f"--checkpoint vllm:{weights}: vLLM is not installed: there is no vllm on PATH; install it in an environment "
        "of its own (pipx install vllm), and put that on PATH"
    )


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (shutil.rmtree, "no such file or directory, and not a hub id"),
    "no template": (lambda at: (at / "chat_template.jinja").unlink(), "has no chat template"),
    "pickles": (
        lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
        "has its weights as pickles only",
    ),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_weights_are_refused_as_in_process(
    weights: Path, tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    own = Path(shutil.copytree(weights, tmp_path / "own"))
    damage(own)
    done = measuring(tmp_path, own)
    assert done.exit_code == 4, done.printed
    (line,) = errors(done.printed)
    assert f"--checkpoint vllm:{own}: {words}" in line
    assert stand_in.starts(tmp_path / "vllm") == []
