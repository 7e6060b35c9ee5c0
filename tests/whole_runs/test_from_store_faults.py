"""--from-store where something is missing: a checkpoint that failed, rows, behaviors, a baseline."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.store import run_record
from fixtures.store.database import Store
from tests.support.scripted import question
from tests.support.suite import Run, options, run
from tests.whole_runs.test_from_store import N, again
from tests.whole_runs.test_own_behavior import MARK

FAILING = """
from tests.support.scripted import ScriptedCheckpoint

whole = ScriptedCheckpoint._reply

def reply(self, conversation, logprobs):
    name, made = whole(self, conversation, logprobs)
    if self.name == "tuned" and int(name[1:].split()[0]) >= 32:
        raise RuntimeError("the device is gone")
    return name, made

ScriptedCheckpoint._reply = reply
"""
"""Gone after the first of two looks."""
BASE = ("--base=floor=scripted:obedient", f"--n-problems={N}", "--threshold=signal_is_read.rho=0.7")
READ = (*BASE, "-k=signal_is_read")
"""The second of two looks settles that the signal is read."""
BOTH = (*BASE, "-k=calibration or signal_is_read")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run in which one of two checkpoints failed at its second look. Its place is to be copied, not used."""
    place = tmp_path_factory.mktemp("failed")
    return place, failing(place)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """The same without a failure."""
    place = tmp_path_factory.mktemp("whole")
    return place, run(place, options(place, "obedient", *BOTH))


def copied(done: tuple[Path, Run], place: Path) -> Path:
    return Path(shutil.copy(done[0] / "store.sqlite3", place / "store.sqlite3"))


def change(store: Path, statement: str) -> None:
    with sqlite3.connect(store) as db:
        assert db.execute(statement).rowcount != 0
    db.close()


