"""Store tests: what a run has made is kept, whatever ends it, and used again for the same checkpoint only."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import CheckpointSpec
from fixtures.protocol import keys
from fixtures.protocol.keys import Keys
from fixtures.questions.conversation import Role, solving
from fixtures.questions.problems import BLOCK
from fixtures.store.database import Store
from tests.support.scripted import CLOCK, HOLD, VERSION, ScriptedCheckpoint
from tests.support.suite import (
    Run,
    errors,
    held,
    logged,
    options,
    refused_on_small_disk,
    run,
    started,
    wait_for,
)

N = 36
"""Problems: a whole block and a part of one."""
ANSWERS = N
TRIALS = N * (3 * 5 + 1)
"""natural_query, natural_inline and recall_signal at five hints each, and no_signal."""
SELECTED = "-k", "conversational or calibration"
RESISTER = "conversational-resister"


def lone(place: Path, script: str = RESISTER, selected: tuple[str, str] = SELECTED) -> list[str]:
    """One instruct checkpoint, without a base."""
    return options(place, script, f"--n-problems={N}", "--no-early-stop", *selected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run that nothing interrupted. Its place is to be copied, not used."""
    place = tmp_path_factory.mktemp("whole")
    return place, run(place, lone(place))


@pytest.fixture
def kept(whole: tuple[Path, Run], tmp_path: Path) -> Path:
    """A copy of what that run has left: its store, its log and its reports."""
    return Path(shutil.copytree(whole[0], tmp_path / "kept"))


def interrupted(place: Path, hold: str, by: signal.Signals) -> tuple[int, str]:
    """Start a run and signal it where it holds; its exit code, and what it printed."""
    with started(place, lone(place), **{HOLD: hold}) as process:
        held(place, process)
        process.send_signal(by)
        printed, _ = process.communicate(timeout=120)
    (place / "log.held").unlink()
    return process.returncode, printed


def test_an_interrupt_before_anything_was_measured_leaves_no_report(kept: Path) -> None:
    (kept / "store.sqlite3").unlink()
    interrupted(kept, "made:5", signal.SIGINT)
    assert [*(kept / "output").iterdir()] == []


def test_a_mistyped_k_leaves_the_last_report_as_it_was(whole: tuple[Path, Run], kept: Path) -> None:
    again = run(kept, lone(kept, selected=("-k", "no_such_thing")))
    assert again.exit_code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert again.files == whole[1].files


def test_the_store_is_left_as_one_file(whole: tuple[Path, Run]) -> None:
    assert [path.name for path in whole[0].glob("store*")] == ["store.sqlite3"]


@pytest.mark.parametrize(
    ("by", "hold", "made", "lost"),
    [
        # between two trials nothing is in flight
        ("SIGINT", "given:100", 100, 0),
        ("SIGKILL", "given:100", 100, 0),
        # a trial is written as it is made: the one in flight is lost
        ("SIGINT", "made:100", 100, 1),
        ("SIGKILL", "made:100", 100, 1),
        # answers are made a block at a time, so that their batches are the same in every run
        ("SIGKILL", f"made:{BLOCK}", BLOCK, BLOCK),
        ("SIGKILL", f"made:{BLOCK + BLOCK * 16 + 2}", BLOCK + BLOCK * 16 + 2, 2),
    ],
)
def test_an_interrupted_run_goes_on(
    whole: tuple[Path, Run], tmp_path: Path, by: str, hold: str, made: int, lost: int
) -> None:
    exit_code, printed = interrupted(tmp_path, hold, signal.Signals[by])
    assert exit_code == (pytest.ExitCode.INTERRUPTED if by == "SIGINT" else -signal.SIGKILL)
    assert ("interrupted: what was made is in" in printed) is (by == "SIGINT")
    first = logged(tmp_path)
    rest = run(tmp_path, lone(tmp_path))
    assert len(first) == made
    assert len(set(first) & set(rest.made)) == lost
    assert len(rest.made) == len(set(rest.made)) == ANSWERS + TRIALS - made + lost
    assert rest.files["profile.json"] == whole[1].files["profile.json"]
    assert rest.exit_code == whole[1].exit_code == 1


