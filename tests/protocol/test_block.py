"""What is asked about a block of problems, and what comes of it: first replies, and second ones where they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.measuring.measured import transcript
from fixtures.protocol.making import make
from fixtures.protocol.trials import Said
from fixtures.questions.conversation import AGAIN, Conversation, Message
from fixtures.store.database import Store
from tests.support.spoken import HINTS, SHY, SOLVED, STATES, Spoken, block, is_again


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite3")


FIRST: dict[str, tuple[Reply, bool]] = {
    "stated": (STATES, False),
    "missing": (SHY, True),
    "empty": (Reply("", "stop"), True),
    "ambiguous": (Reply("30% or 80%", "stop"), True),
    "cut": (Reply("There is much to", "length"), True),
    "cut-behind-a-number": (Reply("I would say 30%, since", "length"), True),
    "thought-about": (Reply("It is hard to say.", "stop", thought="I say 90%."), True),
    "closed-thought": (Reply("It is hard to say.", "stop", thought="90%", thought_cut=True), True),
    "never-closed": (Reply("", "thought", thought="I say 90%."), False),
}


@pytest.mark.parametrize(("first", "again"), FIRST.values(), ids=FIRST)
def test_asked_again_only_where_it_must_be(store: Store, first: Reply, again: bool) -> None:
    checkpoint = Spoken(first=lambda _: first)
    own = block(checkpoint, store)
    make(own)
    assert [is_again(one) for one in checkpoint.asked].count(True) == (4 if again else 0)
    for trial in own.trials:
        assert trial.first == Said(first.text, first.finish, first.thought, first.thought_cut)
        assert trial.again == (Said(STATES.text, "stop") if again else None)
    assert own.find() == own.size == 2 + 4


def test_a_slot_is_not_asked_again(store: Store) -> None:
    checkpoint = Spoken(first=lambda _: Reply(" hard to say", "length"))
    own = block(checkpoint, store, readout="slot")
    make(own)
    assert not any(map(is_again, checkpoint.asked))
    assert all(trial.again is None and trial.first.text.endswith("hard to say") for trial in own.trials)


def test_the_same_conversation_goes_on(store: Store) -> None:
    checkpoint = Spoken(
        first=lambda _: Reply("\n Hard to say. ", "stop", thought="Hm."),
        solves=Reply("The answer is 5.", "stop", thought="2 and 3."),
    )
    make(block(checkpoint, store, problems=3))
    firsts = [one for one in checkpoint.asked if len(one.messages) > 1 and not is_again(one)]
    agains = [one for one in checkpoint.asked if is_again(one)]
    assert len(agains) == len(firsts) == 6
    for first, again in zip(firsts, agains, strict=True):
        assert again.messages[:-2] == first.messages
        assert again.messages[-2] == Message("assistant", "Hard to say.", "Hm.")
        assert (again.begun, again.until, again.sample) == (first.begun, first.until, first.sample)
        assert first.messages[-2] == Message("assistant", "The answer is 5.", "2 and 3.")
    assert [one.messages[-1].content for one in agains] == [AGAIN[i] for i in (0, 0, 1, 1, 2, 2)]


@pytest.mark.parametrize(
    ("first", "again", "value", "said", "unheard"),
    [
        (STATES, None, 30, "at once", False),
        (SHY, "80%", 80, "when asked again", False),
        (SHY, "I cannot.", None, "never", False),
        (Reply("I would say 30%, since", "length"), "80%", 80, "when asked again", False),
        (Reply("I would say 30%, since", "length"), "I cannot.", 30, "at once", False),
        (Reply("There is much to", "length"), "I cannot.", None, "never", False),
        (Reply("", "thought", thought="I say 90%."), None, None, "never", True),
    ],
    ids=["at-once", "again", "never", "cut-again", "cut-at-once", "cut-never", "thought"],
)
def test_what_is_stated(
    store: Store, first: Reply, again: str | None, value: float | None, said: str, unheard: bool
) -> None:
    own = block(Spoken(lambda _: first, lambda _: Reply(again or "", "stop")), store)
    make(own)
    for trial in own.trials:
        told = transcript(trial, "free")
        assert (told.value, told.said, told.unheard) == (value, said, unheard)


@pytest.mark.parametrize("last", [Reply("There is much", "length"), Reply("", "thought", thought="90%")])
def test_nobody_knows_what_a_limit_has_cut_off_twice(store: Store, last: Reply) -> None:
    own = block(Spoken(lambda _: SHY, lambda _: last), store)
    make(own)
    assert all(transcript(trial, "free").unheard for trial in own.trials)


@pytest.mark.parametrize(
    ("thought", "named"),
    [("The monitor says 60%.", True), ("It is 60.", True), ("160, 6, 60.5 or 0.60", False), ("", False)],
)
def test_whether_a_thought_names_the_monitors_number(store: Store, thought: str, named: bool) -> None:
    own = block(Spoken(lambda _: Reply("I say 90%.", "stop", thought=thought)), store)
    make(own)
    assert {t.names_hint for t in [transcript(trial, "free") for trial in own.trials] if t.hint == 60} == {
        named
    }
    assert not any(t.names_hint for t in [transcript(trial, "free") for trial in own.trials] if t.hint == 10)


@pytest.mark.parametrize("most", range(1, 11))
def test_a_crash_loses_nothing_and_asks_nothing_twice(store: Store, most: int) -> None:
    """Two answers, four first and four second replies: it breaks off before each of them."""
    broken = Spoken(first=lambda _: SHY, most=most)
    if most < 10:
        with pytest.raises(InterruptedError):
            make(block(broken, store))
    else:
        make(block(broken, store))
    after = Spoken(first=lambda _: SHY)
    own = block(after, store)
    make(own)
    assert len(broken.asked) == most
    assert not {*map(after.render, after.asked)} & {*map(broken.render, broken.asked)}
    assert len(broken.asked) + len(after.asked) == 10
    assert all(trial.again == Said(STATES.text, "stop") for trial in own.trials)


def test_a_trial_is_whole_with_its_second_reply(store: Store) -> None:
    with pytest.raises(InterruptedError):
        make(block(Spoken(first=lambda _: SHY, most=7), store))
    own = block(Spoken(), store)
    assert own.find() == 2 + 1
    assert (len(own.unanswered), len(own.unasked), len(own.unasked_again)) == (0, 0, 3)


def test_samples_are_trials_of_their_own(store: Store) -> None:
    def reply(conversation: Conversation) -> Reply:
        return Reply(f"I would say {20 + conversation.sample}%.", "stop") if conversation.sample else SHY

    checkpoint = Spoken(reply, again=lambda one: Reply(f"{70 + one.sample}%", "stop"))
    own = block(checkpoint, store, "natural_query", "no_signal", samples=3)
    make(own)
    assert own.size == 2 + 2 * 3 * (len(HINTS) + 1)
    assert len(own.trials) == own.size - 2
    stated = {(t.trial.sample, t.value) for t in [transcript(trial, "free") for trial in own.trials]}
    assert stated == {(0, 70), (1, 21), (2, 22)}
    assert len({one.key for one in own.asked}) == len(own.asked)


def test_more_samples_ask_only_for_more(store: Store) -> None:
    make(block(Spoken(), store))
    more = Spoken()
    make(block(more, store, samples=3))
    assert [one.sample for one in more.asked] == [1, 2] * 4


@pytest.mark.parametrize(
    ("answer", "correct"),
    [
        (SOLVED, True),
        (Reply("The answer is 6.", "stop"), False),
        (Reply("I do not know.", "stop"), False),
        (Reply("The answer is 5.", "length"), None),
        (Reply(" \n", "stop"), None),
        (Reply("", "thought", thought="It is 5."), None),
    ],
    ids=["right", "wrong", "none", "cut", "empty", "thought"],
)
def test_an_answer_that_is_none_is_not_wrong(store: Store, answer: Reply, correct: bool | None) -> None:
    own = block(Spoken(solves=answer), store)
    make(own)
    assert [given.correct for given in own.answers] == [correct, correct]
    assert own.answers[0].finish == answer.finish


def test_what_was_noted_is_found_without_a_checkpoint(store: Store) -> None:
    checkpoint = Spoken(first=lambda _: SHY)
    own = block(checkpoint, store)
    make(own)
    own.note()
    again = block(Spoken(), store, recorded=True)
    assert again.find() == again.size
    assert again.trials == own.trials
    assert again.answers == own.answers
