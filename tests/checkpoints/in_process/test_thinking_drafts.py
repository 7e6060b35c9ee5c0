"""Drafts that think: where a thought begins and ends among tokens, what closes it, and what ends what never would."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.checkpoints.in_process.draft import Draft, Ending
from fixtures.checkpoints.in_process.thinking import Thinking
from fixtures.checkpoints.served.heard import Ending as ServedEnding
from fixtures.checkpoints.served.heard import Heard
from fixtures.checkpoints.served.stream_events import Piece
from fixtures.checkpoints.thought import HARMONY, KNOWN, Markers


class Letters:
    """A tokenizer with a token for each character; the end of turn is token 0."""

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool) -> str:
        return "".join(map(chr, ids))


def thinking(budget: int = 10_000) -> Thinking:
    closing = {markers: tuple(map(ord, markers.closing.rstrip())) for markers in KNOWN}
    return Thinking(KNOWN, budget, closing)


def drafted(
    tokens: Iterable[int], budget: int = 10_000, limit: int = 10_000, opened: Markers | None = None
) -> Draft:
    """A draft that was given tokens until it ended."""
    ending = Ending(frozenset({0}), (), None, limit, thinking(budget))
    draft = Draft([ord(c) for c in "User: how sure?"], ending, Letters(), opened)
    for token in tokens:
        if draft.add(token, -1.0):
            break
    return draft


@given(
    st.lists(
        st.one_of(
            st.sampled_from([text for marker in KNOWN for text in (marker.opens, marker.closes)]),
            st.text("<>/think \n3%", max_size=5),
        )
    )
)
def test_in_process_and_served_split_alike(parts: list[str]) -> None:
    text = "".join(parts)
    here = drafted([*map(ord, text), 0]).reply()
    there = Heard(ServedEnding(10_000, 10_000))
    for character in text:
        there.ends_with(Piece(character))
    there.ends_with(Piece(finish="stop"))
    assert replace(here, tokens=(), logprobs=()) == there.reply()


@pytest.mark.parametrize("marker", KNOWN, ids=lambda marker: marker.opens.strip())
def test_every_marker_may_be_many_tokens_and_is_closed_whole(marker: Markers) -> None:
    """Some have more characters than are looked back at."""
    thought = itertools.chain(
        map(ord, f"\n {marker.opens}"), itertools.repeat(ord("a"), 60 + len(marker.closing))
    )
    draft = drafted(itertools.chain(thought, map(ord, " 30%"), [0]), budget=60)
    reply = draft.reply()
    assert (reply.finish, reply.thought_cut) == ("stop", True)
    assert reply.text.lstrip("a") in (" 30%", "30%")
    assert set(reply.thought) == {"a"}
    assert reply.tokens[-4:] == (" ", "3", "0", "%")
    assert len(draft.row) <= draft.most


LOOPS = ["<think>a", "<think></think>", "</think>", "<think></think>\n", "\n", "<", "</think><think>"]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("opened", [None, KNOWN[0]])
def test_what_goes_on_for_ever_is_ended(loop: str, opened: Markers | None) -> None:
    draft = drafted(itertools.islice(itertools.cycle(map(ord, loop)), 10_000), 50, 20, opened)
    assert draft.finish in ("thought", "length")
    assert len(draft.row) <= draft.most
    assert draft.made == len(draft.row)
    assert "<think>" not in draft.reply().text


def test_room_for_what_may_still_come() -> None:
    """After every token: an engine that gives a draft so many columns is never short of one."""
    text = [*map(ord, "<think>"), *[ord("a")] * 300, *map(ord, "30% and so on, and so forth")]
    draft = drafted([], budget=100, limit=25)
    left, made = draft.left, 0
    while not draft.add(text[made], None):
        made += 1
        was_inside = draft.thought.inside is not None
        assert draft.left >= 1
        if was_inside and left < draft.left:
            left = draft.left + 1  # it has begun just now, and asks for more
        assert draft.left < left
        left = draft.left


def test_between_two_channels_nothing_ends() -> None:
    class Channels(Letters):
        def decode(self, ids: Iterable[int], *, skip_special_tokens: bool) -> str:
            return "".join("<|end|>" * (not skip_special_tokens) if i == 0 else chr(i) for i in ids)

    ending = Ending(frozenset({0}), (), None, 100, thinking())
    draft = Draft([ord("?")], ending, Channels())
    before, behind = f"{HARMONY.opens}It says 40.", f"<|start|>assistant{HARMONY.closes}30%"
    for token in (*map(ord, before), 0, *map(ord, behind)):
        assert not draft.add(token, None)
    assert draft.add(0, None)
    reply = draft.reply()
    assert (reply.text, reply.finish, reply.thought) == ("30%", "stop", "It says 40.")


def test_a_draft_that_begins_again_thinks_again() -> None:
    draft = drafted([*map(ord, "<think>one</think>30%"), 0])
    draft.restart()
    for token in [*map(ord, "<think>two</think>40%"), 0]:
        draft.add(token, None)
    assert (draft.reply().text, draft.reply().thought) == ("40%", "two")


def test_a_thought_that_begins_again_whenever_it_is_closed_is_ended() -> None:
    draft = drafted([], budget=50, limit=20)
    while draft.finish is None:
        assert len(draft.row) < draft.most
        said = len(draft.row) - draft.thought.end
        draft.add(ord("a" if draft.thought.inside else "<think>"[said]), None)
    reply = draft.reply()
    assert (reply.text, reply.finish) == ("", "thought")
    assert "a" * 40 in reply.thought
