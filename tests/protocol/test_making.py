"""Replies are stored one by one, as they come, whatever they hold."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.protocol.making import Tokens, make, making
from fixtures.questions.conversation import Conversation
from fixtures.store.database import Store, counts
from tests.support.spoken import SHY, STATES, Spoken, block


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite3")


def test_stops_wherever_replies_are_waited_for(store: Store) -> None:
    """Answers, first replies, second replies: others may go on with theirs meanwhile."""
    checkpoint = Spoken(first=lambda _: SHY)
    stops = [len(checkpoint.asked) for _ in making(block(checkpoint, store), Tokens())]
    assert stops == [0, 2, 6]
    assert not list(making(block(checkpoint, store), Tokens())), "what is there is not waited for"


def test_what_comes_together_is_stored_before_others_are_gone_on_with(store: Store) -> None:
    """An engine with several lanes says where no more has come yet: there all is in the store that has."""

    class Halting(Spoken):
        lanes = 2

        def generate(  # type: ignore[override]
            self, conversations: Sequence[Conversation], max_new_tokens: int, *, logprobs: bool = False
        ) -> Generator[tuple[int, Reply] | None]:
            for at, made in enumerate(super().generate(conversations, max_new_tokens)):
                yield made
                if at % 3 == 2:
                    yield None

    checkpoint = Halting()
    own = block(checkpoint, store, "direct_hint", problems=4)
    stops = [(len(checkpoint.asked), counts(store.path).total()) for _ in making(own, Tokens())]
    assert stops == [(0, 0), (3, 3), (4, 4), (7, 7), (10, 10)]
    assert own.find() == own.size == 4 + 4 * 2


def test_tokens_are_counted_with_those_of_second_replies(store: Store) -> None:
    def counted(reply: Reply, tokens: int | None) -> Reply:
        return Reply(reply.text, reply.finish, new_tokens=tokens)

    checkpoint = Spoken(lambda _: counted(SHY, 5), lambda _: counted(STATES, 7), counted(STATES, 11))
    tokens = Tokens()
    for _ in making(block(checkpoint, store), tokens):
        pass
    assert tokens.made == 2 * 11 + 4 * 5 + 4 * 7
    unknown = Tokens()
    for _ in making(block(Spoken(), store, "direct_hint", problems=3), unknown):
        pass
    assert unknown.made is None


def test_half_characters_are_no_fault_wherever_they_stand(store: Store) -> None:
    half = Reply("hard \ud800", "stop", thought="\udfff?")
    own = block(Spoken(lambda _: half, lambda _: half, half), store)
    make(own)
    assert {(a.text, a.thought) for a in own.answers} == {("hard \ufffd", "\ufffd?")}
    for trial in own.trials:
        assert trial.again is not None
        assert (trial.first.text, trial.first.thought) == ("hard \ufffd", "\ufffd?")
        assert trial.again == trial.first


def test_two_problems_that_are_the_same_are_asked_once(store: Store) -> None:
    first, second = Spoken(first=lambda _: SHY), Spoken(first=lambda _: SHY)
    make(block(first, store))
    make(block(second, store))
    assert (len(first.asked), len(second.asked)) == (10, 0)
