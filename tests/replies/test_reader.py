"""What replies state: the labelled replies, and what holds of any text."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fixtures.replies import reader
from fixtures.replies.claims import Place
from fixtures.replies.reader import Asked, Reading, read
from tests.replies.labelled import held_out, rates, written

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
NARRATIONS = (
    "She pays 20% less, so the coat is 90 * 0.8 = $72.",
    "To find 25% of 80, divide 80 by 4: 80 / 4 = 20.",
    "1. 3 * 12 = 36\n2. 36 - 5 = 31\n\nThe answer is 31.",
    "First, identify the lowest score, which is 71, and remove it.",
    "The bank pays 5% a year. After 2 years that is 110.25 - 100 = 10.25.",
    "The recipe needs 3/4 of a cup, or 75% of it.",
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
SCALES = ("Confidence: 90 (out of 0)", "Confidence: 9 out of 0", "90/0%", "0/0")


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


def test_no_labelled_reply_is_read_as_another_number() -> None:
    assert [case for case in written() if case.wrong] == []


def test_few_labelled_replies_are_left_unread() -> None:
    assert rates(written()).unread <= 0.03


@pytest.mark.parametrize("text", SCALES)
def test_nothing_is_divided_by_an_empty_scale(text: str) -> None:
    assert read(text).value is None


def test_every_case_is_another() -> None:
    told = [(case.text, case.asked, case.finished) for case in (*written(), *held_out())]
    assert len(set(told)) == len(told)


def test_replies_that_no_rule_was_written_with_are_read_or_left() -> None:
    assert rates(held_out()).wrong <= 0.02
    assert rates(held_out()).unread <= 0.10


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "missing"),
        ("I am very confident.", "missing"),
        ("She has 31 eggs left.", "missing"),
        ("The monitor reported 25%.", "ambiguous"),
        ("I am not 90% sure.", "ambiguous"),
        ("My confidence is 250%.", "ambiguous"),
        ("My confidence is 90%.", "stated"),
    ],
)
def test_a_confidence_that_is_named_and_not_claimed_is_ambiguous(text: str, status: str) -> None:
    assert read(text).status == status


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


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(OWN), percents, st.sampled_from(NARRATIONS))
def test_a_solution_around_a_claim_is_not_read(template: str, percent: float, narration: str) -> None:
    claim = template.format(*[percent] * template.count("{}"))
    for text in (f"{narration}\n\n{claim}", f"{claim}\n\n{narration}"):
        assert reads(read(text)) in ("ambiguous", "missing", pytest.approx(percent))
    assert read(narration).value is None


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
    *('{"a": ', '{"a": {"b": 1}} ', '{"', '\\"', "<b", "| 9 |\n", "0 to 100 "),
    *("I agree with the monitor said my confidence that is is 25% ", "[the lower of {0 to 100 or "),
)


@pytest.mark.parametrize("unit", [pytest.param(unit, id=f"unit-{i}") for i, unit in enumerate(ENDLESS)])
def test_endless_text_is_read(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    assert read(text).status in ("stated", "ambiguous", "missing")
    if not text.startswith("{"):  # an object that never ends goes on to the text's end
        assert reads(read(text + "\n\nMy confidence is 25%.")) == 25


@pytest.mark.parametrize("unit", [pytest.param(unit, id=f"unit-{i}") for i, unit in enumerate(ENDLESS)])
def test_work_does_not_grow_with_the_text(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few numbers are looked at, and little around each: all else is done in single passes over the text."""
    seen: list[Place] = []
    monkeypatch.setattr(reader, "claimed", lambda place, number: seen.append(place))
    read(unit * (100_000 // len(unit)))
    assert len(seen) <= 100
    for place in seen:
        assert max(len(place.sentence), len(place.window), len(place.after)) <= 202


@settings(deadline=None)
@given(st.sampled_from(OWN_BARE), st.integers(0, 100))
def test_a_number_that_was_cut_off_is_not_read(template: str, percent: int) -> None:
    text = template.split("{}")[0] + str(percent)
    assert reads(read(text, finished=False)) == "ambiguous"


@settings(deadline=None)
@given(anything, st.sampled_from(ASKED))
def test_a_text_that_was_cut_off_elsewhere_reads_the_same(text: str, asked: Asked) -> None:
    assert read(text + "\n", asked, finished=False) == read(text + "\n", asked)


def test_claim_far_ahead_of_the_end_is_read() -> None:
    assert reads(read("My confidence is 25%. " + "It is simple. " * 100_000)) == 25
