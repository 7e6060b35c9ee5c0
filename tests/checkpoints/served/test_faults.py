"""Served checkpoints against a server that does what servers do wrong: nothing is lost, or asked twice."""

from __future__ import annotations

import asyncio
import email.utils
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.checkpoints.served import checkpoint as served
from fixtures.checkpoints.served import patience
from fixtures.checkpoints.served.heard import LONGEST_TOKEN
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation
from tests.support.impatient import IMPATIENT
from tests.support.served import conversations, opened, replies, scripted
from tests.support.served_faults import (
    FAULTS,
    SLOW,
    aborted_json,
    busy_429,
    deep_json,
    dropped,
    error_500,
    error_503,
    garbage_json,
    half_an_error,
    silent,
    unfinished_json,
)
from tests.support.serving import Fault, Handler, Route, Server

LISTING: tuple[Fault, ...] = (error_503, busy_429, dropped, half_an_error, silent)
"""What a request for the list of models meets."""

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_no_reply_came_of_is_asked_again(server: Server, fault: Fault) -> None:
    """Every request fails twice, those of the opening too."""
    route = Route(faults=(fault, fault))
    checkpoint = opened(server.spec(fault.__name__, route))
    asked = conversations(2)
    assert replies(checkpoint, asked) == scripted(asked)
    assert set(route.tries.values()) == {3}


@pytest.mark.parametrize("fault", [*SLOW, unfinished_json, aborted_json], ids=lambda fault: fault.__name__)
def test_what_does_not_come_is_asked_again(server: Server, fault: Fault) -> None:
    route = Route()
    checkpoint = opened(server.spec(fault.__name__, route))
    asked, route.faults = conversations(1), (fault,)
    assert replies(checkpoint, asked) == scripted(asked)
    assert {route.tries[digest] for digest in route.given} == {2}


@pytest.mark.parametrize("fault", [*FAULTS, *SLOW], ids=lambda fault: fault.__name__)
def test_a_server_that_never_recovers_ends_the_run_in_one_line(server: Server, fault: Fault) -> None:
    route = Route()
    checkpoint = opened(spec := server.spec(f"{fault.__name__}-always", route))
    route.faults = (fault,) * IMPATIENT.tries
    with pytest.raises(InputError) as error:
        list(checkpoint.generate(conversations(1)[:1], 64))
    assert str(error.value).startswith(f"--checkpoint {spec}: the server cannot be reached, or does not")
    assert f"({IMPATIENT.tries} tries)" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(route.asked) == IMPATIENT.tries


def fingerprint(spec: str, route: Route, faults: Sequence[Fault] = ()) -> str:
    route.listing_faults = list(faults)
    return opened(spec).fingerprint


@pytest.mark.parametrize("fault", [*LISTING, error_500, garbage_json], ids=lambda fault: fault.__name__)
def test_a_fault_that_passes_changes_no_fingerprint(server: Server, fault: Fault) -> None:
    """Not where it spoils what the server says of its models."""
    route = Route(listed=[{"id": "scripted", "max_model_len": 4096}])
    spec = server.spec(f"passing-{fault.__name__}", route)
    assert fingerprint(spec, route, [fault, fault]) == fingerprint(spec, route)


def test_a_server_that_says_nothing_of_its_models(server: Server) -> None:
    """It has no such page, or fails at it for ever. It is asked three times then, each time that it is opened."""

    def missing(handler: Handler) -> None:
        handler.status(404)

    def elsewhere(handler: Handler) -> None:
        handler.status(302, Location="/login")

    route = Route(listed=[{"id": "scripted"}])
    spec = server.spec("silent-of-models", route)
    silent = {
        fingerprint(spec, route, faults)
        for faults in ([missing], [elsewhere], [error_500] * 3, [garbage_json] * 3, [deep_json] * 3)
    }
    assert len(silent) == 1
    assert fingerprint(spec, route) not in silent


def test_a_server_is_asked_of_its_models_when_it_is_there(server: Server) -> None:
    """What it cannot say before its first reply is waited for."""
    route = Route(listed=[{"id": "scripted"}])
    spec = server.spec("loading", route)

    def loading(handler: Handler) -> None:
        handler.json({"data": route.listed}) if route.bodies else handler.status(500)

    assert fingerprint(spec, route, [loading] * 3) == fingerprint(spec, route)


