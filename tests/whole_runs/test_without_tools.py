"""A checkpoint whose chat template knows no tools is not asked as if it did: the test is skipped, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scripted_numbers import TALK, TOOL
from tests.support.suite import Run, options, run

WHY = "skipped, not judged: tuned: its chat template knows no tools"


def asked(place: Path, *more: str) -> Run:
    return run(place, options(place, "toolless", "--n-problems=96", *more))


def test_it_is_skipped_and_the_others_are_judged(tmp_path: Path) -> None:
    done = asked(tmp_path, "-k", "from_tool or conversational")
    assert done.exit_code == 0, done.printed
    assert WHY in done.printed
    assert "2 skipped" in done.printed
    assert done.ids("held") == TALK
    assert not TOOL & done.verdicts.keys()
    assert "tool_signal" not in done.profile["checkpoints"]["tuned"]["strategies"]
    assert not [line for line in done.made if "tool_signal" in line]
    again = run(
        tmp_path, ["--from-store", f"--store={tmp_path / 'store.sqlite3'}", f"--output={tmp_path / 'output'}"]
    )
    assert (again.exit_code, again.made) == (0, ())
    assert WHY in again.printed
    assert again.files["profile.json"] == done.files["profile.json"]


@pytest.mark.parametrize("how", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_nothing_is_generated_where_only_that_is_asked(tmp_path: Path, how: tuple[str, ...]) -> None:
    done = asked(tmp_path, "-k", "from_tool", *how)
    assert (done.exit_code, done.made) == (0, ())
    assert WHY in done.printed
    assert "profile.json" not in done.files


def test_a_base_checkpoint_is_not_asked(tmp_path: Path) -> None:
    mine = [option.replace("--checkpoint=", "--base=") for option in options(tmp_path, "obedient")]
    done = run(tmp_path, [*mine, "--n-problems=96", "-k", "from_tool"])
    assert (done.exit_code, done.made) == (5, ())
    assert "no --checkpoint: " in done.printed
    assert "test_signal_from_tool" in done.printed
