"""--layers: what would be written is read at every layer, kept, shown in the report, and judged again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.scripted import MASS
from tests.support.suite import Run, errors, options, run

ASKED = "-k", "conversational and slope", "--n-problems=24", "--no-early-stop", "--readout=slot"
ANSWERS, TRIALS = 24, 24 * 3 * 5
"""natural_query, natural_inline and recall_signal, at five hints each."""


def asked(place: Path, *more: str) -> Run:
    return run(place, options(place, "moved", *ASKED, *more))


def judged_again(place: Path) -> Run:
    return run(place, ["--from-store", f"--store={place / 'store.sqlite3'}", f"--output={place / 'output'}"])


def test_the_layers_of_each_strategy(tmp_path: Path) -> None:
    done = asked(tmp_path, "--layers")
    assert done.exit_code == 1, "since what is stated does not follow"
    cells = done.profile["checkpoints"]["tuned"]["strategies"]
    known = cells["natural_query"]["expected"]["layers"]
    assert [at["layer"] for at in known] == [1, 2, 3, 4]
    assert {at["mass"] for at in known} == {MASS}
    slopes = [at["slope"]["value"] for at in known]
    assert (slopes[0], slopes[2:]) == (0, [1, 1])
    assert 0.45 < slopes[1] < 0.55
    assert known[-1]["slope"] == cells["natural_query"]["expected"]["slope"]
    page = done.files["report.html"]
    assert "Layer by layer" in page
    said = "tuned, slope of the expected number on the hint at each layer from the first on: "
    assert f"{said}natural_query 0.00, {slopes[1]:.2f}, 1.00, 1.00; " in page
    again = judged_again(tmp_path)
    assert (again.exit_code, again.made) == (1, ())
    assert again.files["profile.json"] == done.files["profile.json"]


def test_they_are_read_once_and_only_where_they_are_asked_for(tmp_path: Path) -> None:
    plain = asked(tmp_path)
    assert len(plain.made) == ANSWERS + TRIALS
    assert "layers" not in plain.profile["checkpoints"]["tuned"]["strategies"]["natural_query"]["expected"]
    assert "Layer by layer" not in plain.files["report.html"]
    read = asked(tmp_path, "--layers")
    assert len(read.made) == TRIALS
    again = asked(tmp_path, "--layers")
    assert again.made == ()
    assert again.files["profile.json"] == read.files["profile.json"]


def test_what_another_definition_has_left_is_read_again(tmp_path: Path) -> None:
    """As the numbers of a store whose keys name none."""
    first = asked(tmp_path, "--layers")
    db = sqlite3.connect(tmp_path / "store.sqlite3")
    with db:
        for table in ("expected", "layers"):
            db.execute(f"UPDATE {table} SET key = 'before ' || key")
    db.close()
    refused = judged_again(tmp_path)
    assert refused.exit_code == 4
    (line,) = errors(refused.printed)
    assert line.startswith("ERROR: --from-store: the store has not what is asked of tuned now")
    read = asked(tmp_path, "--layers")
    assert len(read.made) == TRIALS
    assert read.files["profile.json"] == first.files["profile.json"]
