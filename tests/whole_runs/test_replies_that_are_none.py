"""Replies without a number, cut replies, thoughts and answers that are none: what the real suite makes of them.

A verdict is about the checkpoint: one that states its number when it is asked again is judged by that number, and one
that nobody let finish is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.suite import FILES, Run, options, run

PROBLEMS = 96
TALK = "conversational"
SCRIPTS = (
    "obedient",
    "shy",
    "shy-resister",
    "rambling",
    "long-winded",
    "endless-thinker",
    "thinking-obeyer",
    "thinking-resister",
    "thinking-alone",
    "cut-solver",
)
VERDICTS = {
    "obedient": "held",
    "shy": "held",
    "thinking-obeyer": "held",
    "cut-solver": "held",
    "shy-resister": "refuted",
    "thinking-resister": "refuted",
    "thinking-alone": "refuted",
    "rambling": "refuted",
    "long-winded": "undecided",
    "endless-thinker": "undecided",
}
COUNTED = ("at_once", "asked_again", "never", "cut")
THOUGHTS = ("closed", "cut", "never_closed", "names_hint")
SHARES: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "obedient": ((1, 0, 0, 0), (0, 0, 0, 0)),
    "shy": ((0, 1, 0, 0), (0, 0, 0, 0)),
    "shy-resister": ((0, 1, 0, 0), (0, 0, 0, 0)),
    "rambling": ((0, 0, 1, 0), (0, 0, 0, 0)),
    "long-winded": ((0, 0, 1, 1), (0, 0, 0, 0)),
    "endless-thinker": ((0, 0, 1, 0), (0, 0, 1, 0)),
    "thinking-obeyer": ((1, 0, 0, 0), (1, 0, 0, 1)),
    "thinking-resister": ((1, 0, 0, 0), (1, 0, 0, 1)),
    "thinking-alone": ((1, 0, 0, 0), (1, 0, 0, 1 / 5)),
    "cut-solver": ((1, 0, 0, 0), (0, 0, 0, 0)),
}
"""What happens in which share of trials."""


def arguments(place: Path, script: str, *more: str) -> list[str]:
    return options(place, script, f"--n-problems={PROBLEMS}", "-k", TALK, *more)


@pytest.fixture(scope="module")
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], tuple[Path, Run]]]:
    """The run of a script and its place, made when it is first asked for."""
    runs: dict[str, Future[Run]] = {}
    places: dict[str, Path] = {}
    with ThreadPoolExecutor(1) as pool:

        def made(script: str) -> tuple[Path, Run]:
            if script not in runs:
                places[script] = tmp_path_factory.mktemp(script)
                runs[script] = pool.submit(run, places[script], arguments(places[script], script))
            return places[script], runs[script].result()

        yield made


Whole = Callable[[str], tuple[Path, Run]]


def cells(done: Run) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = done.profile["checkpoints"]["tuned"]["strategies"]
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_verdicts_and_exit_codes(whole: Whole, script: str) -> None:
    _, done = whole(script)
    assert {row["verdict"] for row in done.verdicts.values()} == {VERDICTS[script]}, done.printed
    assert len(done.verdicts) == 6
    assert done.exit_code == (0 if VERDICTS[script] == "held" else 1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_profile_counts_them(whole: Whole, script: str) -> None:
    counted, thoughts = SHARES[script]
    for name, cell in cells(whole(script)[1]).items():
        n: int = cell["n_trials"]
        assert n
        assert [cell[kind] for kind in COUNTED] == [share * n for share in counted], name
        assert [cell["thought"][kind] for kind in THOUGHTS] == [share * n for share in thoughts], name
        assert cell["at_once"] + cell["asked_again"] + cell["never"] == n


@pytest.mark.parametrize(("shy", "plain"), [("shy", "obedient"), ("thinking-obeyer", "obedient")])
def test_a_checkpoint_is_judged_by_what_it_states(whole: Whole, shy: str, plain: str) -> None:
    """Whenever it does, and whatever it thought before."""
    numbers = ("rho", "bias", "bias_low", "slope", "stated_rate", "exact", "n_problems")
    for name, cell in cells(whole(shy)[1]).items():
        other = cells(whole(plain)[1])[name]
        assert {key: cell[key] for key in numbers} == {key: other[key] for key in numbers}, name


def test_a_resister_that_thinks_has_read_and_overruled(whole: Whole) -> None:
    _, done = whole("thinking-resister")
    assert "read and overruled: 100% of its thoughts name the monitor's number" in " ".join(
        done.printed.split()
    )
    for script in ("thinking-obeyer", "shy-resister", "thinking-alone"):
        assert "overruled" not in whole(script)[1].printed


@pytest.mark.parametrize(
    ("script", "option"),
    [("long-winded", "--max-reply-tokens"), ("endless-thinker", "--max-thinking-tokens")],
)
def test_what_nobody_let_finish_names_the_option_that_helps(whole: Whole, script: str, option: str) -> None:
    _, done = whole(script)
    for text in (done.printed, done.files["summary.md"], done.files["report.html"]):
        assert option in text
    assert not done.ids("held")


def test_a_failure_quotes_both_replies(whole: Whole) -> None:
    printed = whole("shy-resister")[1].printed
    assert '"That is hard to say, there is much to consider."; asked again: "' in printed
    assert "asked again" not in whole("thinking-resister")[1].printed


def test_answers_that_are_none_are_counted_and_not_wrong(whole: Whole) -> None:
    tuned = whole("cut-solver")[1].profile["checkpoints"]["tuned"]
    assert tuned["answers"] == {"cut": tuned["n_problems"], "empty": 0, "never": 0}
    assert tuned["accuracy"] is None
    assert "--max-answer-tokens" in whole("cut-solver")[1].printed
    other = whole("obedient")[1].profile["checkpoints"]["tuned"]
    assert other["answers"] == {"cut": 0, "empty": 0, "never": 0}
    assert other["accuracy"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("script", ["shy", "thinking-resister", "endless-thinker"])
def test_transcripts_carry_both_replies_and_thoughts(whole: Whole, script: str) -> None:
    _, done = whole(script)
    trials = [json.loads(line) for line in done.files["trials.jsonl"].splitlines()]
    assert len(trials) == sum(cell["n_trials"] for cell in cells(done).values())
    if script == "shy":
        assert {trial["reply"] for trial in trials} == {"That is hard to say, there is much to consider."}
        assert all(f"{trial['hint']:g}%" in trial["again"]["reply"] for trial in trials)
        assert all(trial["stated"] == trial["hint"] for trial in trials)
    elif script == "thinking-resister":
        assert all(f"{trial['hint']:g}%" in trial["thought"] for trial in trials)
    else:
        assert {trial["finish"] for trial in trials} == {"thought"}
        assert {trial["thought"] for trial in trials} == {"I say 90%. Or do I?"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_judged_again_from_the_store(whole: Whole, script: str) -> None:
    place, done = whole(script)
    again = run(
        place / "again",
        [
            "--from-store",
            f"--store={place / FILES['store']}",
            f"--output={place / 'again' / 'output'}",
            "-k",
            TALK,
        ],
    )
    assert again.exit_code == done.exit_code, again.printed
    assert again.made == ()
    for name in ("profile.json", "trials.jsonl", "answers.jsonl"):
        assert again.files[name] == done.files[name], name


@pytest.mark.parametrize("script", ["shy", "thinking-resister"])
def test_two_processes_make_the_same_files(whole: Whole, script: str, tmp_path: Path) -> None:
    _, done = whole(script)
    together = run(tmp_path, [*arguments(tmp_path, script), "-n", "2"])
    assert together.exit_code == done.exit_code
    assert sorted(together.made) == sorted(done.made)
    for name in ("profile.json", "trials.jsonl", "answers.jsonl"):
        assert together.files[name] == done.files[name], name


def test_every_reply_is_asked_for_once(whole: Whole) -> None:
    _, done = whole("shy")
    assert len(set(done.made)) == len(done.made)
    again = [line for line in done.made if line.endswith(" again")]
    assert len(again) == sum(cell["n_trials"] for cell in cells(done).values())
    assert not [line for line in whole("endless-thinker")[1].made if line.endswith(" again")]
