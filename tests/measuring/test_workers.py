"""Workers (`-n`): they share the work, give the same result, and whatever dies, what was made is kept."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import psutil
import pytest

from fixtures.questions.problems import BLOCK
from tests.support.scripted import HOLD
from tests.support.suite import Run, errors, held, logged, run, started, wait_for
from tests.whole_runs.test_kept import ANSWERS, TRIALS, damage, lone

SAME = "profile.json", "answers.jsonl", "trials.jsonl"
TWO = "-n", "2"
HELD = 100
"""Replies that the first worker has made when it holds, in mid-block: the other has made all else, and waits."""
BEFORE = HELD + (ANSWERS - BLOCK) * (ANSWERS + TRIALS) // ANSWERS


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run without workers. Its place is to be copied, not used."""
    place = tmp_path_factory.mktemp("alone")
    return place, run(place, lone(place))


@pytest.fixture
def kept(alone: tuple[Path, Run], tmp_path: Path) -> Path:
    return Path(shutil.copytree(alone[0], tmp_path / "kept"))


def test_two_workers_make_the_same_files_and_no_reply_twice(alone: tuple[Path, Run], tmp_path: Path) -> None:
    together = run(tmp_path, [*lone(tmp_path), *TWO])
    assert together.exit_code == alone[1].exit_code
    assert sorted(together.made) == sorted(alone[1].made)
    for name in SAME:
        assert together.files[name] == alone[1].files[name], name


@pytest.mark.parametrize("mode", ["load", "each", "loadfile", "loadscope", "worksteal"])
def test_however_tests_are_dealt_out_nothing_is_made_again(
    alone: tuple[Path, Run], kept: Path, mode: str
) -> None:
    again = run(kept, [*lone(kept), *TWO, f"--dist={mode}"])
    assert again.made == ()
    assert again.files["profile.json"] == alone[1].files["profile.json"]


def test_a_way_to_deal_out_without_workers_is_no_matter(alone: tuple[Path, Run], kept: Path) -> None:
    again = run(kept, [*lone(kept), "--dist=load"])
    assert again.made == ()
    assert again.files["profile.json"] == alone[1].files["profile.json"]


def stopped(place: Path, by: signal.Signals, whom: str) -> int:
    """Start a run with two workers and signal `whom` where one of them holds; wait for all to end. The exit code."""
    with started(place, [*lone(place), *TWO], **{HOLD: f"made:{HELD}"}) as controller:
        holding = psutil.Process(held(place, controller))
        wait_for(lambda: len(logged(place)) == BEFORE, controller)
        suite = psutil.Process(controller.pid)
        workers = suite.children()
        assert holding in workers
        for process in {"worker": [holding], "controller": [suite], "all": [suite, *workers]}[whom]:
            process.send_signal(by)
        controller.communicate(timeout=300)
        _, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive
    return controller.returncode


@pytest.mark.parametrize(
    ("by", "whom", "exit_code"),
    [
        # the other worker makes the rest
        ("SIGKILL", "worker", 1),
        ("SIGKILL", "controller", -signal.SIGKILL),
        ("SIGINT", "controller", pytest.ExitCode.INTERRUPTED),
        # as a terminal does
        ("SIGINT", "all", pytest.ExitCode.INTERRUPTED),
    ],
)
def test_whatever_ends_a_run_goes_on(
    alone: tuple[Path, Run], tmp_path: Path, by: str, whom: str, exit_code: int
) -> None:
    assert stopped(tmp_path, signal.Signals[by], whom) == exit_code
    first = logged(tmp_path)
    rest = run(tmp_path, [*lone(tmp_path), *TWO])
    whole = [*first, *rest.made]
    assert set(whole) == set(alone[1].made)
    assert 1 <= len(whole) - len(set(whole)) <= 2, "what was in flight is made again, one a worker"
    assert (rest.made == ()) is (whom == "worker")
    for name in SAME:
        assert rest.files[name] == alone[1].files[name], name


@pytest.mark.parametrize("found", ["collecting", "measuring"])
def test_bad_input_is_one_line_and_no_report(kept: Path, found: str) -> None:
    shutil.rmtree(kept / "output")
    if found == "collecting":
        (kept / "store.sqlite3").write_text("my notes\n" * 1000)
    else:
        damage(kept / "store.sqlite3")
    again = run(kept, [*lone(kept), *TWO])
    assert (again.exit_code, again.made, [*again.files]) == (pytest.ExitCode.USAGE_ERROR, (), [])
    (line,) = errors(again.printed)
    assert line.startswith(f"ERROR: --store {kept / 'store.sqlite3'}: is not a store, or is damaged (")


def test_what_is_accepted_is_written_once(kept: Path) -> None:
    baseline = kept / "baselines" / "tuned.tsv"
    accept = [*lone(kept), "--accept"]
    by_one = run(kept, accept)
    assert by_one.printed.count("accepted: ") == 1
    written = baseline.read_text()
    baseline.unlink()
    by_two = run(kept, [*accept, *TWO])
    assert by_two.printed.count("accepted: ") == 1
    assert baseline.read_text() == written
