"""The real suite in a process of its own, on scripted checkpoints, and what a run leaves."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.scripted import BASELINES, LOG, PROBLEMS, gold, question


@dataclass(frozen=True)
class Run:
    """A run that has ended: what it printed, the replies that it made, the files in its --output by name."""

    exit_code: int
    printed: str
    made: tuple[str, ...]
    files: dict[str, str]

    @property
    def profile(self) -> dict[str, Any]:
        profile: dict[str, Any] = json.loads(self.files["profile.json"])
        return profile

    @property
    def verdicts(self) -> dict[str, dict[str, Any]]:
        return {verdict["id"]: verdict for verdict in self.profile["verdicts"]}

    def ids(self, verdict: str) -> set[str]:
        return {name for name, row in self.verdicts.items() if row["verdict"] == verdict}


# With CI or BUILD_NUMBER pytest's summary repeats each failure's whole text.
CHANGES_WHAT_IS_PRINTED = "PYTEST", "HEEDFUL", "FORCE_COLOR", "CI", "BUILD_NUMBER"
FILES = {"problems": "problems.jsonl", "store": "store.sqlite3", "output": "output"}


def options(place: Path, script: str, *more: str) -> list[str]:
    """An instruct checkpoint named `tuned`, on PROBLEMS problems; they, store and reports are in `place`."""
    place.mkdir(parents=True, exist_ok=True)
    rows = [{"question": question(p), "answer": f"#### {gold(p)}"} for p in range(PROBLEMS)]
    (place / "problems.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files = (f"--{name}={place / file}" for name, file in FILES.items())
    return [f"--checkpoint=tuned=scripted:{script}", *files, *more]


@contextlib.contextmanager
def started(place: Path, arguments: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The real suite in a process of its own, which ends with the context. Its log is in `place`."""
    place.mkdir(parents=True, exist_ok=True)
    plugins = "-p tests.support.scripted -p no:cacheprovider -p no:hypothesispytest -p no:syrupy -p no:anyio"
    if not {"-n", "--dist=load"} & {*arguments}:
        plugins += " -p no:xdist"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(CHANGES_WHAT_IS_PRINTED)}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=Path(__file__).parents[2],
        env={
            **inherited,
            "PYTEST_ADDOPTS": plugins,
            "OMP_NUM_THREADS": "1",
            LOG: str(place / "log"),
            BASELINES: str(place / "baselines"),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def held(place: Path, process: subprocess.Popen[str]) -> int:
    """Wait until a process of the suite stands still, and return its number."""
    file = place / "log.held"
    wait_for(lambda: file.exists() and file.read_text() != "", process)
    return int(file.read_text())


def wait_for(happens: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not happens():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "never happens"
        time.sleep(0.02)


def run(place: Path, arguments: Sequence[str], **environment: str) -> Run:
    """Start the suite and wait for its end."""
    before = len(logged(place))
    with started(place, arguments, **environment) as process:
        printed, _ = process.communicate(timeout=300)
    files = {path.name: path.read_bytes().decode() for path in (place / "output").glob("*")}
    return Run(process.returncode, printed, logged(place)[before:], files)


def logged(place: Path) -> tuple[str, ...]:
    """The replies that were made in `place` so far, in order."""
    log = place / "log"
    return tuple(log.read_text(encoding="utf-8").splitlines()) if log.exists() else ()


def refused_on_small_disk(place: Path, arguments: list[str], size: int) -> str:
    """The line that ends a run in which no file may have more than `size` bytes."""
    with started(place, arguments) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 4, printed
    (line,) = errors(printed)
    return line


def errors(printed: str) -> list[str]:
    """The lines for the user; there is no traceback."""
    assert "Traceback" not in printed
    return [line for line in printed.splitlines() if line.startswith("ERROR:")]
