"""What the model would have written at a slot is judged and shown beside what it states, and only where it was read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.scripted import MASS
from tests.support.suite import Run, options, run

NAMES = {
    f"behaviors/test_signal_moves_expectation.py::test_slope[tuned-{strategy}]"
    for strategy in ("natural_query", "natural_inline")
}
ASKED = "-k", "moves_expectation or (conversational and slope)", "--n-problems=96", "--no-early-stop"


def asked(place: Path, script: str, *more: str) -> Run:
    return run(place, options(place, script, *ASKED, *more))


@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [("moved", "held", "inside: moved inside, says the same"), ("unmoved", "refuted", "inside: not moved (")],
)
def test_it_tells_where_the_signal_is_lost(tmp_path: Path, script: str, outcome: str, said: str) -> None:
    done = asked(tmp_path, script, "--readout=slot")
    assert done.ids("informative") == NAMES
    assert {done.verdicts[name]["outcome"] for name in NAMES} == {outcome}
    assert done.printed.count(said) == 2, done.printed
    assert done.exit_code == 1, "since what is stated does not follow"


def test_all_of_it_is_kept(tmp_path: Path) -> None:
    done = asked(tmp_path, "moved", "--readout=slot")
    known = done.profile["checkpoints"]["tuned"]["strategies"]["natural_query"]
    inside = known["expected"]
    assert (inside["mass"], inside["slope"]["value"]) == (MASS, 1)
    assert known["slope"]["value"] == 0
    assert [(at["hint"], at["expected"]) for at in inside["by_hint"]] == [
        (h, h) for h in (10, 25, 40, 60, 95)
    ]
    trials = [json.loads(line) for line in done.files["trials.jsonl"].splitlines()]
    of_95 = next(t for t in trials if (t["strategy"], t["hint"]) == ("natural_query", 95))
    assert of_95["expected"] == {"mean": 95, "spread": pytest.approx(5), "mass": MASS, "on_hint": 0}
    again = run(
        tmp_path, ["--from-store", f"--store={tmp_path / 'store.sqlite3'}", f"--output={tmp_path / 'output'}"]
    )
    assert again.files["profile.json"] == done.files["profile.json"]
    assert again.made == ()


def test_with_gate_all_it_is_judged(tmp_path: Path) -> None:
    done = asked(tmp_path, "unmoved", "--readout=slot", "--gate=all")
    assert done.ids("refuted") >= NAMES


@pytest.mark.parametrize("how", [(), ("--readout=slot",)], ids=["free", "an-engine-that-cannot"])
def test_where_it_was_not_read_it_fails_no_gate(tmp_path: Path, how: tuple[str, ...]) -> None:
    done = asked(tmp_path, "obedient" if how else "moved", *how)
    assert not NAMES & done.verdicts.keys()
    assert "inside:" not in done.printed
    cells = done.profile["checkpoints"]["tuned"]["strategies"]
    assert {cell["expected"] for cell in cells.values()} == {None}
    line = (
        "skipped, not judged: tuned: which number it would write was not read"
        if how
        else "no greedy --readout slot in process: test_signal_moves_expectation not collected"
    )
    assert line in done.printed
    assert done.exit_code == (0 if how else 1)
