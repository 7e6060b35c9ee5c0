"""--from-store and `python -m reports rebuild STORE`: a run's whole report again, from its store and nothing else."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.store import run_record
from fixtures.store.database import Store
from reports.__main__ import main
from tests.reports.test_reports import BREAKING
from tests.support.suite import Run, options, run

SAME = "profile.json", "answers.jsonl", "trials.jsonl"
N = 64
"""Enough for an early look, which settles much."""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run to its end, whose problems are then gone. Its place is to be copied, not used."""
    place = tmp_path_factory.mktemp("once")
    given = options(
        place,
        "conversational-resister",
        "--base=floor=scripted:obedient",
        f"--n-problems={N}",
        "--hints=10,40,95",
        "-k",
        "conversational or calibration or internal or tuning",
    )
    done = run(place, given)
    (place / "problems.jsonl").unlink()
    return place, done


@pytest.fixture
def store(once: tuple[Path, Run], tmp_path: Path) -> Path:
    return Path(shutil.copy(once[0] / "store.sqlite3", tmp_path / "store.sqlite3"))


def again(store: Path, *more: str, **environment: str) -> Run:
    """No plugin is there that could open a scripted checkpoint."""
    place = store.parent
    plain = "-p no:cacheprovider -p no:hypothesispytest -p no:syrupy -p no:anyio"
    return run(
        place,
        ["--from-store", f"--store={store}", f"--output={place / 'output'}", *more],
        **{"PYTEST_ADDOPTS": plain, **environment},
    )


def test_every_file_is_the_same_again(once: tuple[Path, Run], store: Path) -> None:
    first, second = once[1], again(store)
    assert second.exit_code == first.exit_code
    assert any(verdict["stopped_early"] for verdict in first.verdicts.values())
    assert second.files.keys() == first.files.keys()
    for name in SAME:
        assert second.files[name] == first.files[name], name
    assert cases(second) == cases(first)
    told, _, how = second.files["summary.md"].partition("## How to reproduce")
    assert told == first.files["summary.md"].partition("## How to reproduce")[0]
    assert all(f"pytest --{given}" in how for given in ("checkpoint=tuned", "from-store"))
    known = json.loads(second.files["run.json"])
    judged_again = known.pop("judged_again")
    assert known == json.loads(first.files["run.json"])
    assert shlex.split(judged_again["command"])[:2] == ["pytest", "--from-store"]
    assert f"judged again: the run of {known['started']} in {store}" in second.printed
    assert "judged again" in second.files["report.html"]
    alone = re.findall(r"alone: (pytest .*)", second.printed)[0]
    files = f"--store={store}", f"--output={store.parent / 'output'}"
    assert shlex.split(alone)[1:-1] == ["--from-store", *files], "a flag takes no value"


def cases(done: Run) -> list[str]:
    """junit.xml without what is another each time: seconds, and the command that runs one test alone."""
    text = re.sub(r"alone: .*|(time|timestamp|hostname)=\"[^\"]*\"", "", done.files["junit.xml"])
    return text.split("<testcase")


def test_workers_judge_it_the_same(once: tuple[Path, Run], store: Path) -> None:
    together = again(store, "-n", "2")
    for name in SAME:
        assert together.files[name] == once[1].files[name], name


def test_the_reports_command_needs_only_the_store(
    once: tuple[Path, Run], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.parent)
    command = [sys.executable, "-m", "reports", "rebuild", store.name, "--output", "rebuilt"]
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in Path("rebuilt").iterdir()} == once[1].files.keys()
    for name in SAME:
        assert Path("rebuilt", name).read_text(encoding="utf-8") == once[1].files[name], name


