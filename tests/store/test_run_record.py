"""The record of a run: it comes back as it was kept, and gives way to any run that is no part of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import greedy
from fixtures.checkpoints.recorded import RecordedCheckpoint
from fixtures.questions.problems import Problem, ProblemSet
from fixtures.store.run_record import Extent, Record, keep, last

KNOWN = {"spec": "./tuned", "role": "instruct", "fingerprint": "print", "max_reply_tokens": 12}
WHOLE = Record(
    options={"--checkpoint": ["tuned=./tuned"], "--hints": "10,95"},
    problems=ProblemSet("demo", "v1", (Problem("2 + 3?", Decimal(5)), Problem("1 / 8?", Decimal("0.125")))),
    checkpoints=(
        RecordedCheckpoint("tuned", "instruct", "./tuned", "print", "scripted", "none", greedy(), ["a note"]),
    ),
    extents={"tuned": Extent(64, {"natural_query": 32, "recall_signal": 64})},
    behaviors={"a": ["instruct"], "b": [], "c": []},
    run={"hints": [10.0, 95.0], "prompts": "words", "checkpoints": {"tuned": KNOWN}},
    accepted={"c": ("tuned", "natural_query")},
)


def part(**changes: Any) -> Record:
    return replace(WHOLE, **{"behaviors": {"a": ["instruct"]}, **changes})


def run_with(**changes: Any) -> dict[str, Any]:
    return {"run": {**WHOLE.run, **changes}}


def extents(answers: int, **trials: int) -> dict[str, Any]:
    return {"extents": {"tuned": Extent(answers, trials)}}


@pytest.mark.parametrize(
    "other",
    [
        part(),
        part(**extents(32, natural_query=32)),
        part(**run_with(checkpoints={"tuned": {**KNOWN, "spec": "./elsewhere"}})),
        part(extents={}, **run_with(checkpoints={})),
    ],
    ids=["behaviors", "trials", "place", "checkpoints"],
)
def test_a_part_does_not_take_the_place_of_the_whole(tmp_path: Path, other: Record) -> None:
    keep(tmp_path / "store.sqlite3", WHOLE.as_json())
    keep(tmp_path / "store.sqlite3", other.as_json())
    assert last(tmp_path / "store.sqlite3") == WHOLE


@pytest.mark.parametrize(
    "other",
    [
        WHOLE,
        part(behaviors={"a": [], "d": []}),
        part(problems=replace(WHOLE.problems, problems=WHOLE.problems.problems[:1])),
        part(**extents(64, natural_query=33)),
        part(**extents(64, no_signal=1)),
        part(**extents(65)),
        part(**run_with(hints=[10.0, 90.0])),
        part(**run_with(prompts="other words")),
        *(part(**run_with(checkpoints={"tuned": {**KNOWN, key: "other"}})) for key in KNOWN if key != "spec"),
        part(**run_with(checkpoints={"other": KNOWN})),
    ],
)
def test_any_other_run_does(tmp_path: Path, other: Record) -> None:
    keep(tmp_path / "store.sqlite3", WHOLE.as_json())
    marked = replace(other, options={"--seed": "1"})
    keep(tmp_path / "store.sqlite3", marked.as_json())
    assert last(tmp_path / "store.sqlite3") == marked


def test_it_says_how_far_a_question_was_asked() -> None:
    extent = WHOLE.extents["tuned"]
    assert [extent.reaches(n, ["natural_query", "recall_signal"]) for n in (32, 33)] == [True, False]
    assert [extent.reaches(n, ()) for n in (64, 65)] == [True, False]
    assert not extent.reaches(1, ["no_signal"])


def test_it_is_plain_data() -> None:
    assert Record.of_json(json.loads(json.dumps(WHOLE.as_json()))) == WHOLE
