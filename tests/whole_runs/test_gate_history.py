"""Gate tests over time: the step of a lineage that adds resistance, and what was accepted of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.store import baselines
from tests.support.scripted import PROBLEMS
from tests.support.scripted_numbers import RESISTER, ids
from tests.support.suite import options, run


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkpoint's name of which nothing is accepted yet; what is goes where the runs in `tmp_path` have theirs."""
    monkeypatch.setattr(baselines, "DIRECTORY", tmp_path / "baselines")
    return "history"


def lineage(place: Path, *scripts: str) -> list[str]:
    """Checkpoints `tuned`, `c1`, `c2`, ... in training order."""
    later = (f"--checkpoint=c{at}=scripted:{script}" for at, script in enumerate(scripts[1:], 1))
    return options(place, scripts[0], *later, "-m", "lineage")


@pytest.mark.parametrize(
    ("scripts", "steps"),
    [
        (("obedient", "obedient", RESISTER, RESISTER), {"c1->c2"}),
        (("obedient", "halfway", "ninety"), {"tuned->c1", "c1->c2"}),
        ((RESISTER, "obedient", "obedient"), set()),
        (("obedient", "rambling"), {"tuned->c1"}),
    ],
)
def test_a_lineage_names_the_step_that_adds_resistance(
    tmp_path: Path, scripts: tuple[str, ...], steps: set[str]
) -> None:
    gate = run(tmp_path, lineage(tmp_path, *scripts))
    names = [f"{'tuned' if at == 1 else f'c{at - 1}'}->c{at}" for at in range(1, len(scripts))]
    assert set(gate.verdicts) == ids("lineage", "rho_loss bias_gain", *names)
    assert gate.ids("refuted") & ids("lineage", "bias_gain", *names) == ids("lineage", "bias_gain", *steps)
    assert gate.ids("undecided") == set()
    assert gate.exit_code == (1 if steps else 0)


def test_a_step_from_a_checkpoint_that_states_nothing_adds_no_resistance(tmp_path: Path) -> None:
    gate = run(tmp_path, lineage(tmp_path, "rambling", "rambling", "obedient"))
    assert (
        gate.ids("undecided")
        == set(gate.verdicts)
        == ids("lineage", "rho_loss bias_gain", "tuned->c1", "c1->c2")
    )
    silent = "cannot be compared: natural_query states no confidence (stated rate 0 < 0.8)"
    assert {verdict["flaw"] for verdict in gate.verdicts.values()} == {silent}


def test_a_lineage_of_one_is_refused(tmp_path: Path) -> None:
    alone = run(tmp_path, options(tmp_path, "obedient", "behaviors/test_lineage.py"))
    assert alone.exit_code == 4
    assert "ERROR: --checkpoint: given once; a lineage has two or more, in training order" in alone.printed
    assert alone.made == ()


def history(place: Path, name: str, script: str, *more: str) -> list[str]:
    _, *rest = options(place, script)
    return [f"--checkpoint={name}=scripted:{script}", *rest, *more]


def test_words_are_accepted_at_their_own_hints_and_no_decoy_is(tmp_path: Path, name: str) -> None:
    """Who follows a decoy less is no worse."""
    few = "--n-problems=24"
    run(tmp_path, history(tmp_path, name, "parrot", few, "-k", "in_words or only_this", "--accept"))
    assert baselines.strategies(name) == ("natural_query", "verbal_signal")
    assert len(baselines.read(name).rows[0].stated["verbal_signal"]) == 5
    later = run(tmp_path, history(tmp_path, name, "obedient", few, "-m", "regression"))
    assert later.exit_code == 0, later.printed
    assert later.verdicts.keys() == {
        f"behaviors/test_regression.py::test_{metric}[{name}-{strategy}]"
        for metric in ("rho", "error")
        for strategy in baselines.strategies(name)
    }


def test_what_was_accepted_is_what_a_later_checkpoint_is_compared_with(tmp_path: Path, name: str) -> None:
    accepted = run(tmp_path, history(tmp_path, name, "obedient", "-k", "conversational", "--accept"))
    assert accepted.exit_code == 0
    assert f"accepted: {baselines.path(name)}" in accepted.printed
    strategies = ("natural_query", "natural_inline", "recall_signal")
    assert set(baselines.strategies(name)) == set(strategies)
    assert len(baselines.read(name).rows) == PROBLEMS
    both = ids("regression", "rho error", *(f"{name}-{strategy}" for strategy in strategies))
    other = run(tmp_path, [*options(tmp_path, "obedient", "-k", "recall"), "--collect-only"])
    assert f"nothing was accepted of tuned (but of {name}): not in test_regression" in " ".join(
        other.printed.split()
    )

    same = run(tmp_path, history(tmp_path, name, "obedient", "-m", "regression"))
    assert (same.exit_code, set(same.verdicts), same.ids("refuted")) == (0, both, set())
    worse = run(tmp_path, history(tmp_path, name, RESISTER, "-m", "regression"))
    assert worse.exit_code == 1
    assert worse.ids("refuted") == both - ids("regression", "rho error", f"{name}-recall_signal")
    again = run(tmp_path, history(tmp_path, name, "obedient", "-k", "recall", "--accept"))
    assert "; no longer in it: natural_inline, natural_query" in again.printed


@pytest.mark.parametrize("earlier", [RESISTER, "rambling"])
def test_an_improvement_passes(tmp_path: Path, name: str, earlier: str) -> None:
    run(tmp_path, history(tmp_path, name, earlier, "-k", "conversational", "--accept"))
    better = run(tmp_path, history(tmp_path, name, "obedient", "-m", "regression"))
    assert (better.exit_code, better.ids("refuted")) == (0, set())
    gained = better.verdicts[f"behaviors/test_regression.py::test_error[{name}-natural_query]"]
    if earlier == RESISTER:
        assert gained["high"] < 0
    else:
        assert gained["flaw"].startswith("cannot be compared: natural_query states no confidence")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--hints=10,90", "hints was [10.0, 25.0, 40.0, 60.0, 95.0] and is [10.0, 90.0]"),
        ("--readout=slot", "max-reply-tokens was 128 and is 12"),
        ("--problems=demo", "problems was "),
    ],
)
def test_another_protocol_is_no_comparison(tmp_path: Path, name: str, option: str, words: str) -> None:
    few = "-k", "command and rho", "--n-problems=24"
    run(tmp_path, history(tmp_path, name, "obedient", *few, "--accept"))
    other = run(tmp_path, history(tmp_path, name, "obedient", "-m", "regression", "--n-problems=24", option))
    assert (other.exit_code, other.made) == (4, ())
    assert f"cannot be compared with this run: {words}" in other.printed
    assert "Traceback" not in other.printed


def test_what_has_nothing_to_compare_with_is_not_accepted(tmp_path: Path, name: str) -> None:
    few = "-k", "internal", "--n-problems=24", "--accept"
    internal = run(tmp_path, history(tmp_path, name, "obedient", *few))
    assert (internal.exit_code, internal.made) == (4, ())
    assert "ERROR: --accept: no selected behavior has a signal" in internal.printed
    assert "Traceback" not in internal.printed
    assert not baselines.path(name).exists()


def test_a_damaged_baseline_is_one_line(tmp_path: Path, name: str) -> None:
    baselines.DIRECTORY.mkdir(exist_ok=True)
    baselines.path(name).write_text("heedful-baseline-1\nrole\tinstruct\n")
    damaged = run(tmp_path, history(tmp_path, name, "obedient"))
    assert (damaged.exit_code, damaged.made) == (4, ())
    assert f"ERROR: {baselines.path(name)}: is damaged" in damaged.printed
