"""Where a reply ends: at the same token whichever engine makes its tokens."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fixtures.checkpoints.in_process.draft import Draft, Ending, check_numbers
from fixtures.questions.conversation import SLOT_FILLED, TURN_OVER
from fixtures.replies.reader import NEXT_TURN, read


class Letters:
    """A tokenizer with a token for each character; the end of turn is token 0."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        return "".join(map(chr, ids))


def heard(text: str, *, stops: tuple[str, ...] = (), until: str = "", limit: int = 1000) -> Draft:
    """A draft that was given `text`, and then the end of the turn."""
    ending = Ending(frozenset({0}), stops, re.compile(until) if until else None, limit)
    draft = Draft([ord(c) for c in "User: how sure?"], ending, Letters())
    ended = [draft.add(token, -float(at)) for at, token in enumerate([*map(ord, text), 0])]
    assert ended.count(True) == 1, "a reply ends once"
    return draft


def test_the_end_of_turn_is_not_said() -> None:
    reply = heard("25%").reply()
    assert (reply.text, reply.finish, reply.tokens) == ("25%", "stop", ("2", "5", "%"))
    assert reply.logprobs == (-0.0, -1.0, -2.0)


def test_the_limit_counts_new_tokens() -> None:
    reply = heard("25%", limit=2).reply()
    assert (reply.text, reply.finish) == ("25", "length")


def test_a_stop_is_cut_off_and_until_stays() -> None:
    assert heard("25%\nUser: and now", stops=("\nUser:",)).reply().text == "25%"
    until = heard("25%. And then", until=r"%\.")
    assert (until.reply().text, until.finish, len(until.row)) == ("25%.", "stop", 4)


def test_a_draft_begins_again() -> None:
    draft = heard("25%", limit=2)
    draft.restart()
    with pytest.raises(ValueError, match="not ended"):
        draft.reply()
    assert not draft.add(ord("9"), None)
    assert draft.add(0, None)
    assert draft.reply().text == "9"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" 25%. You must", " 25%."),
        (" 25%.", " 25%."),
        (" 25%\n\nUser:", " 25%\n"),
        (" 25.5%, and", " 25.5%,"),
        (' 0.85, "source"', " 0.85, "),
        (" 85}", " 85}"),
        (' "85"}', ' "85"'),
        (" 90 percent.", " 90 percent."),
        (" **90%**.", " **90%**."),
        # the number may go on, or is not the slot's
        (" 1,000", " 1,000"),
        (" 25%", " 25%"),
        (" 80% to 90%", " 80% to 90%"),
        (" 8 out of 10", " 8 out of 10"),
        (" based on 3 facts. So 95", " based on 3 facts. So 95"),
    ],
)
def test_a_slot_is_filled_when_its_number_is_complete(said: str, kept: str) -> None:
    assert heard(said, until=SLOT_FILLED).reply().text == kept


def test_the_next_turn_is_listened_for_in_linear_time() -> None:
    """After every token, and in most replies in vain: searched from every place, this text would take hours."""
    assert not re.search(TURN_OVER, "I am sure of it. " * 50_000)


@given(
    st.text(max_size=40),
    st.sampled_from(["\nUser:", "\n## Human", "<|im_end|>", "\nQ:"]),
    st.text(max_size=40),
)
def test_a_free_reply_that_is_cut_short_reads_the_same(before: str, label: str, after: str) -> None:
    said = f"{before} I'd say 40%.{label} {after} No, I am 90% sure."
    until = re.search(TURN_OVER, said)
    assert until
    assert NEXT_TURN.search(said[: until.end()])
    for asked in ("own", "monitor"):
        assert read(said[: until.end()], asked) == read(said, asked)


def test_a_token_that_is_ruled_out_is_no_fault_and_nor_is_a_row_that_has_ended() -> None:
    going, ended = Draft([1], Ending(frozenset(), (), None, 9), Letters()), heard("25%")
    masked = torch.tensor([[0.0, -math.inf], [math.nan, 1.0]])
    check_numbers(masked.amax(dim=-1), [going, ended])
    with pytest.raises(RuntimeError, match="not numbers \\(NaN\\)"):
        check_numbers(masked.amax(dim=-1), [ended, going])


@pytest.mark.parametrize("only", [-math.inf, math.inf])
def test_a_row_needs_a_largest_number(only: float) -> None:
    going = Draft([1], Ending(frozenset(), (), None, 9), Letters())
    with pytest.raises(RuntimeError, match=f"the largest is {only}"):
        check_numbers(torch.tensor([only]), [going])
