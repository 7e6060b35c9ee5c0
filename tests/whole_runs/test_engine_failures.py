"""An engine that fails while it measures: what was settled before stands, and nothing that ends the run forgets it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.scripted import HOLD
from tests.support.scripted_numbers import RESISTER, TALK, ids
from tests.support.suite import held, options, run, started
from tests.whole_runs.test_from_store import N, again
from tests.whole_runs.test_from_store_faults import FAILING

READ = ids("signal_is_read", "rho", "tuned-recall_signal")
SETTLED = "--threshold=signal_is_read.rho=0.65"
"""A bound that the second look can settle: what no look can settle is asked no more."""
GONE = "its engine fails (RuntimeError: the device is gone)"


def environment(place: Path, plugin: str = FAILING) -> dict[str, str]:
    """Where the plugin `failing` is found."""
    (place / "failing.py").write_text(plugin)
    return {"PYTHONPATH": f"{place}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_what_an_earlier_look_has_settled_stands(tmp_path: Path) -> None:
    """It fails at the second of two looks, which only asks whether the signal is read."""
    selected = f"--n-problems={N}", "-k", "conversational or signal_is_read", SETTLED, "-p", "failing"
    done = run(tmp_path, options(tmp_path, RESISTER, *selected), **environment(tmp_path))
    assert done.exit_code == 4, done.printed
    assert set(done.verdicts) == done.ids("refuted") == TALK, done.printed
    assert f"{len(TALK)} failed, " in done.printed
    assert f", {len(READ)} error in" in done.printed
    assert GONE in " ".join(done.printed.split())
    assert done.profile["complete"] is False
    assert done.profile["checkpoints"]["tuned"]["n_problems"] == 32
    rebuilt = again(tmp_path / "store.sqlite3")
    assert rebuilt.exit_code == 4, "what failed is not judged again as if it had not"
    assert "--from-store: tuned has failed in the run that is judged again" in rebuilt.printed


def test_an_interrupt_does_not_forget_it(tmp_path: Path) -> None:
    later = "--checkpoint=later=scripted:obedient", "--n-problems=24", "-k", "conversational", "-p", "failing"
    given = options(tmp_path, "obedient", *later)
    at_once = environment(tmp_path, FAILING.replace(">= 32", ">= 0"))
    with started(tmp_path, given, **at_once, **{HOLD: "made:5"}) as process:
        held(tmp_path, process)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 4, printed
    assert GONE in " ".join(printed.split())
    assert "interrupted: what was made is in" in printed


@pytest.mark.parametrize("more", [("-x",), ("-x", "-n", "2")], ids=["alone", "xdist"])
def test_stopping_at_the_first_failure_does_not_forget_it(tmp_path: Path, more: tuple[str, ...]) -> None:
    selected = "--n-problems=36", "-k", "signal_is_read", SETTLED, "-p", "failing", *more
    done = run(tmp_path, options(tmp_path, "obedient", *selected), **environment(tmp_path))
    assert done.exit_code == 4, done.printed
    assert GONE in " ".join(done.printed.split())
