"""What SGLang, TGI and vLLM say in words of their own: events as SGLang 0.5.23 sent them, and as the others' sources
write them."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.checkpoints.served import checkpoint as served
from fixtures.errors import InputError
from fixtures.questions.conversation import Role
from tests.support.served import conversations, opened, replies
from tests.support.serving import Fault, Handler, Route, Server

pytestmark = pytest.mark.usefixtures("impatient")


def saying(*choices: dict[str, Any]) -> Fault:
    def say(handler: Handler) -> None:
        handler.begin()
        for choice in choices:
            handler.event({"choices": [{"index": 0, **choice}]})
        handler.chunk(b"data: [DONE]\n\n")
        handler.end()

    return say


def reply(server: Server, role: Role, *choices: dict[str, Any]) -> Reply:
    """What is made of a stream of these."""
    route = Route()
    checkpoint = opened(server.spec(f"dialect-{len(server.routes)}", route), role)
    route.faults = (saying(*choices),)
    (made,) = replies(checkpoint, conversations(1)[:1], logprobs=True)
    return made


def test_the_token_that_ends_a_reply_is_no_part_of_it(server: Server) -> None:
    """TGI, /completions: no log-probabilities, and an end-of-turn token with its text."""
    made = reply(
        server,
        "base",
        {"text": " 7", "logprobs": None, "finish_reason": ""},
        {"text": "<|endoftext|>", "logprobs": None, "finish_reason": "eos_token"},
    )
    assert made == Reply(" 7", "stop")


def test_the_parts_of_a_character_are_where_it_is(server: Server) -> None:
    """SGLang, /completions: an owl in three tokens, and the number after it."""
    tokens = [(" \xf0\x9f", ""), ("\xa6", ""), ("\x89", " \U0001f989"), (" 4", " 4"), ("2", "2")]
    events = [
        {"text": text, "logprobs": {"tokens": [token], "token_logprobs": [-0.1 * at]}}
        for at, (token, text) in enumerate(tokens, 1)
    ]
    made = reply(server, "base", *events, {"text": "", "finish_reason": "stop"})
    assert made.text == " \U0001f989 42"
    assert made.logprobs == pytest.approx((-0.1, -0.2, -0.3, -0.4, -0.5))
    assert "".join(made.tokens) == made.text


def test_a_name_that_is_not_listed_is_noted(server: Server) -> None:
    """SGLang and TGI answer in any name: what is listed alone is what answers."""
    route = Route(listed=[{"id": "scripted"}])
    spec = server.spec("named", route)
    known = opened(spec)
    assert served.UNLISTED not in known.notes
    route.listed = [{"id": "served", "root": "model-a"}]
    unlisted = opened(spec)
    assert served.UNLISTED in unlisted.notes
    route.listed = [{"id": "served", "root": "model-b"}]
    other = opened(spec)
    assert len({known.fingerprint, unlisted.fingerprint, other.fingerprint}) == 3
    several = []
    for name in ("one", "two"):
        route.listed = [{"id": "served"}, {"id": name}]
        several.append(opened(spec).fingerprint)
    assert len({*several}) == 1, "which of them answers is not known"


def test_a_refusal_in_the_midst_of_a_stream_is_not_asked_again(server: Server) -> None:
    """TGI."""
    error = {
        "message": "Input validation error: `inputs` must have less than 9 tokens.",
        "http_status_code": 422,
    }

    def refusing(handler: Handler) -> None:
        handler.begin()
        handler.event({"error": error})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec(f"refusing-{len(server.routes)}", route), concurrency=1)
    route.faults = (refusing,)
    with pytest.raises(InputError, match=r"the server refuses a request .* 9 tokens"):
        list(checkpoint.generate(conversations(1), 64))
    assert len(route.asked) == 1
