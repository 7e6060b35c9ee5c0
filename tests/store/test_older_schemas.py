"""A store that an earlier Heedful has left is taken over whole, and its last run is refused in one line."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.errors import InputError
from fixtures.store.database import (
    APPLICATION_ID,
    SCHEMA,
    AgainRow,
    AnswerRow,
    ExpectedRow,
    Store,
    TrialRow,
    _digest_of,
    counts,
)
from fixtures.store.run_record import last
from tests.store.test_database import ANSWER, TRIAL
from tests.support.suite import errors, run

AGAIN = AgainRow("g", "print", "p1", "40%", "stop", "Hm.", 1)
OLD = {
    "answers": "key TEXT NOT NULL, fingerprint TEXT NOT NULL, problem TEXT NOT NULL, question TEXT NOT NULL, "
    "text TEXT NOT NULL, finish TEXT NOT NULL, top1_prob REAL, number_prob REAL, mean_logprob REAL",
    "trials": "key TEXT NOT NULL, fingerprint TEXT NOT NULL, problem TEXT NOT NULL, strategy TEXT NOT NULL, "
    "wording INTEGER NOT NULL, hint REAL, readout TEXT NOT NULL, text TEXT NOT NULL, finish TEXT NOT NULL",
}
"""The columns of schemas 1 and 2, as they were written then; schema 2 has a digest of their values too."""


def old_store(path: Path, schema: int) -> Path:
    """A store with an answer, a trial, a noted key and a record, as schema 1 or 2 had them."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {schema}")
    rows = {"answers": astuple(ANSWER), "trials": astuple(TRIAL)}
    for table, columns in OLD.items():
        values: list[Any] = [*rows[table][:-2]]
        if schema == 2:
            columns += ", digest TEXT"
            values.append(_digest_of(json.dumps(values, ensure_ascii=False)))
        db.execute(f"CREATE TABLE {table} ({columns}, PRIMARY KEY (key)) WITHOUT ROWID")
        db.execute(f"CREATE INDEX {table}_of ON {table} (fingerprint)")
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    db.execute("CREATE TABLE asked (asked TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO asked VALUES ('asked', 't')")
    if schema == 2:
        record = json.dumps({"version": 2, "options": {}})
        db.execute("CREATE TABLE record (one INTEGER PRIMARY KEY, record TEXT NOT NULL, digest TEXT)")
        db.execute("INSERT INTO record VALUES (1, ?, ?)", (record, _digest_of(record)))
    db.commit()
    db.close()
    return path


def layout(path: Path) -> dict[str, set[tuple[str, str, int]]]:
    """By table, the names, types and whether NULL is refused, of its columns."""
    db = sqlite3.connect(path)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {t: {(c[1], c[2], c[3]) for c in db.execute(f"PRAGMA table_info({t})")} for t in tables}
    db.close()
    return found


@pytest.mark.parametrize("schema", [1, 2])
def test_an_old_store_becomes_a_new_one(tmp_path: Path, schema: int) -> None:
    path = old_store(tmp_path / "old.sqlite3", schema)
    store = Store(path)
    assert store.get(AnswerRow, ["a"]) == {"a": ANSWER}
    assert store.get(TrialRow, ["t"]) == {"t": TRIAL}
    assert store.noted(["asked"]) == {"asked": "t"}
    store.add([AGAIN, replace(AGAIN, key="h", thought="")])
    assert store.get(AgainRow, ["g"]) == {"g": AGAIN}
    store.close()
    Store(tmp_path / "new.sqlite3").add([ANSWER])
    assert layout(path) == layout(tmp_path / "new.sqlite3")
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    db.close()


def store_of_schema_3(path: Path) -> Path:
    """A store whose one difference from today's is that it has no expected numbers, of no layer."""
    store = Store(path)
    store.add([ANSWER, TRIAL, AGAIN])
    store.keep_record("{}")
    store.close()
    db = sqlite3.connect(path)
    db.executescript("DROP TABLE expected; DROP TABLE layers; PRAGMA user_version = 3; VACUUM")
    db.close()
    return path


def test_one_without_expected_numbers_is_read_as_it_is_and_taken_over_where_it_is_written(
    tmp_path: Path,
) -> None:
    path = store_of_schema_3(tmp_path / "old.sqlite3")
    before = path.read_bytes()
    read = Store(path, read_only=True)
    assert (read.record(), read.get(TrialRow, ["t"])) == ("{}", {"t": TRIAL})
    read.close()
    assert path.read_bytes() == before
    store, row = Store(path), ExpectedRow("t", "print", "p1", 25.0, 1.5, 0.5, None)
    store.add([row])
    assert store.get(ExpectedRow, ["t"]) == {"t": row}
    assert (store.record(), store.get(TrialRow, ["t"])) == ("{}", {"t": TRIAL})
    store.close()
    Store(tmp_path / "new.sqlite3").add([ANSWER])
    assert layout(path) == layout(tmp_path / "new.sqlite3")


def test_it_is_taken_over_once(tmp_path: Path) -> None:
    path = old_store(tmp_path / "old.sqlite3", 2)
    first = Store(path)
    first.add([AGAIN])
    second = Store(path)
    second.add([replace(TRIAL, key="u")])
    first.close()
    second.close()
    assert counts(path) == {("answers", "print"): 1, ("trials", "print"): 2, ("again", "print"): 1}
    db = sqlite3.connect(path)
    assert db.execute("SELECT key FROM trials WHERE digest IS NULL").fetchall() == [("t",)]
    db.close()


def _open(path: Path) -> None:
    Store(path).add([AGAIN])


def test_several_processes_take_it_over(tmp_path: Path) -> None:
    path = old_store(tmp_path / "old.sqlite3", 2)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert counts(path) == {("answers", "print"): 1, ("trials", "print"): 1, ("again", "print"): 1}


OLDER = {
    "as-it-was": "",
    "no-record": "DROP TABLE IF EXISTS record",
    "another-record": "DROP TABLE IF EXISTS record; CREATE TABLE record (record TEXT)",
    "no-tables": "DROP TABLE answers; DROP TABLE trials; DROP TABLE asked",
}


@pytest.mark.parametrize("statements", OLDER.values(), ids=OLDER)
@pytest.mark.parametrize("schema", [1, 2])
def test_one_that_is_only_read_is_old_and_not_damaged(tmp_path: Path, schema: int, statements: str) -> None:
    path = old_store(tmp_path / "old.sqlite3", schema)
    db = sqlite3.connect(path)
    db.executescript(statements)
    db.close()
    before = path.read_bytes()
    with pytest.raises(InputError) as refused:
        last(path)
    assert str(refused.value) == (
        f"--store {path}: was made by an older Heedful (schema {schema}, this one reads {SCHEMA}); "
        "run once with the checkpoints"
    )
    assert path.read_bytes() == before


def test_who_counts_changes_nothing(tmp_path: Path) -> None:
    path = old_store(tmp_path / "old.sqlite3", 2)
    before = path.read_bytes()
    assert counts(path)
    assert path.read_bytes() == before


def test_a_run_says_so_in_one_line(tmp_path: Path) -> None:
    path = old_store(tmp_path / "store.sqlite3", 2)
    before = path.read_bytes()
    done = run(tmp_path, ["--from-store", f"--store={path}", f"--output={tmp_path / 'output'}"])
    assert done.exit_code == pytest.ExitCode.USAGE_ERROR
    (line,) = errors(done.printed)
    assert line == (
        f"ERROR: --store {path}: was made by an older Heedful (schema 2, this one reads {SCHEMA}); "
        "run once with the checkpoints"
    )
    assert path.read_bytes() == before
    assert done.files == {}
