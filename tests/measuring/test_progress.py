"""Progress tests: what is shown is counted in the store, by whoever watches."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures.measuring import progress
from fixtures.measuring.progress import Planned, Watcher, announce
from fixtures.measuring.workers import Worker
from fixtures.store.database import Store, TrialRow, counts


def trial(number: int, fingerprint: str = "print") -> TrialRow:
    return TrialRow(f"{number}", fingerprint, "p1", "natural_query", 0, 40.0, "slot", " 40%", "stop")


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, Store]:
    """A run whose progress is said again and again."""
    monkeypatch.setattr(progress, "SECONDS", 0.01)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    worker, store = Worker(tmp_path), Store(tmp_path / "store.sqlite3")
    # two rows of the checkpoint are of another run, one is another's
    store.add([trial(1), trial(2), trial(3), trial(4, "other")])
    return worker, store


def said_until(capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What is shown until `text` is."""
    shown, deadline = "", time.monotonic() + 60
    while text not in shown:
        assert time.monotonic() < deadline, shown
        time.sleep(0.01)
        out, err = capsys.readouterr()
        shown += out + err
    return shown


def test_a_log_counts_what_other_processes_store(
    watched: tuple[Worker, Store], capsys: pytest.CaptureFixture[str]
) -> None:
    worker, store = watched
    watcher = Watcher(worker, store.path)
    watcher.start()
    announce(worker, [Planned("tuned", "print", "trials", replies=5, there=1, stored=3, tokens=8)])
    said_until(capsys, "tuned: 1 of 5 replies")
    store.add([trial(number) for number in (5, 6)])
    said_until(capsys, "tuned: 3 of 5 replies")
    announce(worker, [Planned("tuned", "print", "trials", replies=9, there=2, stored=5, tokens=8)])
    said_until(capsys, "tuned: 2 of 9 replies")
    watcher.stop()


def test_time_left_goes_by_tokens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All answers are there after two minutes; the trials, four times as many, are as much work in tokens."""
    clock = iter([0.0, 120.0, 120.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    planned = [
        Planned("tuned", "print", "answers", replies=10, there=0, stored=5, tokens=64),
        Planned("tuned", "print", "trials", replies=40, there=0, stored=0, tokens=16),
    ]
    show, made, before = progress._Log(), progress._Made(), Counter({("answers", "print"): 5})
    show({}, made(planned, before))
    now = before + Counter({("answers", "print"): 10})
    show(progress.progress(planned, now), made(planned, now))
    assert capsys.readouterr().err == "\ntuned: 10 of 50 replies (0.1 a second, 2 min left)\n"


def test_two_checkpoints_of_one_weight_are_made_one_after_the_other() -> None:
    """One that thinks and one that does not: their rows have one fingerprint."""
    planned = [
        Planned("tuned", "print", "trials", replies=10, there=4, stored=6, tokens=8),
        Planned("tuned+thinking", "print", "trials", replies=10, there=2, stored=6, tokens=8),
    ]
    for rows, made in ((6, (4, 2)), (9, (7, 2)), (15, (10, 5)), (20, (10, 10))):
        found = progress.progress(planned, Counter({("trials", "print"): rows}))
        assert tuple(found[one.name].replies for one in planned) == made


def test_a_line_that_all_workers_say_is_shown_once(
    watched: tuple[Worker, Store], capsys: pytest.CaptureFixture[str]
) -> None:
    worker, store = watched
    for index in (0, 1):
        Worker(worker.run, index, 2).say("no --base: test_tuning_effect not collected")
    Worker(worker.run, 1, 2).say("another")
    watcher = Watcher(worker, store.path)
    watcher.start()
    said_until(capsys, "another")
    watcher.stop()
    assert worker.said() == ["no --base: test_tuning_effect not collected", "another"]


def test_a_store_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert not counts(tmp_path / "store.sqlite3")
    assert not (tmp_path / "store.sqlite3").exists()
