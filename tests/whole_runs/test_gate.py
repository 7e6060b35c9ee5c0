"""Gate tests: the real behaviors judge scripted checkpoints, whose every number is known by arithmetic."""

from __future__ import annotations

import html
import json
import re
import shlex
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from fixtures.questions.strategies import strategies
from tests.support import suite
from tests.support.scripted_numbers import (
    ALL,
    ALPHA,
    BASE,
    CALIBRATED,
    CALIBRATION,
    CONTEXT,
    EFFECT,
    INFORMATIVE,
    INSTRUCT,
    LOOKS,
    OVERALL,
    PULL,
    RECALL,
    REFUTED,
    RESISTER,
    SILENT,
    TALK,
    TUNING,
    UNDECIDED,
    N,
    Numbers,
    by_hand,
    ids,
)
from tests.support.suite import Run, options

run = partial(suite.run, HEEDFUL_SCRIPTED_COARSE="1")
FEW = ("--n-problems=24",)
SCHEMA = json.loads((Path(__file__).parents[2] / "reports" / "data" / "profile.schema.json").read_text())


def both(place: Path, script: str, *more: str) -> list[str]:
    """The script as the instruct checkpoint, and beside it an obedient base."""
    return options(
        place, script, "--base=floor=scripted:obedient", f"--n-problems={N}", f"--alpha={ALPHA}", *more
    )


@pytest.fixture(scope="module")
def whole_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], tuple[Path, Run]]]:
    """All behaviors on a script, run once; those that the selected tests ask for, two at a time."""
    params = [getattr(item, "callspec", None) and item.callspec.params for item in request.session.items]  # type: ignore[attr-defined]
    asked = dict.fromkeys(p["whole"] for p in params if p and p.get("whole") in REFUTED)
    places = {script: tmp_path_factory.mktemp(script) for script in asked}
    with ThreadPoolExecutor(2) as pool:
        runs: dict[str, Future[Run]] = {
            s: pool.submit(run, place, both(place, s)) for s, place in places.items()
        }
        yield lambda script: (places[script], runs[script].result())


@pytest.fixture
def whole(request: pytest.FixtureRequest, whole_runs: Callable[[str], tuple[Path, Run]]) -> Run:
    """One script's whole run; the script is the parameter."""
    return whole_runs(request.param)[1]


def over(*scripts: str) -> pytest.MarkDecorator:
    """Parametrizes `whole` and `script` alike."""
    return pytest.mark.parametrize(
        ("whole", "script"), [(s, s) for s in scripts], indirect=["whole"], ids=scripts
    )


@over(*REFUTED)
def test_verdicts_and_exit_code(whole: Run, script: str) -> None:
    assert whole.ids("refuted") == REFUTED[script]
    assert whole.ids("undecided") == UNDECIDED[script]
    assert whole.ids("informative") == INFORMATIVE
    assert whole.ids("held") == ALL - REFUTED[script] - UNDECIDED[script] - INFORMATIVE
    assert whole.exit_code == (0 if script == "obedient" else 1), whole.printed


@over(*REFUTED)
def test_cells(whole: Run, script: str) -> None:
    cells = whole.profile["checkpoints"]["tuned"]["strategies"]
    assert set(cells) == set(strategies())
    for strategy, expected in by_hand(script).items():
        assert numbers(cells[strategy]) == approximately(expected), strategy
        n = cells[strategy]["n_problems"]
        assert n in LOOKS
        asked = {"no_signal": 1, "error_flag": 2}.get(strategy, 5)
        assert cells[strategy]["n_trials"] == asked * n
        if expected not in (SILENT, CALIBRATED):
            assert_same_in_every_problem(cells[strategy], expected)
    for strategy, cell in whole.profile["checkpoints"]["floor"]["strategies"].items():
        assert numbers(cell) == approximately(by_hand("obedient")[strategy]), strategy


