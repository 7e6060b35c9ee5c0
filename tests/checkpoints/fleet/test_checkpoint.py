"""The fleet on a real Ray cluster of this machine, with two replicas on CPU: the same replies, whatever is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from fixtures.checkpoints.interface import Checkpoint, CheckpointSpec, EngineSettings, Reply, greedy
from fixtures.errors import InputError
from fixtures.options.values import DEMO
from fixtures.questions.conversation import Conversation, Message, Role, eliciting, solving
from fixtures.questions.problems import load
from fixtures.questions.strategies import strategies
from fixtures.store.database import counts
from tests.support import suite
from tests.support.refusal import ROOT

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")

import ray

from fixtures.checkpoints.fleet import replicas
from fixtures.checkpoints.fleet.checkpoint import Fleet, FleetCheckpoint, by_problem
from fixtures.checkpoints.fleet.cluster import Share
from fixtures.checkpoints.fleet.replicas import Asked, Chunk, Made, Replica

INSTRUCT = DEMO[1]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # where its nodes find this module
        fleet = Fleet("local", 2, "cpu")
        yield fleet
        fleet.close()


def trials(n: int) -> list[Conversation]:
    return [
        eliciting(problem.question, "5", strategies()[name], 0, 25, "slot")
        for name in ("direct_hint", "natural_query")
        for problem in load("demo", n, n).problems
    ]


def replica_processes(of: int) -> list[psutil.Process]:
    """Those that are making replies, under the process `of`."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if process.cmdline()[0].startswith("ray::Replica.make"):
                found.append(process)
        except (psutil.Error, IndexError):
            pass
    return found


def test_the_same_as_in_process_and_with_a_replica_killed(
    fleet: Fleet, embedded: dict[Role, Checkpoint]
) -> None:
    here = embedded["instruct"]
    there = FleetCheckpoint(INSTRUCT, EngineSettings(), fleet)
    assert (there.fingerprint, there.engine, there.dtype) == (here.fingerprint, here.engine, here.dtype)
    answers = [solving(problem.question) for problem in load("demo", 3, 3).problems]
    asked = trials(10)
    expected = (
        dict(filter(None, here.generate(answers, 6, logprobs=True))),
        dict(filter(None, here.generate(asked, 4))),
    )
    assert dict(filter(None, there.generate(answers, 6, logprobs=True))) == expected[0]
    replies = filter(None, there.generate(asked, 4))
    made = dict([next(replies)])
    making = replica_processes(os.getpid())
    assert making, "all replies are made"
    victim = making[0]
    victim.send_signal(signal.SIGKILL)
    assert made | dict(filter(None, replies)) == expected[1]
    assert victim.pid not in {process.pid for process in replica_processes(os.getpid())}


class OddError(Exception):
    """Cannot be unpickled: its own arguments are not those that it gives on."""

    def __init__(self, file: str, held: str) -> None:
        super().__init__(f"{file} has {held}")


class Faulty:
    """Says "yes", or does what its spec says: `faulty:HOW:FILE`."""

    engine, dtype = "faulty", "none"
    context: int | None = None
    lanes = 1
    batched = True
    reads_numbers = False
    reads_layers = False
    no_tools: str | None = None

    def __init__(self, spec: CheckpointSpec, settings: EngineSettings) -> None:
        self.name, self.role, self.spec = spec.name, spec.role, spec.spec
        self.decoding = greedy()
        self.notes: list[str] = []
        _, self._how, file = spec.spec.split(":")
        self._once = Path(file)
        self.fingerprint = "one"
        if self._how == "no-library" and Path(sys.argv[0]).name == "default_worker.py":
            raise ModuleNotFoundError("No module named 'torch'")

    def render(self, conversation: Conversation) -> str:
        return "..."

    def prompt_tokens(self, conversation: Conversation) -> int:
        return 0

    def generate(
        self, conversations: Sequence[Conversation], max_new_tokens: int, *, logprobs: bool = False
    ) -> Generator[tuple[int, Reply]]:
        if self._how == "dies" or (self._how == "dies-once" and not self._once.exists()):
            self._once.touch()
            os._exit(1)
        if self._how == "refuses":
            raise InputError("--checkpoint x: has no weights")
        if self._how == "fails":
            raise RuntimeError("a kernel failed")
        if self._how == "odd":
            raise OddError("a file", "half of it")
        if self._how == "differs":
            self.fingerprint = "another"
        self.notes = ["plain batches"]
        for at in reversed(range(len(conversations))):
            yield at, Reply(conversations[at].messages[0].content, "stop")

    def close(self) -> None:
        """There are no weights."""


