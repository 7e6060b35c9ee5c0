"""A reply is kept under all that decides its text: what differs in any of it is asked anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import greedy
from fixtures.protocol.keys import Keys
from fixtures.questions import conversation as wording
from fixtures.questions.conversation import Conversation, Message, asking_again
from fixtures.store.database import Store
from tests.support.spoken import Spoken

ASKED = Conversation(
    (Message("user", "What is 2 plus 3?"), Message("assistant", "5", "Hm."), Message("user", "Sure?"))
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite3")


def key(store: Store, conversation: Conversation = ASKED, tokens: int = 64, **checkpoint: Any) -> str:
    (found,) = Keys(Spoken(**checkpoint), store, recorded=False).of([conversation], tokens)
    return found


CHECKPOINTS: dict[str, dict[str, Any]] = {
    "weights": {"fingerprint": "other"},
    "engine": {"engine": "other"},
    "dtype": {"dtype": "bfloat16"},
    "role": {"role": "base"},
    "thinking-on": {"decoding": greedy("on")},
    "thinking-off": {"decoding": greedy("off")},
    "budget": {"decoding": greedy(max_thinking_tokens=100)},
    "sampling": {"decoding": greedy() | {"sampling": "checkpoint"}},
    "temperature": {"decoding": greedy() | {"sampling": "checkpoint", "temperature": 0.7}},
    "top-p": {"decoding": greedy() | {"sampling": "checkpoint", "top_p": 0.9}},
    "top-k": {"decoding": greedy() | {"sampling": "checkpoint", "top_k": 20}},
}


def test_all_of_a_checkpoint_is_in_the_key(store: Store) -> None:
    keys = [key(store), *(key(store, **changed) for changed in CHECKPOINTS.values())]
    assert len({*keys}) == len(keys)
    assert key(store, name="other", spec="elsewhere", notes=["moved"]) == key(store), (
        "and not what it is called"
    )


CHANGES: dict[str, Callable[[Conversation], Conversation]] = {
    "sample": lambda one: replace(one, sample=1),
    "until": lambda one: replace(one, until="%"),
    "begun": lambda one: replace(one, begun="I am"),
    "thought": lambda one: replace(
        one, messages=(one.messages[0], replace(one.messages[1], thought="Oh."), one.messages[2])
    ),
    "again": lambda one: asking_again(one, "Yes.", "", 0),
    "again-otherwise": lambda one: asking_again(one, "Yes.", "", 1),
    "again-after-another-thought": lambda one: asking_again(one, "Yes.", "Well.", 0),
}


@pytest.mark.parametrize("recorded", [False, True])
def test_all_of_a_question_is_in_the_key(store: Store, recorded: bool) -> None:
    asked = [ASKED, *(change(ASKED) for change in CHANGES.values())]
    keys = Keys(Spoken(), store, recorded)
    found = [*keys.of(asked, 64), *keys.of([ASKED], 65)]
    assert len({*found}) == len(found)


def test_the_words_of_the_second_question_are_in_the_key(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key(store, asking_again(ASKED, "Yes.", "", 0))
    monkeypatch.setattr(wording, "AGAIN", ("As a number, please.", *wording.AGAIN[1:]))
    assert key(store, asking_again(ASKED, "Yes.", "", 0)) != before
    assert key(store, ASKED) == key(store, ASKED)


def test_what_was_noted_is_known_without_a_template(store: Store) -> None:
    asked = [ASKED, *(change(ASKED) for change in CHANGES.values())]
    here = Keys(Spoken(), store, recorded=False)
    known = here.of(asked[:-1], 64)
    here.note(asked[:-1], 64, known)
    gone = Keys(Spoken(), store, recorded=True)
    *found, unknown = gone.of(asked, 64)
    assert found == known
    assert unknown not in known
    assert not {*gone.of(asked, 65)} & {*known}
