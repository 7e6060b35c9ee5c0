"""What is made in the cache is made once, whole or not at all; and what this process may use of its machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.system import cpu
from fixtures.system.cache import cache_directory, check_writable, expanded, make_once
from fixtures.system.quiet_transformers import quiet


def _write_two(part: Path) -> None:
    (part / "one").write_text("1")
    (part / "two").write_text("2")


def test_made_once(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "made"
    assert make_once(directory, _write_two) == directory
    assert sorted(file.name for file in directory.iterdir()) == ["one", "two"]

    def never(part: Path) -> None:
        raise AssertionError

    assert make_once(directory, never) == directory


@pytest.mark.parametrize("error", [InputError("no"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_a_failing_make_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def make(part: Path) -> None:
        _write_two(part)
        raise error

    with pytest.raises(type(error)):
        make_once(tmp_path / "made", make)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
    assert make_once(tmp_path / "made", _write_two).is_dir()


def test_a_second_thread_waits(tmp_path: Path) -> None:
    makers: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(part: Path) -> None:
        makers.append("first")
        begun.set()
        assert go_on.wait(30)
        _write_two(part)

    def again(part: Path) -> None:
        makers.append("second")

    first = threading.Thread(target=make_once, args=(tmp_path / "made", slowly))
    second = threading.Thread(target=make_once, args=(tmp_path / "made", again))
    first.start()
    assert begun.wait(30)
    second.start()
    second.join(0.2)
    assert second.is_alive()
    assert len(list(tmp_path.glob("made.part-*"))) == 1
    go_on.set()
    for thread in (first, second):
        thread.join(30)
        assert not thread.is_alive()
    assert makers == ["first"]
    assert (tmp_path / "made" / "two").is_file()


def _make_and_stay(directory: Path, begun: multiprocessing.synchronize.Event) -> None:
    def make(part: Path) -> None:
        (part / "one").touch()
        begun.set()
        time.sleep(600)

    make_once(directory, make)


def test_a_living_process_keeps_its_part_and_a_killed_one_loses_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    other = context.Process(target=_make_and_stay, args=(tmp_path / "made", begun))
    other.start()
    try:
        assert begun.wait(60)
        (part,) = tmp_path.glob("made.part-*")
        waiting = threading.Thread(target=make_once, args=(tmp_path / "made", _write_two))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert (part / "one").is_file()
    finally:
        other.kill()
        other.join()
    waiting.join(30)
    assert not waiting.is_alive()
    assert not part.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "made.lock"]
    assert (tmp_path / "made" / "two").is_file()


def test_another_directory_s_parts_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other.part-x").mkdir()
    (tmp_path / "made.part-x").mkdir()
    make_once(tmp_path / "made", _write_two)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "made.lock", "other.part-x"]


def _make_and_count(directory: Path, made: Path) -> None:
    def make(part: Path) -> None:
        with made.open("a") as log:
            log.write("made\n")
        time.sleep(0.1)
        _write_two(part)

    assert make_once(directory, make) == directory


def test_many_processes_make_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = tmp_path / "made", tmp_path / "log"
    processes = [context.Process(target=_make_and_count, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "made\n"
    assert (tmp_path / "made" / "two").read_text() == "2"


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^the cache .*/file cannot be written .*set XDG_CACHE_HOME$"):
        make_once(tmp_path / "file" / "made", _write_two)


def test_whether_a_place_can_be_written_is_found_out_without_a_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deeper")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        check_writable(tmp_path / "file" / "deeper")


def test_the_cache_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "heedful"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/store") == tmp_path / "store"
    assert expanded("a~/store") == Path("a~/store")


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container, or taskset, may give it fewer than the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cpu.cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cpu.cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu.cores() == 1


def test_transformers_is_quiet_only_for_as_long_as_it_is_told() -> None:
    from transformers import logging

    before = logging.get_verbosity()

    def fail() -> None:
        with quiet():
            assert logging.get_verbosity() == logging.ERROR
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert logging.get_verbosity() == before
