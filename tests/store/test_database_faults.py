"""The store and what befalls files: damage is found and named, and what was made before the disk was full is kept."""

from __future__ import annotations

import random
import re
import resource
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.store.database import Store, TrialRow
from tests.store.test_database import TRIAL, of_schema_1


def damaged(path: Path, at: int, by: bytes) -> str | None:
    """Write `by` into the middle of a copy of a store and read it: what is said of it, or None. No row that is read is
    another than was written."""
    content = bytearray(path.read_bytes())
    content[at : at + len(by)] = by
    copy = path.with_name("damaged.sqlite3")
    copy.write_bytes(content)
    store = None
    try:
        store = Store(copy)
        found = store.get(TrialRow, MANY)
    except InputError as error:
        return str(error)
    finally:
        if store:
            store.close()
    assert found.items() <= MANY.items()
    return None


MANY = {
    key: replace(TRIAL, key=key, text=f"{key}: {number}%") for number in range(400) for key in [f"t{number}"]
}


@pytest.fixture
def many(tmp_path: Path) -> Path:
    store = Store(tmp_path / "store.sqlite3")
    store.add([*MANY.values()])
    store.close()
    return store.path


def test_garbage_in_the_middle_is_never_read_as_a_row(many: Path) -> None:
    garbage = random.Random(0)
    places = range(4096, many.stat().st_size, 1000)
    said = [damaged(many, at, garbage.randbytes(200)) for at in places]
    line = rf"--store {many.parent}/damaged.sqlite3: is not a store, or is damaged \(.+\); give another file"
    assert all(re.fullmatch(line, text) for text in said if text), said
    # what nothing here reads, such as an index, may be garbage
    assert sum(text is not None for text in said) > len(said) / 3


@pytest.mark.parametrize("flip", [0x01, 0x80], ids=["another-letter", "no-letter"])
def test_one_flipped_bit_in_a_text_is_found_and_named(many: Path, flip: int) -> None:
    at = many.read_bytes().index(b"t123: 123%")
    said = damaged(many, at + 6, bytes([ord("1") ^ flip]))
    assert said == (
        f"--store {many.parent}/damaged.sqlite3: is not a store, or is damaged (a row of trials, problem p1, "
        "has changed); give another file"
    )


def test_what_is_no_text_is_found_in_a_store_of_schema_1(many: Path) -> None:
    of_schema_1(many)
    at = many.read_bytes().index(b"t123: 123%")
    assert "a row of trials, problem p1, has changed" in str(damaged(many, at + 6, b"\xb1"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def add_one_by_one(store: Store, rows: Iterable[TrialRow]) -> None:
    for row in rows:
        store.add([row])


def test_a_full_disk_keeps_what_was_made(small_disk: Path) -> None:
    rows = [replace(TRIAL, key=f"t{number}", text="x" * 1000) for number in range(500)]
    store = Store(small_disk / "store.sqlite3")
    add_one_by_one(store, rows[:2])
    (small_disk / "filler").write_bytes(bytes(800_000))
    with pytest.raises(InputError, match=r"disk is full\); free space and run again: what was made is kept"):
        add_one_by_one(store, rows)
    found = store.get(TrialRow, [row.key for row in rows])
    assert found == {row.key: row for row in rows[: len(found)]}
    assert 2 < len(found) < len(rows)
    (small_disk / "filler").unlink()
    add_one_by_one(store, rows[len(found) : len(found) + 9])
    store.close()
    again = Store(store.path).get(TrialRow, [row.key for row in rows])
    assert sorted(again) == sorted(row.key for row in rows[: len(found) + 9])


def test_a_file_that_may_not_grow_keeps_what_was_made(many: Path) -> None:
    store = Store(many)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (many.stat().st_size, limits[1]))
    try:
        with pytest.raises(InputError, match="free space and run again: what was made is kept"):
            store.add([replace(TRIAL, key="large", text="x" * many.stat().st_size)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.get(TrialRow, [*MANY, "large"]) == MANY
    store.add([replace(TRIAL, key="large")])
    assert store.get(TrialRow, ["large"]) == {"large": replace(TRIAL, key="large")}
    store.close()
    assert Store(many).get(TrialRow, MANY) == MANY