def test_a_full_disk_is_one_line_and_the_run_goes_on(whole: tuple[Path, Run], tmp_path: Path) -> None:
    line = refused_on_small_disk(tmp_path, lone(tmp_path), 1 << 20)
    assert f"--store {tmp_path / 'store.sqlite3'}: cannot be written" in line
    assert "free space and run again: what was made is kept" in line
    assert not [*(tmp_path / "output").iterdir()]
    first = logged(tmp_path)
    rest = run(tmp_path, lone(tmp_path))
    assert len(first) > BLOCK + 1
    assert set(first) & set(rest.made) == {first[-1]}, "the reply that could not be written"
    assert len(first) + len(rest.made) == ANSWERS + TRIALS + 1
    assert rest.files["profile.json"] == whole[1].files["profile.json"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two"])
def test_a_report_that_finds_no_room_is_one_line(kept: Path, workers: tuple[str, ...]) -> None:
    line = refused_on_small_disk(kept, [*lone(kept), *workers], 64 << 10)
    assert line == (
        f"ERROR: --output {kept / 'output'}: cannot be written (File too large); free space or give another, and "
        "run again: what was made is kept"
    )


def test_a_damaged_store_is_one_line(kept: Path) -> None:
    shutil.rmtree(kept / "output")
    damage(kept / "store.sqlite3")
    again = run(kept, lone(kept))
    assert (again.exit_code, again.made, [*again.files]) == (pytest.ExitCode.USAGE_ERROR, (), [])
    (line,) = errors(again.printed)
    assert (
        f"--store {kept / 'store.sqlite3'}: is not a store, or is damaged (a row of trials, problem " in line
    )


def damage(store: Path) -> None:
    """Change one bit of one letter of one reply."""
    content = bytearray(store.read_bytes())
    content[content.rindex(b"My confidence in that answer") + 3] ^= 1
    store.write_bytes(content)


def test_two_suites_on_one_store_share_the_work(whole: tuple[Path, Run], tmp_path: Path) -> None:
    """One of them holds in its block until the other has made all else, and waits for it."""
    other = f"--output={tmp_path / 'other'}"
    with started(tmp_path, lone(tmp_path), **{HOLD: "made:50"}) as first:
        held(tmp_path, first)
        with started(tmp_path, [*lone(tmp_path), other]) as second:
            own = (N - BLOCK) * (ANSWERS + TRIALS) // N
            wait_for(lambda: len(logged(tmp_path)) == 50 + own, second)
            (tmp_path / "log.held").unlink()
            for process in first, second:
                process.communicate(timeout=300)
                assert process.returncode == whole[1].exit_code
    assert sorted(logged(tmp_path)) == sorted(whole[1].made)
    for output in "output", "other":
        assert (tmp_path / output / "profile.json").read_text() == whole[1].files["profile.json"]


def test_a_clock_that_jumps_back_changes_nothing(whole: tuple[Path, Run], tmp_path: Path) -> None:
    backwards = run(tmp_path, lone(tmp_path), **{CLOCK: "backwards"})
    assert backwards.made == whole[1].made
    assert backwards.files["profile.json"] == whole[1].files["profile.json"]
    assert backwards.exit_code == whole[1].exit_code


def test_more_problems_make_no_trial_again(kept: Path) -> None:
    """The answers of the last block are, so that their batch is the same in every run."""
    before = set(logged(kept))
    more = run(kept, [*lone(kept), f"--n-problems={N + 4}"])
    again = before & set(more.made)
    assert len(more.made) == (N + 4) % BLOCK + 4 * (3 * 5 + 1)
    assert all(line.endswith("answer") for line in again)
    assert len(again) == N % BLOCK


def test_the_same_run_makes_nothing_again(whole: tuple[Path, Run], kept: Path) -> None:
    again = run(kept, lone(kept))
    assert len(whole[1].made) == len(set(whole[1].made)) == ANSWERS + TRIALS
    assert again.made == ()
    assert again.files["profile.json"] == whole[1].files["profile.json"]


def test_other_behaviors_use_what_is_there(kept: Path) -> None:
    effect = run(kept, lone(kept, selected=("-k", "has_effect or is_read")))
    assert len(effect.verdicts) == 2
    assert effect.made == (), "natural_query, no_signal and recall_signal are in the store"
    command = run(kept, lone(kept, selected=("-k", "command")))
    assert len(command.verdicts) == 6
    assert len(command.made) == N * 2 * 5, "direct_hint and contrast_frame; the answers are in the store"


def test_a_changed_fingerprint_uses_nothing(whole: tuple[Path, Run], kept: Path) -> None:
    changed = run(kept, lone(kept), **{VERSION: "other weights"})
    assert changed.made == whole[1].made
    assert rows(kept, "SELECT count(*), count(DISTINCT fingerprint) FROM trials") == [(2 * TRIALS, 2)]
    before, after = whole[1].profile, changed.profile
    assert before["checkpoints"]["tuned"].pop("fingerprint") != after["checkpoints"]["tuned"].pop(
        "fingerprint"
    )
    assert after == before


def test_two_checkpoints_of_one_name_do_not_mix(whole: tuple[Path, Run], kept: Path) -> None:
    obedient = run(kept, lone(kept, "obedient"))
    assert obedient.made == whole[1].made
    assert low_biases(obedient) == {
        "natural_query": 0,
        "natural_inline": 0,
        "recall_signal": 0,
        "no_signal": 25,
    }
    resister = run(kept, lone(kept))
    assert resister.made == ()
    assert low_biases(resister) == {
        "natural_query": 65,
        "natural_inline": 65,
        "recall_signal": 0,
        "no_signal": 65,
    }
    assert resister.files["profile.json"] == whole[1].files["profile.json"]


def low_biases(finished: Run) -> dict[str, float]:
    cells: dict[str, Any] = finished.profile["checkpoints"]["tuned"]["strategies"]
    return {strategy: cell["bias_low"]["value"] for strategy, cell in cells.items()}


def test_base_and_instruct_of_the_same_weights_do_not_mix(tmp_path: Path) -> None:
    selected = "-k", "internal"
    both = run(tmp_path, [*lone(tmp_path, selected=selected), f"--base=floor=scripted:{RESISTER}"])
    assert both.exit_code == 0, both.printed
    assert len(set(both.made)) == 2 * N
    assert rows(tmp_path, "SELECT count(*), count(DISTINCT fingerprint) FROM answers") == [(2 * N, 1)]


def test_the_store_is_plain_sqlite(whole: tuple[Path, Run], kept: Path) -> None:
    assert rows(kept, "PRAGMA journal_mode") == [("wal",)]
    assert rows(kept, "PRAGMA integrity_check") == [("ok",)]
    tables = rows(kept, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    assert tables == [
        ("again",),
        ("answers",),
        ("asked",),
        ("expected",),
        ("layers",),
        ("record",),
        ("trials",),
    ]
    assert rows(kept, "SELECT count(*) FROM again") == [(0,)]
    assert rows(kept, "SELECT count(*), count(DISTINCT problem) FROM answers") == [(N, N)]
    by_strategy = rows(
        kept, "SELECT strategy, count(*), count(DISTINCT hint) FROM trials GROUP BY 1 ORDER BY 1"
    )
    with_hints = [(name, 5 * N, 5) for name in ("natural_inline", "natural_query")]
    assert by_strategy == [*with_hints, ("no_signal", N, 0), ("recall_signal", 5 * N, 5)]
    made = "SELECT key FROM answers UNION SELECT key FROM trials ORDER BY key"
    assert rows(kept, "SELECT key FROM asked ORDER BY key") == rows(kept, made)
    text = "My confidence in that answer is 90%."
    assert rows(
        kept, "SELECT DISTINCT text, finish, readout FROM trials WHERE strategy = 'natural_query'"
    ) == [(text, "stop", "free")]
    fingerprint = whole[1].profile["checkpoints"]["tuned"]["fingerprint"]
    assert rows(kept, "SELECT fingerprint FROM answers UNION SELECT fingerprint FROM trials") == [
        (fingerprint,)
    ]


def rows(place: Path, query: str) -> list[tuple[Any, ...]]:
    """What any SQLite client reads."""
    return sqlite3.connect(f"file:{place / 'store.sqlite3'}?mode=ro", uri=True).execute(query).fetchall()


def test_a_number_that_the_token_limit_cut_off_is_asked_for_again(kept: Path) -> None:
    with sqlite3.connect(kept / "store.sqlite3") as store:
        natural = "UPDATE trials SET text = 'My confidence in that answer is 9', digest = NULL"
        store.execute(f"{natural} WHERE strategy LIKE 'natural%'")
        store.execute("UPDATE trials SET finish = 'length' WHERE strategy = 'natural_query'")
    store.close()
    again = run(kept, lone(kept))
    assert len(again.made) == 5 * N
    assert all(" natural_query " in name and name.endswith(" again") for name in again.made)
    assert rows(kept, "SELECT count(*) FROM again") == [(5 * N,)]
    strategies = again.profile["checkpoints"]["tuned"]["strategies"]
    counts = {
        name: [cell[kind] for kind in ("at_once", "asked_again", "cut")] for name, cell in strategies.items()
    }
    assert counts["natural_query"] == [0, 5 * N, 5 * N]
    assert counts["natural_inline"] == [5 * N, 0, 0]
    assert strategies["natural_query"]["response_low"] == 90
    assert strategies["natural_inline"]["response_low"] == 9


@pytest.mark.parametrize(("role", "changed"), [("base", True), ("instruct", False)])
def test_a_key_covers_the_stop_texts_of_a_base_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, role: Role, changed: bool
) -> None:
    checkpoint = ScriptedCheckpoint(CheckpointSpec("tuned", role, "scripted:obedient", "--base"), "obedient")
    own = Keys(checkpoint, Store(tmp_path / "store.sqlite3"), recorded=False)
    before = own.of([solving("How many?")], 8)
    monkeypatch.setattr(keys, "BASE_STOPS", ("\nUser:",))
    assert (own.of([solving("How many?")], 8) != before) is changed
