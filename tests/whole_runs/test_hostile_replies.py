"""Replies that mean harm, through a whole run: terminal, store, JUnit, HTML and Markdown stay whole and readable."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.scripted import HOSTILE
from tests.support.suite import Run, options, run

N = 8
ARGUMENTS = ("--base=floor=scripted:hostile", f"--n-problems={N}")
OURS = re.compile("\x1b\\[[0-9;]*m")
"""Colours, which pytest itself writes in CI."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def hostile(place: Path) -> Run:
    return run(place, options(place, "hostile", *ARGUMENTS), GITHUB_ACTIONS="true", PY_COLORS="0")


def steering(text: str) -> Iterator[str]:
    """The characters that could move a cursor, turn text around or end a file, but for line breaks and tabs."""
    return (c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Cn", "Co") and c not in "\n\t")


def test_it_ends_in_verdicts(hostile: Run) -> None:
    assert hostile.exit_code == 1
    assert {row["verdict"] for row in hostile.verdicts.values()} <= {
        "held",
        "informative",
        "refuted",
        "undecided",
    }
    assert hostile.ids("refuted")


def test_the_replies_are_hostile(hostile: Run) -> None:
    assert set(steering(HOSTILE)) >= {"\x1b", "\x00", "\u202e", "\ud800", "\x9b", "\r", "\ufffe"}
    assert "<script>alert(1)</script>" in hostile.printed


def test_the_terminal_is_not_steered(hostile: Run) -> None:
    assert set(steering(hostile.printed)) == set()


def test_no_reply_begins_a_workflow_command(hostile: Run) -> None:
    commands = [line for line in hostile.printed.splitlines() if line.startswith("::")]
    assert commands
    assert all(line.startswith("::error file=behaviors/") for line in commands)


@pytest.mark.parametrize("name", ["report.html", "summary.md", "junit.xml", "profile.json", "trials.jsonl"])
def test_no_file_is_steered(hostile: Run, name: str) -> None:
    assert set(steering(hostile.files[name])) == set()


def test_junit_is_xml_that_says_it_all(hostile: Run) -> None:
    suite = ElementTree.fromstring(hostile.files["junit.xml"].encode())
    cases = list(suite.iter("testcase"))
    assert len(cases) == len(hostile.verdicts)
    assert any("<script>alert(1)</script>" in (failure.text or "") for failure in suite.iter("failure"))


def test_the_store_keeps_them_and_they_are_used_again(place: Path, hostile: Run) -> None:
    with sqlite3.connect(place / "store.sqlite3") as store:
        texts = [text for (text,) in store.execute("SELECT text FROM trials")]
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = HOSTILE.replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    assert texts
    assert all(text.startswith(kept) or kept in text for text in texts)
    again = run(place, options(place, "hostile", *ARGUMENTS))
    assert again.made == ()
    assert again.files["profile.json"] == hostile.files["profile.json"]
