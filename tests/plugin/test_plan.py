"""Plan tests: --plan counts what a run would take, and keeps nothing of what it does for that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.plugin.plan import HEADER
from fixtures.questions.conversation import SOLVE
from tests.support.scripted import question
from tests.support.suite import Run, options, run

N = 36
TRIALS = {"floor": 5 * 5 + 1, "tuned": 15 * 5 + 2 + 1}
"""A problem: five hints with a signal, two with a flag, one without."""


def planned(finished: Run) -> dict[str, list[str]]:
    """The table's rows by checkpoint."""
    rows = [line.split() for line in finished.printed.splitlines()]
    return {row[0]: row[1:] for row in rows if row and row[0] in TRIALS}


def arguments(place: Path, *more: str) -> list[str]:
    return options(place, "obedient", "--base=floor=scripted:obedient", f"--n-problems={N}", *more)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_plan_is_what_the_run_takes(tmp_path: Path, workers: tuple[str, ...]) -> None:
    plan = run(tmp_path, arguments(tmp_path, "--plan", *workers))
    assert plan.exit_code == 0, plan.printed
    assert plan.files == {}
    lines = plan.printed.splitlines()
    assert "heedful: floor (base, slot readout); tuned (instruct, free readout)" in lines
    assert any(line.startswith(f"problems: {tmp_path / 'problems.jsonl'}; hints 10, 25") for line in lines)
    assert any(line.split() == [word for name in HEADER for word in name.split()] for line in lines)
    for name, (_, answers, trials, stored, *_) in planned(plan).items():
        assert [int(text.replace(",", "")) for text in (answers, trials, stored)] == [N, N * TRIALS[name], 0]
    whole = run(tmp_path, arguments(tmp_path, "--no-early-stop"))
    for name in TRIALS:
        made = [line for line in whole.made if line.startswith(name)]
        assert len(made) == N * (1 + TRIALS[name])


def test_what_is_in_the_store_takes_no_time(tmp_path: Path) -> None:
    run(tmp_path, arguments(tmp_path, "--no-early-stop"))
    plan = run(tmp_path, arguments(tmp_path, "--plan"))
    for name, (_, _, _, stored, _, *time) in planned(plan).items():
        assert int(stored.replace(",", "")) == N * (1 + TRIALS[name])
        assert time == ["0", "s"]


def test_prompt_tokens_are_counted_with_the_checkpoint_s_tokenizer(tmp_path: Path) -> None:
    """A scripted checkpoint has a token a byte."""
    plan = run(tmp_path, arguments(tmp_path, "--plan", "-k", "internal"))
    (_, answers, trials, _, tokens, *_) = planned(plan)["tuned"]
    assert (answers, trials) == (str(N), "0")
    expected = sum(len(f"User: {SOLVE}{question(p)}\n\nAssistant:") for p in range(N))
    assert int(re.sub(",", "", tokens)) == expected
