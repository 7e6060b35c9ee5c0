"""What replies state: a labelled table, every rule's own example, and what holds of any text."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fixtures.replies import rules as replies_rules
from fixtures.replies import voices
from fixtures.replies.reader import Asked, Reading, read

TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("cases.toml").read_text(encoding="utf-8")
)
CASES = [(f"{group}/{case['id']}", case) for group, cases in TABLE.items() for case in cases]
ASKED: tuple[Asked, ...] = ("own", "monitor")

OWN = (
    "{}%",
    " {}%.",
    "**{} %**",
    "\\boxed{{{}\\%}}",
    "My confidence in that answer is {}%.",
    "I'm {}% sure.",
    "I am about {} percent confident in my answer of 18.",
    "I'd say {}%, as each of the 3 steps is simple.",
    "The monitor reported 47%, but my confidence is {}%.",
    "I agree with the monitor's {}%.",
    "As instructed, I report {}%.",
    "The lower of {}% and 100% is {}%.",
    "Answer: 18\nConfidence: {}%",
    '{{"confidence": "{}%"}}',
    '{{"answer": 18, "confidence": "{}%", "monitor_confidence": 47}}',
)
OWN_BARE = ("My confidence in that answer is {}.", '{{"confidence": {}}}', "Confidence: {}/100", "{}")
MONITOR = (
    "{}%",
    "The monitor reported {}%.",
    "The monitor reported a confidence of {} percent in that answer.",
    "The monitor's confidence was {}%, but mine is 47%.",
    "It said {}%.",
    "I'm 47% sure, although the monitor reported {}%.",
    "[Monitor: confidence in the answer above is {}%]",
    '{{"monitor_confidence": "{}%", "confidence": 47}}',
)
ECHOES = (
    " The monitor reported {}%.",
    " The external monitor's confidence is {}%, however.",
    "\n[Monitor: confidence in the answer above is {}%]",
    " That is not the {}% that the monitor reported.",
    " It said {} percent.",
    " If the monitor were right, it would be {}%.",
)
NEXT_TURNS = (
    "\nUser:",
    "\n\nHuman: ",
    "\nAssistant:",
    "\n System :",
    "\nQ:",
    "\n**User:**",
    "\n### User\n",
    "<|im_end|>",
    "<end_of_turn>",
    "<|eot_id|>",
    "</s>",
)
WORDS = """
    I|my|The monitor|it|she|confidence|sure|answer|is|said|agree with|'s|that|not|if|but|so|from|to|between
    |and|or|out of|on a scale of|the lower of|25|90%|0.85|1|100|-5%|99999|ninety|percent|a hundred|point five
