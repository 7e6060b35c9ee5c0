"""The watcher: what it runs ends with whoever holds its pipe, however hard that is to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from fixtures.checkpoints.started import watcher

COMMAND = """
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
HURRIED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import watcher
watcher.GRACE = 1
watcher.main(Path(sys.argv[2]), sys.argv[3:])
"""


@dataclass
class Watched:
    """A watcher, the process that it runs and its child, and the end of the pipe that holds them."""

    watcher: subprocess.Popen[bytes]
    command: psutil.Process
    child: psutil.Process
    hold: int
    place: Path

    def all_end(self) -> bool:
        self.watcher.wait(60)
        _, left = psutil.wait_procs([self.command, self.child], timeout=60)
        return not left


def _until(happens: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < until, "never happens"
        time.sleep(0.02)


@pytest.fixture
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    place, pids = tmp_path / "place", tmp_path / "pids"
    place.mkdir()
    os.mkfifo(place / "pipe")
    reading = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    hold = os.open(place / "pipe", os.O_WRONLY)
    how = [request.param] if hasattr(request, "param") else []
    command = [sys.executable, "-c", COMMAND, str(pids), *how]
    process = subprocess.Popen(
        [sys.executable, "-c", HURRIED, str(Path(watcher.__file__).parent), str(place), *command],
        stdin=reading,
        start_new_session=True,
    )
    os.close(reading)
    _until(pids.exists)
    ran, child = (psutil.Process(int(pid)) for pid in pids.read_text().split())
    yield Watched(process, ran, child, hold, place)
    for one in (ran, child, psutil.Process(process.pid) if process.poll() is None else ran):
        if one.is_running():
            one.kill()
    process.wait()


@pytest.mark.parametrize("watched", ["willing", "stubborn"], indirect=True)
def test_all_ends_when_nobody_holds_the_pipe(watched: Watched) -> None:
    os.close(watched.hold)
    assert watched.all_end()
    assert not watched.place.exists()


def test_who_comes_to_hold_the_pipe_keeps_it(watched: Watched) -> None:
    more = os.open(watched.place / "pipe", os.O_WRONLY | os.O_NONBLOCK)
    os.close(watched.hold)
    time.sleep(3 * watcher.LOOK)
    assert watched.command.is_running()
    os.close(more)
    assert watched.all_end()


def test_a_command_that_is_killed_leaves_no_child(watched: Watched) -> None:
    watched.command.kill()
    assert watched.all_end()
    os.close(watched.hold)


def test_a_watcher_that_is_killed_leaves_no_command(watched: Watched) -> None:
    watched.watcher.send_signal(signal.SIGKILL)
    psutil.wait_procs([watched.command], timeout=60)
    assert not watched.command.is_running()
    os.close(watched.hold)