def test_how_it_is_judged_can_be_given_anew(once: tuple[Path, Run], store: Path) -> None:
    (name,) = [v for v in once[1].verdicts if "conversational" in v and "bias[tuned-natural_query" in v]
    assert once[1].verdicts[name]["verdict"] == "refuted"
    lenient = again(store, "-k", "conversational", "--threshold=conversational_compliance.bias=100")
    assert {id.partition("::")[0] for id in lenient.verdicts} == {
        "behaviors/test_conversational_compliance.py"
    }
    assert lenient.verdicts[name]["verdict"] == "held"
    assert lenient.files.keys() == once[1].files.keys()
    assert json.loads(lenient.files["run.json"])["checkpoints"].keys() == {"tuned"}
    assert lenient.profile["checkpoints"].keys() == {"tuned"}
    taken = {name: len(lenient.files[f"{name}.jsonl"].splitlines()) for name in ("answers", "trials")}
    assert json.loads(lenient.files["run.json"])["taken"] == taken
    assert f"{taken['answers']} answers and {taken['trials']} trials" in lenient.files["report.html"]


def test_what_another_bound_leaves_open_is_judged_as_far_as_trials_go(tmp_path: Path) -> None:
    given = options(tmp_path, "conversational-resister", f"--n-problems={N}", "-k=conversational")
    first = run(tmp_path, given)
    (name,) = [v for v in first.verdicts if "bias[tuned-natural_query" in v]
    early = first.verdicts[name]
    assert early["stopped_early"]
    middle = (early["low"] + early["high"]) / 2
    strict = again(tmp_path / "store.sqlite3", f"--threshold=conversational_compliance.bias={middle}")
    assert strict.verdicts[name]["verdict"] == "undecided"
    assert strict.verdicts[name]["n_problems"] == early["n_problems"]
    for other in first.verdicts.keys() - {v for v in first.verdicts if "bias" in v}:
        assert strict.verdicts[other] == first.verdicts[other]
    assert "early stop: " in first.printed
    assert "early stop: " not in strict.printed
    assert re.search(r"^judged as far as the store goes: [1-9] undecided", strict.printed, re.MULTILINE)
    assert "E     judged as far as the store goes: more trials may settle it" in strict.printed
    assert "<em>judged as far as the store goes</em>" in strict.files["report.html"]
    assert all("judged as far as" not in shown for shown in (first.printed, first.files["report.html"]))


def test_what_was_not_asked_is_said(store: Path) -> None:
    """Nothing is settled early, so that more trials are judged than were taken. What an earlier run wrote stays."""
    (store.parent / "output").mkdir()
    (store.parent / "output" / "profile.json").write_text("{}")
    more = again(store, "--no-early-stop", "-k", "conversational")
    assert more.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --from-store: the store has not what is asked of tuned now (more trials" in more.printed
    assert "Traceback" not in more.printed
    assert more.files == {"profile.json": "{}"}


def test_a_behavior_that_was_not_selected_is_not_judged(store: Path) -> None:
    none = again(store, "-k", "command_compliance")
    assert none.exit_code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_bounds_of_the_run_stay_where_others_are_given(tmp_path: Path) -> None:
    bounds = ("--threshold=calibration.ece=0.9", "--threshold=internal_confidence.pearson_r=0.1")
    given = options(
        tmp_path, "conversational-resister", "--n-problems=12", "-k=calibration or internal", *bounds
    )
    run(tmp_path, given)
    second = again(tmp_path / "store.sqlite3", "--threshold=calibration.ece=0.8")
    assert {v["behavior"]: v["bound"] for v in second.verdicts.values()} == {
        "calibration": 0.8,
        "internal_confidence": 0.1,
    }


def test_a_part_of_the_run_is_no_record_in_its_place(once: tuple[Path, Run], tmp_path: Path) -> None:
    place = Path(shutil.copytree(once[0], tmp_path / "kept"))
    whole = run_record.last(place / "store.sqlite3")
    part = ("--base=floor=scripted:obedient", f"--n-problems={N}", "--hints=10,40,95", "-k", "calibration")
    run(place, options(place, "conversational-resister", *part))
    assert run_record.last(place / "store.sqlite3") == whole
    run(place, options(place, "obedient", *part))
    assert run_record.last(place / "store.sqlite3").behaviors != whole.behaviors


def test_a_store_is_only_read(store: Path) -> None:
    before = store.read_bytes()
    again(store)
    assert store.read_bytes() == before
    assert [path.name for path in store.parent.glob("store*")] == ["store.sqlite3"]


@pytest.mark.parametrize("source", ["nowhere", "n" * 300])
def test_what_cannot_be_rebuilt_is_one_line(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild", source]) == 4
    assert f"ERROR: {source}: is neither a run's --output nor a store" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        "--checkpoint=x",
        "--hints=10,95",
        "--n-problems=8",
        "--readout=slot",
        "--no-reuse",
        "--plan",
        "--accept",
        "--dtype=x",
    ],
)
def test_what_a_store_cannot_be_asked_is_one_line(store: Path, given: str) -> None:
    refused = again(store, given)
    assert refused.exit_code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {given.partition('=')[0]}: " in refused.printed
    assert "Traceback" not in refused.printed