def failing(place: Path, *more: str) -> Run:
    """A run in which `tuned` fails at its second look."""
    (place / "failing.py").write_text(FAILING)
    given = [*options(place, "obedient", *READ), "-p", "failing", *more]
    return run(place, given, PYTHONPATH=f"{place}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_an_engine_that_fails_is_a_line_and_exit_4(failed: tuple[Path, Run]) -> None:
    """Nothing is refuted by it, and what the other checkpoint has said is judged."""
    done = failed[1]
    line = "scripted:obedient: its engine fails (RuntimeError: the device is gone); what it has said is kept"
    assert done.exit_code == 4, done.printed
    assert line in " ".join(done.printed.split())
    assert "Traceback" not in done.printed
    assert list(done.profile["checkpoints"]) == ["floor"]


def test_syrupy_does_not_change_the_exit_code(tmp_path: Path) -> None:
    """It is installed with Heedful, and combines exit codes bit by bit: 4 with 1 was 5."""
    (tmp_path / "failing.py").write_text(FAILING)
    given = [*options(tmp_path, "obedient", *READ), "-p", "failing"]
    plugins = "-p tests.support.scripted -p no:cacheprovider -p no:xdist"
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    assert run(tmp_path, given, PYTHONPATH=path, PYTEST_ADDOPTS=plugins).exit_code == 4


def test_a_worker_s_engine_that_fails_is_exit_4_too(tmp_path: Path) -> None:
    done = failing(tmp_path, "-n", "2")
    assert done.exit_code == 4, done.printed
    assert "(RuntimeError: the device is gone)" in " ".join(done.printed.split())


def test_a_checkpoint_that_failed_at_a_later_look_has_failed_again(
    failed: tuple[Path, Run], tmp_path: Path
) -> None:
    first, second = failed[1], again(copied(failed, tmp_path), "--undecided=pass")
    assert list(first.profile["checkpoints"]) == ["floor"]
    assert (second.exit_code, list(second.profile["checkpoints"])) == (4, ["floor"])
    assert second.profile["complete"] is False
    assert "--from-store: tuned has failed in the run that is judged again" in second.printed


def test_nothing_of_an_earlier_run_stands_beside_what_a_later_writes(
    failed: tuple[Path, Run], tmp_path: Path
) -> None:
    store = copied(failed, tmp_path)
    assert "profile.json" in again(store).files
    nothing = again(store, "-k", "tuned")
    assert nothing.exit_code == 4
    assert nothing.files.keys() == {"report.html", "junit.xml"}


def test_what_selects_nothing_takes_nothing_away(whole: tuple[Path, Run], tmp_path: Path) -> None:
    store = copied(whole, tmp_path)
    before = again(store).files
    nothing = again(store, "-k", "no_such_behavior")
    assert nothing.exit_code == pytest.ExitCode.NO_TESTS_COLLECTED
    kept = before.keys() - {"report.html", "junit.xml"}
    assert {name: nothing.files[name] for name in kept} == {name: before[name] for name in kept}


@pytest.mark.parametrize("gone", ["trials", "answers", "asked"])
def test_rows_that_are_gone_are_missed(whole: tuple[Path, Run], tmp_path: Path, gone: str) -> None:
    """They are of the second look."""
    store = copied(whole, tmp_path)
    row = f"(SELECT {{}} FROM answers WHERE question LIKE '%{question(N - 1)}')"
    where = f"key = {row.format('key')}" if gone == "asked" else f"problem = {row.format('problem')}"
    change(store, f"DELETE FROM {gone} WHERE {where}")
    refused = again(store)
    assert refused.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --from-store: the store has not what is asked of" in refused.printed
    assert "Traceback" not in refused.printed


def test_a_store_without_notes_is_told_apart_and_filled_again(
    whole: tuple[Path, Run], tmp_path: Path
) -> None:
    """As one of the version before is."""
    place = Path(shutil.copytree(whole[0], tmp_path / "old"))
    store = place / "store.sqlite3"
    kept = Store(store)
    kept.keep_record('{"version": 1}')
    kept.close()
    change(store, "DROP TABLE asked")
    before = store.read_bytes()
    with pytest.raises(
        InputError, match=r"kept by another version of Heedful; run once with the checkpoints"
    ):
        run_record.last(store)
    assert store.read_bytes() == before
    assert run(place, options(place, "obedient", *BOTH)).made == ()
    assert again(store).files["profile.json"] == whole[1].files["profile.json"]


def test_a_store_behind_a_link_has_what_is_not_yet_in_its_file(tmp_path: Path) -> None:
    """As after a crash, or while another process has it open."""
    store = Store(tmp_path / "store.sqlite3")
    store.keep_record("{}")
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.sqlite3"
    link.symlink_to(store.path)
    reading = Store(link, read_only=True)
    assert reading.record() == "{}"
    reading.close()
    store.close()


def test_the_command_of_a_failure_judges_it_alone(whole: tuple[Path, Run], tmp_path: Path) -> None:
    store = copied(whole, tmp_path)
    strict = again(store, "--gate=all", "--threshold=calibration.ece=0.01")
    failures = [line.partition("alone: ")[2] for line in strict.printed.splitlines() if "alone: " in line]
    pytest_, *arguments = shlex.split(failures[0])
    assert pytest_ == "pytest"
    alone = again(store, *arguments)
    assert (alone.exit_code, len(alone.verdicts)) == (1, 1)
    assert alone.verdicts.items() <= strict.verdicts.items()


def test_files_choose_a_part(whole: tuple[Path, Run], tmp_path: Path) -> None:
    """With the instrument's own tests, which are none of the run's."""
    store = copied(whole, tmp_path)
    looks = "tests/measuring/test_interim_looks.py"
    part = again(store, "behaviors/test_calibration.py", looks, "-k", "floor or looks")
    assert part.exit_code == 0, part.printed
    assert [*part.verdicts] == ["behaviors/test_calibration.py::test_ece[floor]"]
    assert looks in part.printed


def own(place: Path, *arguments: str) -> list[str]:
    return ["behaviors", str(place / "test_own.py"), *arguments]


def test_a_behavior_that_is_gone_is_missed_unless_it_is_left_out(tmp_path: Path) -> None:
    given = options(tmp_path, "obedient", "--base=floor=scripted:obedient", "--n-problems=12")
    behavior = f"import pytest\n\n{MARK}\ndef test_own(checkpoint, bound):\n    assert bound(1) >= 0\n"
    (tmp_path / "test_own.py").write_text(behavior)
    run(tmp_path, own(tmp_path, *given, "-k", "own or (calibration and tuned)"))
    store = tmp_path / "store.sqlite3"
    (tmp_path / "test_own.py").write_text(behavior.replace("checkpoint", "tuning"))
    other = again(store, *own(tmp_path))
    assert other.exit_code == pytest.ExitCode.USAGE_ERROR
    assert (
        "ERROR: --from-store: the last run has not asked floor; run once with the checkpoint" in other.printed
    )
    (tmp_path / "test_own.py").write_text(behavior.replace("test_own", "test_other"))
    for arguments in ([], own(tmp_path)):
        missed = again(store, *arguments)
        assert missed.exit_code == pytest.ExitCode.USAGE_ERROR
        assert "::test_own[tuned], which is not collected here; give its file" in missed.printed
    assert again(store, "-n", "2").printed.count("which is not collected here") == 1
    left = again(store, *own(tmp_path, "-k", "not own"))
    assert [*left.verdicts] == ["behaviors/test_calibration.py::test_ece[tuned]"]
    assert re.search(r"collected \d+ items / \d+ deselected / 1 selected", left.printed), left.printed


def test_a_baseline_that_is_not_here_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    given = options(tmp_path, "obedient", "--n-problems=12")
    run(tmp_path, [*given, "--accept", "-k=command"])
    judged = run(tmp_path, [*given, "-k=command or regression"])
    store, baselines = tmp_path / "store.sqlite3", str(tmp_path / "baselines")
    elsewhere = ("-p", "tests.support.scripted")
    here = again(store, *elsewhere, HEEDFUL_SCRIPTED_BASELINES=baselines)
    assert here.verdicts == judged.verdicts
    assert any("regression" in name for name in judged.verdicts)
    shutil.rmtree(baselines)
    named = again(store, *elsewhere)
    assert named.exit_code == pytest.ExitCode.USAGE_ERROR
    assert (
        f"by {baselines}/tuned.tsv, which is not here or is another; bring it, or leave it" in named.printed
    )
    for choice in ("-m=not regression", "-k=command"):
        without = again(store, *elsewhere, choice)
        assert {*without.verdicts} == {name for name in judged.verdicts if "regression" not in name}, choice