def faulty(fleet: Fleet, how: str, place: Path) -> FleetCheckpoint:
    spec = CheckpointSpec("x", "instruct", f"faulty:{how}:{place / 'once'}", "--checkpoint")
    return FleetCheckpoint(spec, EngineSettings(), fleet, Faulty)


QUESTIONS = [Conversation((Message("user", str(at)),)) for at in range(50)]
ECHO = {at: Reply(str(at), "stop") for at in range(50)}


def test_a_lost_replica_s_replies_are_made_again(fleet: Fleet, tmp_path: Path) -> None:
    checkpoint = faulty(fleet, "dies-once", tmp_path)
    assert dict(filter(None, checkpoint.generate(QUESTIONS, 1))) == ECHO
    assert (tmp_path / "once").exists()
    assert checkpoint.notes == ["plain batches"]


def all_started(fleet: Fleet) -> list[Any]:
    while len(fleet.replicas._has) < 2:
        fleet.wait()
    return list(fleet.replicas._has)


def kill(replica: Any) -> None:
    """As the kernel does: nobody is told."""
    pid = ray.get(replica.__ray_call__.remote(lambda self: os.getpid()))
    psutil.Process(pid).kill()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline, "does not end"
        time.sleep(0.02)


def test_replicas_that_are_lost_while_idle(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is found out by the only chunk, which a second would fail."""
    monkeypatch.setattr(replicas, "TRIES", 2)
    checkpoint = faulty(fleet, "works", tmp_path)
    for replica in all_started(fleet):
        kill(replica)
    assert len(dict(filter(None, checkpoint.generate(QUESTIONS[:1], 1)))) == 1


class Stillborn(Replica):
    def __init__(self, directory: str) -> None:
        raise OSError(f"{directory} is full")


def test_replicas_that_cannot_be_replaced(fleet: Fleet, tmp_path: Path) -> None:
    """They that are left go on alone; where none is, that is said, and the next are tried."""
    checkpoint = faulty(fleet, "works", tmp_path)
    first, second = all_started(fleet)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet.replicas, "_actor", ray.remote(Stillborn).options(num_cpus=1))
        kill(first)
        assert dict(filter(None, checkpoint.generate(QUESTIONS, 1))) == ECHO
        while fleet.replicas._under_way:
            fleet.wait()
        assert list(fleet.replicas._has) == [second]
        kill(second)
        with pytest.raises(RuntimeError, match=r"3 replicas in a row did not start \(OSError: .* is full\)"):
            list(checkpoint.generate(QUESTIONS, 1))
    assert dict(filter(None, faulty(fleet, "works", tmp_path).generate(QUESTIONS, 1))) == ECHO


def test_a_chunk_that_another_call_s_wait_finishes(fleet: Fleet, tmp_path: Path) -> None:
    checkpoint = faulty(fleet, "works", tmp_path)
    first, last = (Made({at: ECHO[at]}, "one", "faulty", "none", "", ()) for at in range(2))
    chunks = [Chunk(Asked(checkpoint._opening, {})) for _ in range(2)]
    chunks[1].made = first
    made = checkpoint._made(chunks)
    assert next(made) is first
    chunks[0].made = last
    assert list(made) == [last]


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("dies", RuntimeError, r"3 replicas were lost over the same replies \(.*worker process has died"),
        ("refuses", InputError, r"^--checkpoint x: has no weights \(on node [0-9.]+\)$"),
        ("odd", RuntimeError, "OddError: a file has half of it"),
        ("fails", RuntimeError, "a kernel failed"),
        ("differs", InputError, "is another checkpoint on a node"),
    ],
)
def test_what_fails_on_a_replica_fails_here(
    fleet: Fleet, tmp_path: Path, how: str, error: type[Exception], words: str
) -> None:
    checkpoint = faulty(fleet, how, tmp_path)
    first, second = checkpoint.generate(QUESTIONS, 1), checkpoint.generate(QUESTIONS, 1)
    for replies in (first, second):
        with pytest.raises(error, match=words):
            list(replies)
    assert dict(filter(None, faulty(fleet, "works", tmp_path).generate(QUESTIONS, 1))) == ECHO


def test_the_signal_to_end_interrupts(fleet: Fleet) -> None:
    assert fleet.replicas
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_replica_that_cannot_open_it(fleet: Fleet, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^--ray local: .* \(ModuleNotFoundError: No module named 'torch'\)"
    ):
        faulty(fleet, "no-library", tmp_path)


def test_a_cluster_without_room(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fleet.replicas
    full = Fleet("local", 1, "cpu")
    monkeypatch.setattr(full, "_replicas", replicas.Replicas(Share(1, 0, 1_000)))
    monkeypatch.setattr(replicas, "ROOM", 0.5)
    with pytest.raises(InputError, match=r"^--ray local: has no room for a replica just now"):
        faulty(full, "works", tmp_path)
    full.replicas.close()


def test_accelerators_that_differ(fleet: Fleet, tmp_path: Path) -> None:
    checkpoint = faulty(fleet, "works", tmp_path)
    for name in ("", "H100", "H100"):
        checkpoint._check(Made({}, "one", "faulty", "none", name, ()))
    assert checkpoint.notes == ["made on H100 too, whose last digits may differ"]


def test_a_problem_s_trials_are_dealt_together() -> None:
    asked = dict(enumerate(trials(10)))
    parts = by_problem(asked)
    questions = [{c.messages[-3].content for c in part.values()} for part in parts]
    assert [len(own) for own in questions] == [4, 4, 2]
    assert len(set.union(*questions)) == 10
    assert {key: one for part in parts for key, one in part.items()} == asked


def test_the_same_profile_with_a_replica_killed(tmp_path: Path) -> None:
    """The real suite; the replica dies when all answers are there, and not all trials."""
    options = [
        f"--checkpoint={INSTRUCT.spec}",
        "--problems=demo",
        "--n-problems=9",
        "--readout=slot",
        "--max-answer-tokens=4",
        "--max-reply-tokens=4",
        "--hints=10,60",
        "--no-early-stop",
        "-k=test_internal_confidence or (conversational and bias and natural_inline)",
    ]
    alone, fleet = tmp_path / "alone", tmp_path / "fleet"
    options_in = {
        place: [*options, f"--store={place / 'store'}", f"--output={place / 'output'}"]
        for place in (alone, fleet)
    }
    expected = suite.run(alone, options_in[alone])
    with suite.started(fleet, [*options_in[fleet], "--ray=local", "--replicas=2"]) as run:
        suite.wait_for(lambda: counts(fleet / "store").total() >= 9, run)
        making: list[psutil.Process] = []

        def found() -> bool:
            making[:] = replica_processes(run.pid)
            return bool(making)

        suite.wait_for(found, run)
        making[0].send_signal(signal.SIGKILL)
        assert counts(fleet / "store").total() < counts(alone / "store").total()
        printed, _ = run.communicate(timeout=300)
    assert run.returncode == expected.exit_code == 1, printed
    apart, together = (fleet / "output" / "profile.json").read_text(), expected.files["profile.json"]
    assert without_expected(apart) == without_expected(together)


def without_expected(profile: str) -> object:
    """Its last digits depend on what is asked at once."""
    return json.loads(profile, object_hook=lambda row: {k: v for k, v in row.items() if k != "expected"})
