"""Jobs that are awaited many at a time, and callers who take what comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator

import pytest

from fixtures.checkpoints.served.desk import Desk

Log = list[str]
Work = Callable[[Log], Awaitable[str]]


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[Log]:
    yield log


log: Log = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    log.clear()


def says(text: str, until: threading.Event | None = None) -> Work:
    async def say(begun: Log) -> str:
        begun.append(text)
        while until and not until.is_set():
            await asyncio.sleep(0.001)
        return text

    return say


def fails(until: threading.Event) -> Work:
    async def fail(begun: Log) -> str:
        while not until.is_set():
            await asyncio.sleep(0.001)
        raise ValueError("no")

    return fail


def desk(at_once: int) -> Desk[Log, str]:
    return Desk(client, lambda: at_once)


def taken(results: Generator[str | None]) -> list[str]:
    return [one for one in results if one]


def test_a_place_is_refilled_though_nobody_takes_what_comes() -> None:
    """One job is held until the last of the others is done, and its caller comes later."""
    last = threading.Event()

    async def ends(begun: Log) -> str:
        last.set()
        return "last"

    results = desk(2).ask([(0, says("held", last)), (0, says("a")), (0, says("b")), (0, ends)])
    assert last.wait(60)
    assert sorted(taken(results)) == ["a", "b", "held", "last"]


def test_the_least_number_goes_first() -> None:
    """Also before what was asked earlier, and does not run yet."""
    own, free = desk(1), threading.Event()
    first = own.ask([(5, says("now", free)), (7, says("later"))])
    second = own.ask([(6, says("before"))])
    free.set()
    assert (taken(first)[-1], taken(second)) == ("later", ["before"])
    assert log == ["now", "before", "later"]


def test_none_comes_where_another_has_something_to_take() -> None:
    own, held = desk(8), threading.Event()
    first, second = own.ask([(0, says("first", held))]), own.ask([(0, says("second"))])
    assert next(first) is None, "nothing has come"
    assert next(first) is None, "something has come to the other"
    assert next(second) == "second"
    assert list(second) == []
    held.set()
    assert taken(first) == ["first"]


def test_what_has_come_is_given_before_an_error_and_nothing_is_begun_after_it() -> None:
    own, fail = desk(2), threading.Event()
    first = own.ask(
        [(0, says("came")), (1, fails(fail)), (2, says("held", threading.Event())), (3, says("never"))]
    )
    second = own.ask([(9, says("never"))])
    assert next(one for one in first if one) == "came"
    fail.set()
    for results in (first, second):
        with pytest.raises(ValueError, match="no"):
            taken(results)
    assert log == ["came", "held"]
    assert taken(own.ask([(0, says("again"))])) == ["again"], "who asks anew is heard"


def test_who_leaves_is_not_worked_for() -> None:
    """What runs is ended, what waits is dropped, and at last the thread; others go on."""
    before = {*threading.enumerate()}
    own, never = desk(1), threading.Event()
    first = own.ask([(0, says("runs", never)), (1, says("waits"))])
    second = own.ask([(2, says("other"))])
    first.close()
    assert taken(second) == ["other"]
    assert "waits" not in log
    assert not {*threading.enumerate()} - before


def test_nothing_is_nothing() -> None:
    assert list(desk(1).ask([])) == []