@pytest.mark.parametrize("fault", LISTING, ids=lambda fault: fault.__name__)
def test_what_stays_away_has_no_fingerprint(server: Server, fault: Fault) -> None:
    route = Route(listing_faults=[fault] * IMPATIENT.tries)
    with pytest.raises(InputError, match=rf"the server cannot be reached.*\({IMPATIENT.tries} tries\)"):
        opened(server.spec(f"away-{fault.__name__}", route))


def test_fifty_at_once(server: Server) -> None:
    """None is answered before all fifty are asked, and then all are."""
    barrier = threading.Barrier(50)
    route = Route(hold=lambda: barrier.wait(60))
    asked = conversations(9)[:50]
    checkpoint = opened(server.spec("fifty", route), concurrency=50)
    assert replies(checkpoint, asked) == scripted(asked)
    assert route.most_at_once == 50


@pytest.mark.parametrize(
    ("concurrency", "worker", "workers", "own"),
    [(3, 0, 1, 3), (8, 0, 3, 3), (8, 1, 3, 3), (8, 2, 3, 2), (8, 3, 3, 2)],
)
def test_concurrency_is_bounded(
    server: Server, concurrency: int, worker: int, workers: int, own: int
) -> None:
    """Workers share it, one that takes the place of another too."""
    barrier = threading.Barrier(own)
    route = Route(hold=lambda: barrier.wait(60))
    asked = conversations(2)
    checkpoint = opened(
        server.spec(f"{worker}-of-{workers}", route), concurrency=concurrency, workers=workers, worker=worker
    )
    assert replies(checkpoint, asked) == scripted(asked)
    assert route.most_at_once == own


@pytest.mark.parametrize("script", ["rambling", "hostile", "echo"])
def test_content_is_never_asked_again(server: Server, script: str) -> None:
    """Not even where nothing is stated, or all of it is strange."""
    route = Route(script=script)
    asked = conversations(2)
    made = replies(opened(server.spec(script, route)), asked)
    assert [reply.text for reply in made] == [reply.text for reply in scripted(asked, script)]
    assert set(route.tries.values()) == {1}


def test_an_empty_reply_is_a_reply(server: Server) -> None:
    def empty(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec("empty", route))
    route.faults = (empty,)
    assert replies(checkpoint, conversations(1)) == [Reply("", "stop")] * 6
    assert len(route.asked) == 6


@pytest.mark.parametrize("status", [400, 404, 408, 409, 422])
def test_a_refusal_is_not_asked_again(server: Server, status: int) -> None:
    route = Route()
    checkpoint = opened(server.spec(f"refusing-{status}", route), concurrency=1)
    route.faults = (lambda handler: handler.status(status, "the context is too long"),)
    with pytest.raises(InputError, match=f"{status}.*the context is too long"):
        list(checkpoint.generate(conversations(1), 64))
    assert len(route.asked) == 1


def test_what_has_come_is_given_before_an_error(server: Server) -> None:
    """The second request is refused, before anybody has taken the reply to the first."""
    route = Route()
    checkpoint = opened(server.spec("one-refused", route), concurrency=1)
    asked = conversations(1)

    def refusing(handler: Handler) -> None:
        handler.status(400, "no")

    route.fault = lambda digest, number: refusing if route.given else None  # type: ignore[method-assign]
    made = filter(None, checkpoint.generate(asked, 64))
    assert next(made) == (0, scripted(asked)[0])
    with pytest.raises(InputError):
        next(made)
    assert len(route.asked) == 2


def test_retry_after_is_honoured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    def busy(handler: Handler) -> None:
        handler.status(429, Retry_After="7")

    def down(handler: Handler) -> None:
        at = email.utils.formatdate(time.time() + 200, usegmt=True)
        handler.status(503, Retry_After=at)

    route = Route()
    checkpoint = opened(server.spec("retry-after", route))
    route.faults = (busy, error_500, down)
    monkeypatch.setattr(asyncio, "sleep", at_once)
    replies(checkpoint, conversations(1)[:1])
    first, own, until = [seconds for seconds in waited if seconds]
    most = patience.JITTER
    assert 7 <= first <= 7 * most, "never earlier, and not all at once"
    assert (own <= IMPATIENT.longest_pause, 0 < until <= 200 * most) == (True, True)


