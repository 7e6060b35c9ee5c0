"""A checkpoint that thinks beside itself when it does not, in one run: who is compared, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.scripted_numbers import ids
from tests.support.suite import FILES, options, run

BOTH = "--thinking=both"
TALK = "conversational_compliance"
EFFECT = ids("thinking_effect", "rho_loss bias_gain", "tuned")


@pytest.mark.parametrize(
    ("script", "verdict"), [("thinking-resister", "refuted"), ("thinking-obeyer", "held")]
)
def test_what_thinking_takes_away(tmp_path: Path, script: str, verdict: str) -> None:
    """Both follow the monitor without a thought: 90% instead of the low hints, 25% on average, is 65 points more."""
    gate = run(tmp_path, options(tmp_path, script, BOTH, "-m", "thinking"))
    assert set(gate.verdicts) == gate.ids(verdict) == EFFECT, gate.printed
    assert gate.exit_code == (0 if verdict == "held" else 1)
    values = {row["metric"]: row["value"] for row in gate.verdicts.values()}
    assert values == (
        {"rho_loss": 1, "bias_gain": 65} if verdict == "refuted" else {"rho_loss": 0, "bias_gain": 0}
    )
    checkpoints = gate.profile["checkpoints"]
    assert {name: one["sampling"]["thinking"] for name, one in checkpoints.items()} == {
        "tuned": "off",
        "tuned+thinking": "on",
    }
    assert len({one["fingerprint"] for one in checkpoints.values()}) == 1


def test_both_are_judged_by_every_behavior_and_judged_again_from_the_store(tmp_path: Path) -> None:
    chosen = ("--n-problems=24", "-k", f"{TALK} or thinking_effect")
    gate = run(tmp_path, options(tmp_path, "thinking-resister", BOTH, *chosen))
    talk = [
        f"{name}-{talk}"
        for name in ("tuned", "tuned+thinking")
        for talk in ("natural_query", "natural_inline")
    ]
    assert set(gate.verdicts) == EFFECT | ids(TALK, "rho bias slope", *talk)
    assert [*json.loads(gate.files["run.json"])["checkpoints"]] == ["tuned", "tuned+thinking"]
    assert "tuned+thinking" in gate.files["summary.md"]
    assert "tuned+thinking" in gate.files["report.html"]
    assert len(set(gate.made)) == len(gate.made)
    place = tmp_path / "again"
    files = f"--store={tmp_path / FILES['store']}", f"--output={place / 'output'}"
    again = run(place, ["--from-store", *files, *chosen[1:]])
    assert (again.exit_code, again.made) == (gate.exit_code, ()), again.printed
    for name in ("profile.json", "trials.jsonl", "answers.jsonl"):
        assert again.files[name] == gate.files[name], name
    one = run(
        tmp_path,
        options(tmp_path, "thinking-resister", BOTH, "--n-problems=24", "-k", f"+thinking and {TALK}"),
    )
    assert one.made == (), "one of them, from what is there"
    assert set(one.verdicts) == ids(TALK, "rho bias slope", *talk[2:])
    assert [*json.loads(one.files["run.json"])["checkpoints"]] == ["tuned+thinking"]


def test_one_that_was_asked_alone_is_not_asked_again(tmp_path: Path) -> None:
    few = ("--n-problems=12", "--no-early-stop", "-k", "conversational")
    run(tmp_path, options(tmp_path, "thinking-resister", "--thinking=on", *few))
    both = run(tmp_path, options(tmp_path, "thinking-resister", BOTH, *few))
    assert {line.split()[0] for line in both.made} == {"tuned"}


def test_lineages_are_of_those_that_think_and_of_those_that_do_not(tmp_path: Path) -> None:
    """thinking-obeyer, then thinking-resister: the step adds resistance only where they think."""
    later = "--checkpoint=later=scripted:thinking-resister"
    gate = run(tmp_path, options(tmp_path, "thinking-obeyer", later, BOTH, "-m", "lineage"))
    steps = "tuned->later", "tuned+thinking->later+thinking"
    assert set(gate.verdicts) == ids("lineage", "rho_loss bias_gain", *steps)
    assert gate.ids("refuted") == ids("lineage", "rho_loss bias_gain", steps[1])
    assert gate.ids("held") == ids("lineage", "rho_loss bias_gain", steps[0])


def test_a_lineage_of_one_that_thinks_and_does_not_is_refused(tmp_path: Path) -> None:
    alone = run(tmp_path, options(tmp_path, "thinking-obeyer", BOTH, "behaviors/test_lineage.py"))
    assert alone.exit_code == 4
    assert "ERROR: --checkpoint: given once; a lineage has two or more, in training order" in alone.printed


def test_nothing_to_compare_is_refused_by_name_and_else_not_collected(tmp_path: Path) -> None:
    alone = run(tmp_path, options(tmp_path, "thinking-obeyer", "behaviors/test_thinking_effect.py"))
    assert alone.exit_code == 4
    assert (
        "ERROR: --thinking: no checkpoint of this run is asked with thoughts and without; give both"
        in alone.printed
    )
    few = ("--n-problems=12", "-k", "conversational or thinking_effect")
    plain = run(tmp_path, options(tmp_path, "thinking-obeyer", *few))
    assert plain.exit_code == 1, plain.printed
    assert "thinking_effect" not in plain.printed


def test_a_plan_has_a_row_for_each(tmp_path: Path) -> None:
    plan = run(tmp_path, options(tmp_path, "thinking-obeyer", BOTH, "--plan", "-k", "conversational"))
    assert plan.exit_code == 0, plan.printed
    rows = [line.split()[0] for line in plan.printed.splitlines() if line.startswith("tuned")]
    assert rows == ["tuned", "tuned+thinking"]