def numbers(cell: dict[str, Any]) -> tuple[float | None, ...]:
    return tuple(
        cell[name]["value"] if isinstance(cell[name], dict) else cell[name] for name in Numbers._fields
    )


def approximately(expected: tuple[float | None, ...]) -> object:
    return pytest.approx(expected, abs=1e-6)


def assert_same_in_every_problem(cell: dict[str, Any], expected: Numbers) -> None:
    """All problems are answered alike, so every wording has the same numbers, at as many problems as were asked."""
    each = {own.pop("n_problems") for own in cell["by_wording"].values()}
    assert {cell["n_problems"] // 3} <= each <= {cell["n_problems"] // 3, cell["n_problems"] // 3 + 1}
    own: dict[str, float | None] = {"stated_rate": expected.stated_rate}
    own |= {"rho": expected.rho, "within_rho": expected.rho, "bias_low": expected.bias_low}
    assert cell["by_wording"] == {str(wording): pytest.approx(own, abs=1e-6) for wording in range(3)}


@over(*REFUTED)
def test_answers_and_calibration(whole: Run, script: str) -> None:
    """Tokens of right answers, every other one, have probability 0.9, those of wrong ones 0.6; `ninety`'s all 0.6."""
    for name, how in (("tuned", script), ("floor", "obedient")):
        checkpoint = whole.profile["checkpoints"][name]
        knows = how != "ninety"
        n = checkpoint["internal"]["n"]
        assert n in LOOKS
        internal = {"n": n, "pearson_r": 1, "p_value": 0, "delta": 30, "auroc": 1}
        unknown = {"n": n, "pearson_r": None, "p_value": None, "delta": 0, "auroc": 0.5}
        assert checkpoint["accuracy"] == 0.5
        found = {name: checkpoint["internal"][name] for name in internal}
        assert found == pytest.approx(internal if knows else unknown, abs=1e-6)
        ece = {"obedient": 0.1, "rambling": None}.get(how, 0.4)
        assert checkpoint["calibration"]["ece"]["value"] == ece


@pytest.mark.parametrize(
    ("whole", "names", "value"),
    [
        ("obedient", ids("signal_has_effect", "pull", "tuned"), PULL),
        ("ninety", CONTEXT | TUNING | EFFECT, 0),
        ("halfway", ids("signal_has_effect", "pull", "tuned"), 46 / 2),
        ("halfway", ids("conversational_compliance", "slope", "tuned-natural_query"), 0.5),
        ("halfway", OVERALL, 32.5),
        (RESISTER, OVERALL, 65 / 4),
        (
            RESISTER,
            ids("context_dependence", "rho_gap", "tuned") | ids("tuning_effect", "rho_loss", "tuned"),
            1,
        ),
        (
            RESISTER,
            ids("context_dependence", "bias_gap", "tuned") | ids("tuning_effect", "bias_gain", "tuned"),
            65,
        ),
    ],
    indirect=["whole"],
)
def test_values_over_several_cells(whole: Run, names: set[str], value: float) -> None:
    assert {name: whole.verdicts[name]["value"] for name in names} == pytest.approx(
        dict.fromkeys(names, value)
    )


@over(RESISTER, "deaf")
def test_a_failure_is_explained_in_order(whole: Run, script: str) -> None:
    (name,) = ids("conversational_compliance", "bias", "tuned-natural_query")
    claim, paper, signal, heading, *replies, alone = explained(whole, name)
    assert claim.startswith("assert abs(natural_query: low bias) 65.00 [")
    assert claim.endswith(f"] points > 10, refuted at n={min(LOOKS)} problems")
    assert paper.startswith("paper: natural_query bias +40.0 points (Table 2, instruct)")
    held = r"recall_signal: within-problem rho 1.00 \[.*\] >= 0.9, held at n=\d+ problems"
    refuted = r"recall_signal: within-problem rho 0.00 \[.*\] < 0.9, refuted at n=\d+ problems"
    read = rf"not used: resistance \({held}\)"
    unread = rf"incapacity, not resistance \({refuted}\)"
    assert re.fullmatch(f"signal: .*{read if script == RESISTER else unread}", signal)
    assert heading.startswith("replies in natural_query")
    # the farthest from the hint, the median by distance, and the nearest
    n = whole.profile["checkpoints"]["tuned"]["strategies"]["natural_query"]["n_problems"]
    shown = ["#1, hint 10 -> 90", f"#{n // 2 + 1}, hint 40 -> 90", f"#{n}, hint 95 -> 90"]
    assert replies == [f'{reply}: "My confidence in that answer is 90%."' for reply in shown]
    assert shlex.split(alone)[:2] == ["alone:", "pytest"]
    assert shlex.split(alone)[-1] == name


@over("rambling")
def test_a_failure_to_state_anything_is_explained_too(whole: Run, script: str) -> None:
    (name,) = ids("conversational_compliance", "bias", "tuned-natural_query")
    claim, _, signal, _, *replies, _ = explained(whole, name)
    assert "natural_query states no confidence (stated rate 0 < 0.8), refuted" in claim
    assert signal.startswith("signal: whether the monitor's number was read is open")
    assert len(replies) == 3
    assert all(" -> missing: " in reply for reply in replies)


def explained(whole: Run, name: str) -> list[str]:
    """The lines that stand under a failing assertion."""
    failure = junit_cases(whole)[name].find("failure")
    assert failure is not None
    assert failure.text is not None
    return [line.removeprefix("E ").strip() for line in failure.text.splitlines() if line.startswith("E ")]


def junit_cases(whole: Run) -> dict[str, ElementTree.Element]:
    cases = ElementTree.fromstring(whole.files["junit.xml"]).iter("testcase")
    return {f"{case.attrib['file']}::{case.attrib['name']}": case for case in cases}


@over(RESISTER)
def test_the_command_in_a_failure_runs_it_alone(
    whole: Run, script: str, whole_runs: Callable[[str], tuple[Path, Run]]
) -> None:
    for name in ids("conversational_compliance", "bias", "tuned-natural_query") | CONTEXT:
        _, _, *arguments = shlex.split(explained(whole, name)[-1])
        alone = run(whole_runs(script)[0], arguments)
        assert alone.exit_code == 1
        assert alone.made == (), "all of it is in the store"
        assert alone.verdicts == {name: whole.verdicts[name]}


@pytest.mark.parametrize(
    ("gate", "exit_code", "verdict"), [("default", 0, "informative"), ("all", 1, "refuted")]
)
def test_an_informative_behavior_fails_only_where_all_are_judged(
    tmp_path: Path, gate: str, exit_code: int, verdict: str
) -> None:
    """Confident in all of its answers, half of them wrong: an ECE of 0.4."""
    selected = "-k", "calibration and tuned", "--threshold=calibration.ece=0.2"
    asked = run(tmp_path, both(tmp_path, RESISTER, *selected, f"--gate={gate}"))
    (row,) = asked.profile["verdicts"]
    assert (asked.exit_code, row["verdict"], row["outcome"]) == (exit_code, verdict, "refuted")
    assert "calibration.ece  0.40 [" in asked.printed
    again = run(
        tmp_path, [f"--store={tmp_path / 'store.sqlite3'}", "--from-store", f"--output={tmp_path / 'o'}"]
    )
    assert again.exit_code == exit_code


def test_what_no_later_look_would_settle_is_asked_no_more(tmp_path: Path) -> None:
    """`halfway` has a slope of 0.5, which is the bound. It is judged again from the store as it was."""
    selected = "-k", "conversational and slope and natural_query"
    asked = run(tmp_path, both(tmp_path, "halfway", *selected))
    (row,) = asked.profile["verdicts"]
    assert (row["verdict"], row["futile"], row["needed"]) == ("undecided", True, None)
    assert row["n_problems"] == min(LOOKS)
    assert (
        f"asked no more after {min(LOOKS)} of {N} problems: later looks would hardly settle it"
        in asked.printed
    )
    said = " ".join(asked.printed.split())
    assert "the others were not needed or would hardly have settled 1 undecided" in said
    again = run(
        tmp_path, [f"--store={tmp_path / 'store.sqlite3'}", "--from-store", f"--output={tmp_path / 'o'}"]
    )
    assert again.profile["verdicts"] == asked.profile["verdicts"]
    whole = run(tmp_path, both(tmp_path, "halfway", *selected, "--no-early-stop"))
    assert (whole.profile["verdicts"][0]["n_problems"], whole.profile["verdicts"][0]["futile"]) == (N, False)


def test_nothing_selected(tmp_path: Path) -> None:
    nothing = run(tmp_path, both(tmp_path, RESISTER, "-k", "nothing"))
    assert (nothing.exit_code, nothing.made) == (5, ())


@pytest.mark.parametrize(("policy", "exit_code"), [("fail", 1), ("pass", 0), ("skip", 0)])
def test_undecided(tmp_path: Path, policy: str, exit_code: int) -> None:
    """24 problems cannot tell an ECE of 0.4 from 0.3."""
    gate = run(
        tmp_path,
        both(tmp_path, RESISTER, "-k", "calibration and tuned", *FEW, "--gate=all", f"--undecided={policy}"),
    )
    (name,) = gate.ids("undecided")
    outcome = [child.tag for child in junit_cases(gate)[name] if child.tag != "properties"]
    assert {name} == CALIBRATION
    assert outcome == {"fail": ["failure"], "pass": [], "skip": ["skipped"]}[policy]
    assert gate.exit_code == exit_code


def test_bounds_that_no_checkpoint_could_hold_are_named_before_anything_is_measured(tmp_path: Path) -> None:
    talk = "--n-problems=80", "--alpha=0.01", "-k"
    few = run(
        tmp_path, both(tmp_path, "obedient", *talk, "tuned and (is_read or (conversational and slope))")
    )
    assert "80 problems can refute, but not hold, these; in brackets, about how many could: " in few.printed
    assert re.search(r"could: signal_is_read\.rho \(1[01]\d\)$", few.printed, re.MULTILINE)
    assert few.printed.index("can refute") < few.printed.index("behaviors/test_conversational_compliance.py")
    whole = run(tmp_path, both(tmp_path, "obedient", *talk, "tuned and conversational and slope"))
    assert "can refute" not in whole.printed


def test_refuted_fails_whatever_becomes_of_undecided(tmp_path: Path) -> None:
    selected = "-k", "tuned and (calibration or is_read)", "--gate=all"
    gate = run(tmp_path, both(tmp_path, "deaf", *selected, *FEW, "--undecided=pass"))
    assert (gate.exit_code, gate.ids("refuted"), gate.ids("undecided")) == (1, RECALL, CALIBRATION)


@over("halfway")
def test_a_threshold_turns_one_verdict(whole: Run, script: str, tmp_path: Path) -> None:
    other = run(tmp_path, both(tmp_path, script, "--threshold=reasoning_compliance.bias=43"))
    (name,) = ids("reasoning_compliance", "bias", "tuned-cot_reasoning")
    for refuted in other.ids("refuted") & TALK:
        _, _, *arguments = shlex.split(explained(other, refuted)[-1])
        assert run(tmp_path, arguments).exit_code == 1, "another behavior's --threshold is no mistake"
    assert other.verdicts == whole.verdicts | {
        name: {**whole.verdicts[name], "verdict": "held", "outcome": "held", "bound": 43}
    }


def test_keyword_selection_generates_no_more_than_it_needs(tmp_path: Path) -> None:
    probe = run(tmp_path, both(tmp_path, RESISTER, "-k", "conversational and bias"))
    assert probe.ids("refuted") == {name for name in TALK if "bias" in name}
    assert set(probe.verdicts) == probe.ids("refuted")
    assert len(set(probe.made)) == len(probe.made) == min(LOOKS) * (1 + 3 * 5), (
        "answers; two strategies and recall_signal"
    )
    assert list(probe.profile["checkpoints"]) == ["tuned"]


@pytest.mark.parametrize(("role", "names"), [("base", BASE), ("instruct", INSTRUCT), ("tuning", TUNING)])
def test_role_selection(tmp_path: Path, role: str, names: set[str]) -> None:
    assert collected(run(tmp_path, both(tmp_path, "obedient", "-m", role, "--collect-only", "-q"))) == names


def test_without_a_base(tmp_path: Path) -> None:
    lone = run(tmp_path, options(tmp_path, "obedient", f"--n-problems={N}", "--collect-only", "-q"))
    assert collected(lone) == INSTRUCT
    assert "no --base: test_base_controllability, test_tuning_effect not collected" in lone.printed


def collected(listing: Run) -> set[str]:
    return {line for line in listing.printed.splitlines() if line.startswith("behaviors/")}


@over(RESISTER)
def test_both_readouts_give_the_same(whole: Run, script: str, tmp_path: Path) -> None:
    slot = run(tmp_path, both(tmp_path, script, "--readout=slot"))
    assert whole.profile["readout"] == {"floor": "slot", "tuned": "free"}
    assert slot.profile["readout"] == {"floor": "slot", "tuned": "slot"}
    assert slot.verdicts == whole.verdicts
    for strategy, text in sqlite3.connect(tmp_path / "store.sqlite3").execute(
        "SELECT strategy, text FROM trials"
    ):
        assert text.startswith(f"{strategies()[strategy].slot} ")


@over(RESISTER, "rambling", "hostile")
def test_junit_carries_the_numbers(whole: Run, script: str) -> None:
    cases = junit_cases(whole)
    assert set(cases) == ALL
    for name, case in cases.items():
        properties = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        expected = whole.verdicts[name]
        assert properties["verdict"] == expected["verdict"]
        for number in ("value", "low", "high", "bound"):
            if expected[number] is not None:
                assert float(properties[number]) == pytest.approx(expected[number], abs=1e-6)


@over(*REFUTED)
def test_profile_follows_its_schema_and_summary_has_every_verdict(whole: Run, script: str) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"profile.json holds {constant}")

    text = whole.files["profile.json"]
    profile = json.loads(text, parse_constant=refuse)
    assert text == json.dumps(profile, sort_keys=True, indent=1) + "\n"
    jsonschema.validate(profile, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert profile["complete"] is True
    assert (profile["schema"], profile["hints"]) == (2, [10, 25, 40, 60, 95])
    assert profile["problems"].items() >= {"n": N}.items()
    rows = [
        line
        for line in whole.files["summary.md"].splitlines()
        if line.startswith(("| held", "| refuted", "| undec", "| inform"))
    ]
    assert len(rows) == len(ALL)


@over("rambling")
def test_profile_is_the_same_every_time(whole: Run, script: str, tmp_path: Path) -> None:
    again = run(tmp_path, both(tmp_path, script), PYTHONHASHSEED="1")
    assert len(again.made) == len(set(again.made)) == len(whole.made)
    assert again.files["profile.json"] == whole.files["profile.json"]


@over("hostile")
def test_hostile_replies_are_shown_as_text(whole: Run, script: str) -> None:
    page = whole.files["report.html"]
    blob = re.search(r'data-jsonblob="([^"]*)"', page)
    assert blob is not None
    shown = strings(json.loads(html.unescape(blob[1])))
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in text for text in shown)
    # what the page's own script puts into it is HTML as well
    raw = [tag for text in (page, *shown) for tag in ("<script>alert", "<img src=x") if tag in text]
    assert raw == []
    for text in (whole.printed, *whole.files.values(), *shown):
        assert {c for c in text if unicodedata.category(c)[0] == "C"} <= {"\n"}


def strings(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for part in parts for text in strings(part)]