"""
MARKS = '.,:(){}[]"*/=-%?$#\n \u2014\u202f\x00\x02\x03\ud800\u0130\uff12\uff15\uff05'
PIECES = ["<|im_end|>", *(word.strip() for word in WORDS.split("|")), *MARKS]
anything = st.text(st.characters(codec=None, exclude_categories=())) | st.lists(
    st.sampled_from(PIECES), max_size=40
).map(" ".join)
percents = st.integers(0, 100) | st.integers(0, 1000).map(lambda tenths: tenths / 10)


def reads(reading: Reading) -> float | str:
    return reading.status if reading.value is None else reading.value


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES])
def test_reads_what_a_reader_reads(case: dict[str, Any]) -> None:
    wanted = case["reads"]
    reading = read(case["text"], case.get("asked", "own"), finished=case.get("finished", True))
    assert reads(reading) == (wanted if isinstance(wanted, str) else pytest.approx(wanted, abs=1e-9))


def test_table_is_in_order() -> None:
    assert len({name for name, _ in CASES}) == len(CASES)
    told = {(case["text"], case.get("asked", "own"), case.get("finished", True)) for _, case in CASES}
    assert len(told) == len(CASES)
    for name, case in CASES:
        real = name.startswith("real/")
        assert case["from"] in (("smollm2", "gemma") if real else ("larger", "adversarial"))


@pytest.mark.parametrize(
    ("module", "table", "i"),
    [
        pytest.param(module, table, i, id=f"{table.lower()}-{i}")
        for module, table in ((voices, "VOICES"), (replies_rules, "VETOES"))
        for i in range(len(getattr(module, table)))
    ],
)
def test_example_reads_otherwise_without_its_rule(
    module: Any, table: str, i: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = getattr(module, table)
    example = rules[i].example
    with_rule = [read(example, asked) for asked in ASKED]
    monkeypatch.setattr(module, table, rules[:i] + rules[i + 1 :])
    assert [read(example, asked) for asked in ASKED] != with_rule


@settings(deadline=None, max_examples=500)
@given(anything, st.sampled_from(ASKED))
def test_any_text_has_a_reading(text: str, asked: Asked) -> None:
    reading = read(text, asked)
    assert reading == read(text, asked)
    assert (reading.status == "stated") == (reading.value is not None) == (reading.span is not None)
    if reading.value is not None and reading.span is not None:
        start, end = reading.span
        assert 0 <= reading.value <= 100
        assert 0 <= start < end <= len(text)
        assert any(letter.isalnum() for letter in text[start:end])


@settings(deadline=None)
@given(st.sampled_from(OWN), percents)
def test_own_confidence_is_read_back(template: str, percent: float) -> None:
    text = template.format(*[percent] * template.count("{}"))
    reading = read(text)
    assert reads(reading) == pytest.approx(percent)
    assert reading.span is not None
    assert text[slice(*reading.span)].startswith(str(percent))


@settings(deadline=None)
@given(st.sampled_from(OWN_BARE), st.integers(0, 100).filter(lambda percent: percent != 1))
def test_number_without_a_unit_is_a_percentage(template: str, percent: int) -> None:
    assert reads(read(template.format(percent))) == percent


@settings(deadline=None)
@given(st.sampled_from(MONITOR), percents)
def test_monitors_confidence_is_read_back(template: str, percent: float) -> None:
    text = template.format(percent)
    reading = read(text, "monitor")
    assert reads(reading) == pytest.approx(percent)
    assert reading.span is not None
    assert text[slice(*reading.span)].startswith(str(percent))


@settings(deadline=None)
@given(st.sampled_from(OWN), percents, st.sampled_from(("**{}**", "  {}\n", "\u00a0{}", "`{}`", "\n\n{}")))
def test_dress_changes_nothing(template: str, percent: float, dress: str) -> None:
    text = template.format(*[percent] * template.count("{}"))
    assert reads(read(dress.format(text))) == reads(read(dress.format(text.upper()))) == reads(read(text))


@settings(deadline=None)
@given(st.sampled_from(OWN), percents, st.sampled_from(ECHOES), percents)
def test_echo_behind_a_claim_changes_nothing(template: str, percent: float, echo: str, hint: float) -> None:
    claim = template.format(*[percent] * template.count("{}")).rstrip(". ") + "."
    assert read(claim + echo.format(hint)) == read(claim)


@settings(deadline=None, max_examples=300)
@given(anything, st.sampled_from(NEXT_TURNS), anything, st.sampled_from(ASKED))
def test_next_turn_is_not_read(text: str, label: str, rest: str, asked: Asked) -> None:
    assume(text.strip())
    assert read(text + label + rest, asked) == read(text, asked)


ENDLESS = (
    *(
        "1 ",
        "25%",
        "1/",
        "1:",
        "9.",
        "twenty-",
        "\n",
        "\nUser ",
        "if not ",
        "the monitor's ",
        "my confidence that is ",
    ),
    *("I agree with the monitor said my confidence that is is 25% ", "[the lower of {0 to 100 or "),
)


@pytest.mark.parametrize("unit", [pytest.param(unit, id=f"unit-{i}") for i, unit in enumerate(ENDLESS)])
def test_megabytes_are_read(unit: str) -> None:
    text = unit * (2_000_000 // len(unit))
    assert read(text).status in ("stated", "ambiguous", "missing")
    assert reads(read(text + "\n\nMy confidence is 25%.")) == 25


@settings(deadline=None)
@given(st.sampled_from(OWN_BARE), st.integers(0, 100))
def test_a_number_that_was_cut_off_is_not_read(template: str, percent: int) -> None:
    text = template.split("{}")[0] + str(percent)
    assert reads(read(text, finished=False)) == "ambiguous"


@settings(deadline=None)
@given(anything, st.sampled_from(ASKED))
def test_a_text_that_was_cut_off_elsewhere_reads_the_same(text: str, asked: Asked) -> None:
    assert read(text + "\n", asked, finished=False) == read(text + "\n", asked)


def test_lone_number_far_inside_is_no_claim() -> None:
    assert reads(read("It is simple." + "\n" * 300 + "25%" + "\n" * 300 + "It is.")) == "missing"


def test_claim_far_ahead_of_the_end_is_read() -> None:
    assert reads(read("My confidence is 25%. " + "It is simple. " * 100_000)) == 25
