"""Problems: first N in order, named by their content; what is wrong in a file is named by its line."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixtures.errors import InputError
from fixtures.questions.problems import Problem, load

ROWS = [
    {"question": f"What is {n} + 1?", "answer": f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}"}
    for n in range(12)
]


def _jsonl(path: Path, rows: list[Any], newline: str = "\n") -> Path:
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + newline for row in rows), encoding="utf-8", newline=""
    )
    return path


def test_problems_are_drawn_in_an_order_of_their_own(tmp_path: Path) -> None:
    """More of them begin with the fewer, and how the file is sorted does not count."""
    file = _jsonl(tmp_path / "mine.jsonl", ROWS)
    whole = load(str(file), None, 100).problems
    golds = {problem.question: problem.gold for problem in whole}
    assert golds == {row["question"]: n + 1 for n, row in enumerate(ROWS)}
    assert [*golds] != [row["question"] for row in ROWS]
    assert load(str(_jsonl(tmp_path / "sorted.jsonl", ROWS[::-1])), None, 100).problems == whole
    assert load(str(file), None, 100, seed=1).problems != whole
    assert {*load(str(file), None, 100, seed=1).problems} == {*whole}
    assert load(str(file), 5, 100).problems == whole[:5]
    assert load(str(file), None, 7).problems == whole[:7]
    assert load(str(file), 12, 7).problems == whole


def test_source_and_revision_name_the_content(tmp_path: Path) -> None:
    one = load(str(_jsonl(tmp_path / "one.jsonl", ROWS)), 3, 3)
    moved = load(str(_jsonl(tmp_path / "two.jsonl", ROWS)), 3, 3)
    other = load(str(_jsonl(tmp_path / "three.jsonl", ROWS[:-1])), 3, 3)
    assert (one.source, moved.source) == ("one.jsonl", "two.jsonl")
    assert one.revision == moved.revision == hashlib.sha256((tmp_path / "one.jsonl").read_bytes()).hexdigest()
    assert other.revision != one.revision


def test_ids_come_from_the_question() -> None:
    first, second = Problem("2 + 3?", Decimal(5)), Problem("2 + 4?", Decimal(5))
    assert first.id == Problem("2 + 3?", Decimal(6)).id == hashlib.sha256(b"2 + 3?").hexdigest()[:12]
    assert first.id != second.id


def test_demo_and_its_default_number() -> None:
    demo = load("demo", None, 9)
    assert (demo.source, len(demo.problems)) == ("demo", 9)
    assert len(load("demo", None, 500).problems) == 48


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\n\n"], ids=["lf", "crlf", "blank-lines"])
def test_line_ends(tmp_path: Path, newline: str) -> None:
    assert len(load(str(_jsonl(tmp_path / "mine.jsonl", ROWS, newline)), None, 100).problems) == 12


@pytest.mark.parametrize("character", ["\u2028", "\x85"], ids=["u2028", "x85"])
def test_only_a_newline_ends_a_line(tmp_path: Path, character: str) -> None:
    file = _jsonl(tmp_path / "mine.jsonl", [{**ROWS[0], "question": f"One{character}two?"}])
    assert character in file.read_text(encoding="utf-8")
    assert load(str(file), None, 100).problems[0].question == f"One{character}two?"


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = _jsonl(tmp_path / "mine.jsonl", ROWS)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert {p.question for p in load(str(file), None, 100).problems} == {row["question"] for row in ROWS}


BAD_LINES: dict[str, tuple[str, str]] = {
    "not-json": ("question: Why?", "is not JSON"),
    "cut-off": ('{"question": "Why', "is not JSON"),
    "two-objects": ("{} {}", "is not JSON"),
    "deep": ("[" * 100_000, "is not JSON"),
    "list": ('["Why?", "#### 5"]', "is not a JSON object"),
    "string": ('"Why?"', "is not a JSON object"),
    "null": ("null", "is not a JSON object"),
    "no-question": ('{"answer": "#### 5"}', 'has no text field "question"'),
    "no-answer": ('{"question": "Why?"}', 'has no text field "answer"'),
    "other-names": ('{"Question": "Why?", "Answer": "#### 5"}', 'has no text field "question"'),
    "empty-question": ('{"question": " ", "answer": "#### 5"}', 'has no text field "question"'),
    "empty-answer": ('{"question": "Why?", "answer": ""}', 'has no text field "answer"'),
    "number-answer": ('{"question": "Why?", "answer": 5}', 'has no text field "answer"'),
    "no-mark": ('{"question": "Why?", "answer": "It is 5."}', "has no gold number"),
    "no-number": ('{"question": "Why?", "answer": "5\\n#### five"}', "has no gold number"),
    "fraction": ('{"question": "Why?", "answer": "#### 3/4"}', "has no gold number"),
    "exponent": ('{"question": "Why?", "answer": "#### 1e3"}', "has no gold number"),
    "bracketed": ('{"question": "Why?", "answer": "#### (5)"}', "has no gold number"),
    "power": ('{"question": "Why?", "answer": "#### 10²"}', "has no gold number"),
    "two-numbers": ('{"question": "Why?", "answer": "#### 3 or 4"}', "has no gold number"),
    "repeated": (json.dumps(ROWS[0]), "repeats the question of line 1"),
    "half-character": ('{"question": "\\ud83d", "answer": "#### 5"}', "has half a character"),
}


@pytest.mark.parametrize(("line", "words"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = _jsonl(tmp_path / "mine.jsonl", ROWS[:2])
    file.write_text(f"{file.read_text()}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        load(str(file), None, 2)
    assert str(error.value).startswith(f"--problems {file}: line 4 {words}")


@pytest.mark.parametrize("content", [b"", b"\n \n"], ids=["empty", "blank"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.jsonl").write_bytes(content)
    with pytest.raises(InputError, match="is empty"):
        load(str(tmp_path / "mine.jsonl"), None, 1)


def test_n_larger_than_the_set() -> None:
    with pytest.raises(InputError, match=r"--n-problems 49: demo has only 48 problems; ask for fewer"):
        load("demo", 49, 9)
