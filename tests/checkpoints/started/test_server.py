"""A server that is started: which port it gets, who shares it, and when it ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source.directory import content_hash
from fixtures.checkpoints.started import server
from fixtures.checkpoints.started.checkpoint import StartedCheckpoint
from fixtures.errors import InputError
from fixtures.questions.conversation import Role
from tests.checkpoints.source.test_adapter import adapted
from tests.support import vllm_stand_in as stand_in
from tests.support.served import conversations, replies, scripted
from tests.support.serving import Route, Server
from tests.support.tiny import tiny_checkpoint

Opened = Callable[..., StartedCheckpoint]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def opened(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens checkpoints of one run; they are closed at the end, which leaves no process."""
    for name, said in stand_in.environment(tmp_path).items():
        monkeypatch.setenv(name, said)
    made = []

    def opened(
        role: Role = "instruct", name: str = "tuned", at: Path = weights, adapter: str = "", **more: Any
    ) -> StartedCheckpoint:
        spec = CheckpointSpec(name, role, f"vllm:{at}{adapter}", "--checkpoint")
        checkpoint = open_checkpoint(spec, EngineSettings(run=tmp_path, output=tmp_path, **more))
        assert isinstance(checkpoint, StartedCheckpoint)
        made.append(checkpoint)
        return checkpoint

    yield opened
    for checkpoint in made:
        checkpoint.close()
    assert stand_in.all_end(tmp_path)


def test_it_starts_with_the_first_question(opened: Opened, tmp_path: Path) -> None:
    checkpoint = opened()
    assert (checkpoint.dtype, checkpoint.context) == ("float32", None)
    assert stand_in.starts(tmp_path) == []
    asked = conversations(1)
    assert replies(checkpoint, asked) == scripted(asked)
    assert len(stand_in.starts(tmp_path)) == 1


def test_checkpoints_of_the_same_weights_share_it(opened: Opened, tmp_path: Path) -> None:
    """It ends with its last user, and is started again for who asks after that."""
    first, second = opened(), opened("base", "floor")
    asked, slots = conversations(1), conversations(1, "slot")
    assert replies(first, asked) == scripted(asked)
    second.render(slots[0])
    first.close()
    assert replies(second, slots) == scripted(slots)
    assert len(stand_in.starts(tmp_path)) == 1
    assert stand_in.alive(tmp_path) == stand_in.starts(tmp_path)[0].pids
    second.close()
    assert stand_in.all_end(tmp_path)
    assert replies(first, asked) == scripted(asked)
    assert len(stand_in.starts(tmp_path)) == 2


def test_replies_are_kept_under_what_decides_them(opened: Opened, weights: Path, tmp_path: Path) -> None:
    """The weights, the version, the dtype and vLLM's arguments; not the port, the key or the place."""
    elsewhere = Path(shutil.copytree(weights, tmp_path / "elsewhere"))
    half, eager = {"dtype": "bfloat16"}, {"engine_arguments": ("--enforce-eager",)}
    same, moved, *others = (
        (one.fingerprint, one.engine, one.dtype, one.render(conversations(1)[0]))
        for one in (opened(), opened(at=elsewhere), opened(**half), opened(**eager))
    )
    assert same == moved
    assert len({same, *others}) == 3
    started = stand_in.starts(tmp_path)
    assert len({start.key for start in started}) == 4
    assert started[-1].arguments[-3:-1] == ["--enforce-eager", "--host=127.0.0.1"]


def test_an_adapter_is_named_with_its_base(opened: Opened, weights: Path, tmp_path: Path) -> None:
    checkpoint = opened(adapter=f"#{adapted(weights, tmp_path / 'adapter')}")
    asked = conversations(1)
    assert replies(checkpoint, asked) == scripted(asked)
    base, adapter = (content_hash(at) for at in (weights, tmp_path / "adapter"))
    assert checkpoint.notes == [f"base {base}, adapter {adapter}"]
    assert checkpoint.fingerprint not in (base, adapter)


def test_it_is_asked_with_its_own_key_and_by_no_proxy(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key in the environment is another server's."""
    monkeypatch.setenv("HEEDFUL_API_KEY", "sk-of-another-server")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    asked = conversations(1)
    assert replies(opened(), asked) == scripted(asked)


def test_a_port_that_is_taken(
    opened: Opened, server_there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one that answers as vLLM does, and takes any key: it has not the model. Another port is chosen."""
    taken, free = server_there.server_port, server._free_port()
    ports = iter([taken, free])
    monkeypatch.setattr(server, "_free_port", lambda: next(ports))
    asked = conversations(1)
    assert replies(opened(), asked) == scripted(asked)
    words = [word for start in stand_in.starts(tmp_path) for word in start.arguments if "--port" in word]
    assert words == [f"--port={taken}", f"--port={free}"]


@pytest.fixture
def server_there() -> Iterator[Server]:
    """Another one's, which says that it is well."""
    from tests.support.serving import serving

    with serving() as there:
        other = Route(model="heedful-of-another", listed=[{"id": "another"}], version="0.32.0")
        there.routes = dict.fromkeys(("health", "v1", "version"), other)
        yield there


def test_a_port_that_is_always_taken(
    opened: Opened, server_there: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_free_port", lambda: server_there.server_port)
    with pytest.raises(
        InputError, match=r"has ended before it was ready \(OSError: .*Address already in use"
    ):
        opened().render(conversations(1)[0])
    assert len(stand_in.starts(tmp_path)) == server.PORTS


def test_what_does_not_come_up_is_tried_once(opened: Opened, tmp_path: Path) -> None:
    stand_in.environment(tmp_path, says="ValueError: No available memory for the cache blocks.")
    for name in ("tuned", "again"):
        with pytest.raises(InputError, match="No available memory for the cache blocks") as error:
            opened(name=name).render(conversations(1)[0])
        assert error.value.option.startswith("--checkpoint vllm:")
    assert len(stand_in.starts(tmp_path)) == 1


def test_files_that_change_while_it_loads(opened: Opened, weights: Path, tmp_path: Path) -> None:
    checkpoint = opened()
    file = weights / "generation_config.json"
    before = file.read_text()
    file.write_text(before + " ")
    try:
        with pytest.raises(InputError, match="the files in tiny have changed since this run began"):
            checkpoint.render(conversations(1)[0])
    finally:
        file.write_text(before)