@pytest.mark.parametrize("said", ["Mon, 01 Jan 2001 00:00:00 +99999999999999", "soon", "9" * 400])
def test_a_retry_after_that_says_no_time_is_left_alone(server: Server, said: str) -> None:
    route = Route()
    checkpoint = opened(server.spec(f"no-time-{len(server.routes)}", route))
    route.faults = (lambda handler: handler.status(429, Retry_After=said),)
    assert replies(checkpoint, conversations(1)) == scripted(conversations(1))


def test_a_wait_of_hours_is_not_waited_for(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("hours", route))
    route.faults = (lambda handler: handler.status(429, Retry_After="9999"),)
    with pytest.raises(InputError, match=r"status 429 \(1 tries\)"):
        list(checkpoint.generate(conversations(1)[:1], 64))


def test_a_wait_is_judged_by_what_the_server_says_and_not_by_chance() -> None:
    limit = patience.PATIENCE.longest_wait
    assert {patience.retry_after({"retry-after": f"{limit:.0f}"}) for _ in range(20)} == {
        float(f"{limit:.0f}")
    }


@pytest.mark.parametrize("parts", [1, 1000])
def test_ten_megabytes_are_cut(server: Server, monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    def huge(handler: Handler) -> None:
        handler.begin()
        for _ in range(parts):
            handler.event({"choices": [{"delta": {"content": "so " * (3_500_000 // parts)}}]})
        handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        handler.end()

    monkeypatch.setattr(patience, "PATIENCE", replace(IMPATIENT, silence=60, whole=300))
    route = Route()
    checkpoint = opened(server.spec(f"huge-{parts}", route))
    route.faults = (huge,)
    asked = conversations(1)
    most = 64 * LONGEST_TOKEN
    assert {(len(r.text), r.finish) for r in replies(checkpoint, asked)} == {(most, "length")}
    assert set(route.tries.values()) == {1}
    assert served.OVERLONG in checkpoint.notes


def test_a_reply_that_has_said_all_is_left(server: Server) -> None:
    """This server never ends a reply; the words that come after the next turn has begun are not waited for."""
    route = Route()
    checkpoint = opened(server.spec("endless", route), concurrency=2)
    route.endless = True
    asked = [Conversation(c.messages, until=r"%\.") for c in conversations(1)]
    assert replies(checkpoint, asked) == scripted(conversations(1))


@pytest.mark.parametrize("concurrency", [3, None])
def test_busy_takes_no_try_away_while_others_are_answered(server: Server, concurrency: int | None) -> None:
    """One request is sent away as often as there are others; each time one of those may go on."""
    go_on = threading.Semaphore(0)
    asked = conversations(1)
    route = Route(hold=lambda: go_on.acquire(timeout=60))
    checkpoint = opened(server.spec(f"busy-{concurrency}", route), concurrency=concurrency)
    unlucky: list[str] = []

    def busy(handler: Handler) -> None:
        handler.status(429, Retry_After="0.3")

    def fault(digest: str, number: int) -> Fault | None:
        unlucky.append(digest)
        if digest != unlucky[0]:
            return None
        go_on.release()
        return busy if number < len(asked) - 1 else None

    route.fault = fault  # type: ignore[method-assign]
    assert replies(checkpoint, asked) == scripted(asked)
    asked_for = {digest: route.tries[digest] for digest in route.given}
    assert asked_for.pop(unlucky[0]) == len(asked) > IMPATIENT.tries
    assert set(asked_for.values()) == set(route.given.values()) == {1}


@pytest.mark.parametrize("concurrency", [16, None])
def test_a_server_that_takes_few_at_a_time(
    server: Server, monkeypatch: pytest.MonkeyPatch, concurrency: int | None
) -> None:
    """It sends away whatever is more than three at a time: all is answered, and nothing twice."""
    monkeypatch.setattr(patience, "PATIENCE", replace(IMPATIENT, silence=60, whole=60, tries=1000))

    def fault(digest: str, number: int) -> Fault | None:
        return busy_429 if route.at_once > 3 else None

    route = Route(hold=lambda: time.sleep(0.01))
    route.fault = fault  # type: ignore[method-assign]
    asked = conversations(10)
    checkpoint = opened(server.spec(f"few-{concurrency}", route), concurrency=concurrency)
    assert replies(checkpoint, asked) == scripted(asked)
    assert set(route.given.values()) == {1}
    assert len(route.given) == len(asked)
