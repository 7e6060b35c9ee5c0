"""A strategies.toml that is wrong gets one clear line; references lead to the wordings, however far they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.errors import InputError
from fixtures.questions.strategies import Strategy, load

GOOD = """
[first]
title = "the first"
placement = "system"
slot = "My confidence is"
signal = ["The monitor says $hint%.", "Monitor: $hint", "It says $hint."]
ask = ["How sure?", "How sure are you, for $$1?", "Sure?"]

[second]
title = "the second"
placement = "note"
slot = "My confidence is"
signal = "first"
ask = "first"
own_confidence = 90

[worded]
title = "in words"
placement = "system"
slot = "My confidence is"
words = { "no" = 10, "yes" = 95.5 }
decoy = true
signal = "first"
ask = "first"

[third]
title = "the third"
placement = "none"
slot = "My confidence is"
ask = "second"
"""


def _load(place: Path, text: str) -> dict[str, Strategy]:
    file = place / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_a_reference_may_refer_onward(tmp_path: Path) -> None:
    first, second, _, third = _load(tmp_path, GOOD).values()
    assert first.asks == second.asks == third.asks == ("How sure?", "How sure are you, for $$1?", "Sure?")
    assert first.signals == second.signals
    assert third.ask(1, None) == "How sure are you, for $1?"


def test_words_stand_for_their_own_percentages(tmp_path: Path) -> None:
    strategies = _load(tmp_path, GOOD)
    worded, first = strategies["worded"], strategies["first"]
    assert worded.hints((10, 25, 40)) == (10, 95.5)
    assert [worded.signal(1, hint) for hint in worded.hints(())] == ["Monitor: no", "Monitor: yes"]
    assert first.hints((10, 25, 40)) == (10, 25, 40)
    assert first.signal(1, 25) == "Monitor: 25"


def test_there_is_nothing_to_follow_in_a_decoy_and_without_a_signal(tmp_path: Path) -> None:
    first, second, worded, third = _load(tmp_path, GOOD).values()
    assert [first.target(95), second.target(95), worded.target(95), third.target(95)] == [95, 90, None, None]
    assert first.target(None) is None


NO_WORDS = "worded: words is no table of two words or more, each with a percentage of its own"
WRONG = {
    "placement": ('"system"', '"sytem"', "first: placement is 'sytem'; give one of system, note, tool, none"),
    "no-placement": (
        'placement = "system"',
        "",
        "first: placement is missing; give one of system, note, tool, none",
    ),
    "no-title": ('title = "the first"', "", "first: title is missing or no text"),
    "no-slot": ('"none"\nslot = "My confidence is"', '"none"', "third: slot is missing or no text"),
    "no-ask": ('ask = "second"', "", "third: ask is missing or no list"),
    "number-as-ask": ('"How sure?"', "7", "first: ask 1 is no text"),
    "nobody-s-ask": ('ask = "second"', 'ask = "fourth"', "third: ask names 'fourth', which is no strategy"),
    "own-ask": ('ask = "second"', 'ask = "third"', "third: ask names 'third', which refers back to it"),
    "no-signal": ('signal = "first"', "", "second: signal has 0 wordings and ask 3; give as many"),
    "fewer-signals": (', "It says $hint."]', "]", "first: signal has 2 wordings and ask 3; give as many"),
    "too-few": (', "Sure?"]', "]", "first: ask has 2 wordings; give 3 at least"),
    "no-hint": ("Monitor: $hint", "Monitor: 25", "first: signal 2 lacks $hint"),
    "dollar": ("$$1", "$1", "first: ask 2 has a $ that is not $hint; write $$ for a dollar sign"),
    "other-name": ("$$1", "$hnit", "first: ask 2 has a $ that is not $hint"),
    "hint-without-signal": (
        'ask = "second"',
        'ask = ["Is it $hint%?", "Is it?", "Sure?"]',
        "third: ask has a $hint, and there is no",
    ),
    "signal-without-place": (
        'ask = "second"',
        'ask = "second"\nsignal = "first"',
        "third: signal has no place",
    ),
    "asked": ("own_confidence = 90", 'asked = "mine"', "second: asked is 'mine'; give one of own, monitor"),
    "tool-without-name": (
        'placement = "system"',
        'placement = "tool"',
        "first: tool is '', which names none; write one like ask_monitor",
    ),
    "tool-with-a-space": (
        'placement = "system"',
        'placement = "tool"\ntool = "ask monitor"',
        "first: tool is 'ask monitor', which names none",
    ),
    "tool-without-place": (
        'placement = "system"',
        'placement = "system"\ntool = "ask_monitor"',
        "first: tool has no place; take it out, or give the placement tool",
    ),
    "own-confidence": ("= 90", "= 900", "second: own_confidence is 900; give a percentage"),
    "one-word": ('{ "no" = 10, "yes" = 95.5 }', '{ "no" = 10 }', NO_WORDS),
    "same-words": ("95.5", "10", NO_WORDS),
    "word-without-number": ("95.5", '"ninety-five"', NO_WORDS),
    "word-beyond": ("95.5", "195", NO_WORDS),
    "words-as-a-list": ('{ "no" = 10, "yes" = 95.5 }', '["no", "yes"]', NO_WORDS),
    "decoy": ("decoy = true", 'decoy = "yes"', "worded: decoy is 'yes'; give one of true, false"),
    "unknown-field": ("own_confidence", "own_confidnece", "second: own_confidnece is no field of a strategy"),
    "no-table": ("\n[first]", "first = 1\n[zeroth]", "first: is no strategy; write it as a table"),
    "no-toml": ("[first]", "[first", "is no TOML"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(InputError) as refusal:
        _load(tmp_path, GOOD.replace(old, new, 1))
    assert str(refusal.value).startswith(f"mine.toml: {words}")


def test_strategies_that_refer_to_one_another_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.toml: third: ask names 'second', which refers back to it"):
        _load(tmp_path, GOOD.replace('signal = "first"\nask = "first"', 'signal = "first"\nask = "third"'))
