"""The store: what is written is kept, once, by any number of processes; what is no store stays as it is."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.store.database import APPLICATION_ID, SCHEMA, AnswerRow, Store, TrialRow
from fixtures.system.cache import check_writable

ANSWER = AnswerRow("a", "print", "p1", "2 + 3?", 'It\'s 5: "fünf"\n\0', "stop", 0.5, None, -0.125)
TRIAL = TrialRow("t", "print", "p1", "natural_query", 2, 40.0, "slot", " 40%", "length")


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    store.add([ANSWER])
    store.add([TRIAL, replace(TRIAL, key="u", hint=None)])
    store.add([])
    assert store.get(AnswerRow, ["a", "absent"]) == {"a": ANSWER}
    assert store.get(TrialRow, ["u", "t"]) == {"t": TRIAL, "u": replace(TRIAL, key="u", hint=None)}
    assert store.get(TrialRow, ["a"]) == store.get(TrialRow, []) == {}


def test_what_is_written_first_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    store.add([ANSWER])
    store.add([replace(ANSWER, text="another"), replace(ANSWER, key="b")])
    assert store.get(AnswerRow, "ab") == {"a": ANSWER, "b": replace(ANSWER, key="b")}


def test_what_is_noted_last_counts(tmp_path: Path) -> None:
    """The same question may be put in other words by a later version, and then has another key."""
    store = Store(tmp_path / "store.sqlite3")
    store.note({f"asked {n}": f"key {n}" for n in range(1000)})
    store.note({"asked 0": "other", "asked 1": "key 1"})
    noted = store.noted([f"asked {n}" for n in (*range(1000), 5000)])
    assert noted == {"asked 0": "other", **{f"asked {n}": f"key {n}" for n in range(1, 1000)}}


def test_a_record_ends_with_what_it_rested_on(tmp_path: Path) -> None:
    """An interrupted run notes as it goes, and so does a part of the whole: neither keeps a record in its place."""
    store = Store(tmp_path / "store.sqlite3")
    store.note({"asked 0": "key 0"})
    store.keep_record("whole")
    store.note({"asked 0": "key 0", "asked 1": "key 1"})
    assert store.record() == "whole"
    store.note({"asked 0": "other"})
    assert store.record() is None


def test_what_is_forgotten_is_noted_no_more(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    rows = (ANSWER, replace(ANSWER, key="b", fingerprint="other"))
    store.add(rows)
    store.add([TRIAL])
    store.note({"for a": "a", "for b": "b", "for t": "t"})
    store.forget([ANSWER.fingerprint])
    assert store.get(AnswerRow, "ab") == {"b": rows[1]}
    assert store.noted(["for a", "for b", "for t"]) == {"for b": "b"}


def test_rows_survive_reopening(tmp_path: Path) -> None:
    path = tmp_path / "new" / "directory" / "store.sqlite3"
    first = Store(path)
    first.add([TRIAL])
    first.close()
    for _ in range(2):
        store = Store(path)
        assert store.get(TrialRow, ["t"]) == {"t": TRIAL}
        store.close()
    assert [file.name for file in path.parent.iterdir()] == ["store.sqlite3"]


def test_rows_survive_a_process_that_does_not_close(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    writer = Store(path)
    writer.add([TRIAL])
    assert Store(path).get(TrialRow, ["t"]) == {"t": TRIAL}
    writer.close()


def test_any_client_reads_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    store.add([TRIAL])
    client = sqlite3.connect(tmp_path / "store.sqlite3")
    assert client.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert client.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert client.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    assert client.execute("SELECT strategy, hint, text FROM trials").fetchall() == [
        ("natural_query", 40.0, " 40%")
    ]
    client.close()
    store.close()


@pytest.mark.parametrize("hint", [float("nan"), -0.0, float("-inf"), 1 / 3, None])
def test_every_number_is_read_back(tmp_path: Path, hint: float | None) -> None:
    store = Store(tmp_path / "store.sqlite3")
    store.add([replace(TRIAL, hint=hint)])
    kept = None if hint != hint else hint
    assert store.get(TrialRow, ["t"]) == {"t": replace(TRIAL, hint=kept)}


def of_schema_1(path: Path) -> None:
    """Make a store what an earlier Heedful has left."""
    db = sqlite3.connect(path)
    for column in ("digest", "thought", "thought_cut"):
        for table in ("answers", "trials"):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    db.execute("DROP TABLE again")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()


def test_many_keys_at_once(tmp_path: Path) -> None:
    rows = [replace(TRIAL, key=f"t{number}") for number in range(1234)]
    store = Store(tmp_path / "store.sqlite3")
    store.add(rows)
    assert store.get(TrialRow, (row.key for row in rows)) == {row.key: row for row in rows}
    assert len(store.get(TrialRow, [f"t{number}" for number in range(0, 5000, 3)])) == 412


def test_two_connections_at_once(tmp_path: Path) -> None:
    one, two = (Store(tmp_path / "store.sqlite3") for _ in range(2))
    for number in range(20):
        one.add([replace(TRIAL, key=f"one{number}"), replace(TRIAL, key=f"both{number}", text="one")])
        two.add([replace(TRIAL, key=f"two{number}"), replace(TRIAL, key=f"both{number}", text="two")])
        found = one.get(TrialRow, [f"one{number}", f"two{number}", f"both{number}"])
        assert found == two.get(TrialRow, found)
        assert len(found) == 3
        assert found[f"both{number}"].text == "one"


def _write(path: Path, start: multiprocessing.synchronize.Barrier, process: int) -> None:
    start.wait()
    store = Store(path)
    for number in range(10):
        store.add([replace(TRIAL, key=f"{process}-{number}"), replace(TRIAL, key=f"shared-{number}")])
    store.close()


def test_processes_that_make_it_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    path = tmp_path / "store.sqlite3"
    processes = [context.Process(target=_write, args=(path, start, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    keys = [f"{who}-{number}" for who in (0, 1, 2, "shared") for number in range(10)]
    assert sorted(Store(path).get(TrialRow, keys)) == sorted(keys)


def test_it_is_made_when_first_used(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.sqlite3"
    store = Store(path)
    store.close()
    assert not path.parent.exists()
    assert store.get(TrialRow, ["t"]) == {}
    assert path.is_file()
    store.close()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.touch()
    store = Store(path)
    store.add([TRIAL])
    assert store.get(TrialRow, ["t"]) == {"t": TRIAL}


def foreign_database(path: Path, application: int = 0, version: int = 0) -> Path:
    """A database with one table, as another program would leave it."""
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA application_id = {application}")
    db.execute(f"PRAGMA user_version = {version}")
    db.execute("CREATE TABLE notes (text)")
    db.commit()
    db.close()
    return path


@pytest.mark.parametrize(
    ("application", "version", "words"),
    [
        pytest.param(0, 0, "another program's database", id="unmarked"),
        pytest.param(7, SCHEMA, "another program's database", id="marked"),
        pytest.param(APPLICATION_ID, SCHEMA + 1, rf"newer Heedful \(schema {SCHEMA + 1}", id="newer"),
    ],
)
def test_another_database_is_refused_and_unchanged(
    tmp_path: Path, application: int, version: int, words: str
) -> None:
    path = foreign_database(tmp_path / "store.sqlite3", application, version)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"--store .*{words}.*give another file"):
        Store(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_database_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_text("my notes\n" * 1000)
    with pytest.raises(InputError, match="is not a store, or is damaged"):
        Store(path)
    assert path.read_text() == "my notes\n" * 1000


@pytest.mark.parametrize("place", ["directory", "under-a-file", "dangling-link", "proc"])
def test_a_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    paths = {
        "directory": tmp_path / "directory",
        "under-a-file": tmp_path / "file" / "store.sqlite3",
        "dangling-link": tmp_path / "link",
        "proc": Path("/proc/heedful/store.sqlite3"),
    }
    with pytest.raises(InputError, match=r"--store .*cannot be written \(.+\); give another file"):
        Store(paths[place])


@pytest.mark.parametrize(
    ("place", "writable"),
    [
        (lambda at: at, True),
        (lambda at: at / "new" / "newer", True),
        (lambda at: at / "file", False),
        (lambda at: at / "file" / "new", False),
        (lambda at: at / "link", False),
        (lambda at: Path("/proc/heedful"), False),
    ],
    ids=["there", "not-yet", "file", "under-a-file", "dangling-link", "proc"],
)
def test_check_writable_leaves_nothing(tmp_path: Path, place: Callable[[Path], Path], writable: bool) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    if writable:
        check_writable(place(tmp_path))
    else:
        with pytest.raises(OSError, match=r"."):
            check_writable(place(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(it is a directory\); give another file"):
        Store(tmp_path, read_only=True)
