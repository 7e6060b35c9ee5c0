"""A reply that comes as one is the reply that a stream of its tokens would have been."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.checkpoints.interface import Reply
from fixtures.checkpoints.served.heard import Ending, Heard
from fixtures.checkpoints.served.stream_events import Piece, piece_of
from fixtures.questions.conversation import ANSWERED, SLOT_FILLED, TURN_OVER

UNTIL = [re.compile(pattern) for pattern in (ANSWERED, SLOT_FILLED, TURN_OVER)]
PARTS = [
    "The answer is",
    " the",
    " 7",
    "25",
    "%",
    ".",
    ",",
    " ",
    "\n",
    "\n\n",
    "\nUser:",
    "</s>",
    "\u20ac",
    " so",
]
TOKENS = st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("".join), max_size=12)


def streamed(tokens: list[str], until: re.Pattern[str]) -> Reply:
    heard = Heard(Ending(64, until=until))
    for token in tokens:
        if heard.ends_with(Piece(token, tokens=((token, -1.0),))):
            break
    else:
        heard.ends_with(Piece(finish="stop"))
    return heard.reply()


def whole(text: str, until: re.Pattern[str], tokens: list[str]) -> Reply:
    heard = Heard(Ending(64, until=until))
    heard.whole(Piece(text, tokens=tuple((token, -1.0) for token in tokens), finish="stop"))
    return heard.reply()


@settings(deadline=None)
@given(tokens=TOKENS, until=st.sampled_from(UNTIL))
def test_a_whole_reply_ends_where_a_stream_is_left(tokens: list[str], until: re.Pattern[str]) -> None:
    text = "".join(tokens)
    left = streamed(tokens, until)
    assert whole(text, until, tokens) == left
    # to the character where no tokens are told, each of which is a token then
    assert whole(text, until, []).text == streamed(list(text), until).text
    assert left.text.startswith(whole(text, until, []).text)


def test_what_is_behind_its_end_is_left_out() -> None:
    text = "The answer is 7.\nIs it? The answer is 8.\n"
    assert whole(text, UNTIL[0], []) == Reply("The answer is 7.\n", "stop")
    assert whole(text, re.compile("never"), []) == Reply(text, "stop")


@pytest.mark.parametrize("told", [True, False])
def test_the_parts_of_a_character_are_told_by_their_bytes(told: bool) -> None:
    """vLLM and OpenAI: a euro sign in two tokens, and the token that ends the turn."""
    parts = [b" ", b"\xe2\x82", b"\xac", b"5", b"<|im_end|>"]
    content = [
        {"token": part.decode(errors="replace"), "logprob": -at, **({"bytes": list(part)} if told else {})}
        for at, part in enumerate(parts)
    ]
    choice = {"message": {"content": " \u20ac5"}, "logprobs": {"content": content}, "finish_reason": "stop"}
    heard = Heard(Ending(64))
    heard.whole(piece_of({"choices": [choice]}))
    reply = heard.reply()
    assert reply.text == " \u20ac5"
    if told:
        assert (reply.tokens, reply.logprobs) == ((" ", "", "\u20ac", "5"), (0, -1, -2, -3))
