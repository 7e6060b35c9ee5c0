"""Events, in whatever pieces they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.checkpoints.served.event_stream import FailedEventError, events

EVENTS: list[Any] = [{"choices": [{"delta": {"content": "a\u20acb\n"}}]}, {"choices": []}, [], 7]


class Sent:
    """A response whose body comes in these parts."""

    def __init__(self, parts: list[bytes]) -> None:
        self.content, self._parts = self, parts

    async def iter_any(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def heard(*parts: bytes) -> list[object]:
    async def listen() -> list[object]:
        return [event async for event in events(cast(Any, Sent(list(parts))))]

    return asyncio.run(listen())


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 200)), end=st.sampled_from([b"\n", b"\r\n"]))
def test_pieces_do_not_matter(cuts: list[int], end: bytes) -> None:
    lines = [b"data: " + json.dumps(event, ensure_ascii=False).encode() for event in EVENTS]
    lines[1:1] = [b": a comment", b"event: message", b"id: 3"]
    body = (end * 2).join([*lines, b"data: [DONE]", b"data: never", b""])
    ends = [0, *sorted(cuts), len(body)]
    assert heard(*(body[a:b] for a, b in pairwise(ends))) == EVENTS


def test_what_is_not_ended_is_no_event() -> None:
    assert heard(b'data: {"a": 1}\n\ndata: {"b"') == [{"a": 1}]


@pytest.mark.parametrize(
    ("event", "said"),
    [({"error": {"message": "out of memory"}}, "out of memory"), ({"error": "busy"}, "busy")],
)
def test_an_error_is_raised(event: object, said: str) -> None:
    with pytest.raises(FailedEventError, match=said):
        heard(b"data: " + json.dumps(event).encode() + b"\n\n")


def test_no_error_is_none() -> None:
    assert heard(b'data: {"error": null, "choices": []}\n\n') == [{"error": None, "choices": []}]