def test_too_small_an_alpha_for_the_run_is_named(tmp_path: Path) -> None:
    run(tmp_path, options(tmp_path, "obedient", "--n-problems=10", "-k=calibration"))
    refused = again(tmp_path / "store.sqlite3", "--alpha=0.001")
    assert refused.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --alpha 0.001: 10 problems, as in the store's last run, can settle no" in refused.printed


def test_the_record_does_not_grow_with_the_trials(store: Path) -> None:
    kept = Store(store, read_only=True)
    text = kept.record()
    kept.close()
    with sqlite3.connect(store) as db:
        keys = [key for (key,) in db.execute("SELECT key FROM trials")]
    db.close()
    assert text is not None
    assert len(keys) > 500
    assert not any(key in text for key in keys)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM record", "has no record of a run that came to its end"),
        (
            "UPDATE record SET record = replace(record, 'tuned', 'other')",
            "record of its last run has changed",
        ),
        ("UPDATE record SET record = CAST(x'ff' AS TEXT)", "record of its last run has changed"),
    ],
)
def test_a_record_is_as_it_was_kept_or_refused(store: Path, change: str, said: str) -> None:
    with sqlite3.connect(store) as db:
        db.execute(change)
    db.close()
    with pytest.raises(InputError, match=said):
        run_record.last(store)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no store"):
        run_record.last(tmp_path / "store.sqlite3")
    assert not any(tmp_path.iterdir())


def test_a_record_of_another_version_is_refused(store: Path) -> None:
    Store(store).keep_record('{"version": 0}')
    with pytest.raises(InputError, match="was kept by another version of Heedful"):
        run_record.last(store)


def test_of_a_checkpoint_that_failed_there_is_no_verdict_again(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING)
    given = options(
        tmp_path,
        "conversational-resister",
        "--base=floor=scripted:obedient",
        "--n-problems=12",
        "-k=calibration",
    )
    broken = run(tmp_path, [*given, "-p", "breaking"], PYTHONPATH=str(tmp_path))
    second = again(tmp_path / "store.sqlite3")
    assert (second.exit_code, list(second.profile["checkpoints"])) == (4, ["floor"])
    assert second.files["profile.json"] == broken.files["profile.json"]


def test_a_record_that_cannot_be_kept_takes_no_report(tmp_path: Path) -> None:
    given = options(tmp_path, "conversational-resister", "--n-problems=12", "-k=calibration")
    whole = run(tmp_path, given)
    with sqlite3.connect(tmp_path / "store.sqlite3") as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'no room'); END")
    db.close()
    without = run(tmp_path, given)
    assert without.exit_code == whole.exit_code
    assert without.files.keys() == whole.files.keys()
    assert "what --from-store needs was not kept: --store " in without.printed
