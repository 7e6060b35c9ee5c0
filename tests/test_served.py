"""Served checkpoints against a server in a thread that does what servers do wrong: nothing is lost."""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.checkpoints import CheckpointSpec, EngineSettings, Reply, client, open_checkpoint, served
from fixtures.checkpoints.served import ServedCheckpoint
from fixtures.conversation import BASE_STOPS, Conversation, Role, eliciting, solving
from fixtures.errors import InputError
from fixtures.strategies import strategies
from tests.impatient import IMPATIENT
from tests.scripted import ScriptedCheckpoint, question
from tests.served import FAULTS, SLOW, Fault, Handler, Route, Server, error_500, serving

HINTS = (10.0, 25.0, 60.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", IMPATIENT)
    for name in client.KEYS:
        monkeypatch.delenv(name, raising=False)


def opened(spec: str, role: Role = "instruct", **settings: Any) -> ServedCheckpoint:
    option = "--base" if role == "base" else "--checkpoint"
    checkpoint = open_checkpoint(CheckpointSpec("tuned", role, spec, option), EngineSettings(**settings))
    assert isinstance(checkpoint, ServedCheckpoint)
    return checkpoint


def conversations(problems: int, readout: Any = "free") -> list[Conversation]:
    known = strategies()
    return [
        eliciting(question(i), "The answer is 7.", known[name], i % 3, hint, readout)
        for i in range(problems)
        for name in ("direct_hint", "natural_query")
        for hint in HINTS
    ]


def replies(checkpoint: Any, asked: list[Conversation], **more: Any) -> list[Reply]:
    """In order; each exactly once."""
    made = list(checkpoint.generate(asked, 64, **more))
    assert sorted(at for at, _ in made) == list(range(len(asked)))
    return [reply for _, reply in sorted(made, key=lambda pair: pair[0])]


def scripted(asked: list[Conversation], script: str = "obedient") -> list[Reply]:
    return replies(ScriptedCheckpoint(CheckpointSpec("tuned", "instruct", "", ""), script), asked)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_no_reply_came_of_is_asked_again(server: Server, fault: Fault) -> None:
    """Every request fails twice, those of the opening too."""
    route = Route(faults=(fault, fault))
    checkpoint = opened(server.spec(fault.__name__, route))
    asked = conversations(2)
    assert replies(checkpoint, asked) == scripted(asked)
    assert set(route.tries.values()) == {3}


@pytest.mark.parametrize("fault", SLOW, ids=lambda fault: fault.__name__)
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


def test_fifty_at_once(server: Server) -> None:
    """None is answered before all fifty are asked, and then all are."""
    barrier = threading.Barrier(50)
    route = Route(hold=lambda: barrier.wait(60))
    asked = conversations(9)[:50]
    checkpoint = opened(server.spec("fifty", route), concurrency=50)
    assert replies(checkpoint, asked) == scripted(asked)
    assert route.most_at_once == 50


def test_concurrency_is_bounded(server: Server) -> None:
    barrier = threading.Barrier(3)
    route = Route(hold=lambda: barrier.wait(60))
    asked = conversations(4)
    checkpoint = opened(server.spec("three", route), concurrency=3)
    assert replies(checkpoint, asked) == scripted(asked)
    assert route.most_at_once == 3


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
    """One request is refused while another has been answered: both are there when they are looked at."""
    route = Route()
    checkpoint = opened(server.spec("one-refused", route), concurrency=1)
    asked = conversations(1)
    made = checkpoint.generate(asked, 64)
    assert next(made) == (0, scripted(asked)[0])
    route.faults = (lambda handler: handler.status(400, "no"),)
    with pytest.raises(InputError):
        next(made)


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
    assert (first, own <= IMPATIENT.longest_pause, 0 < until <= 200) == (7, True, True)


def test_a_wait_of_hours_is_not_waited_for(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("hours", route))
    route.faults = (lambda handler: handler.status(429, Retry_After="9999"),)
    with pytest.raises(InputError, match=r"status 429 \(1 tries\)"):
        list(checkpoint.generate(conversations(1)[:1], 64))


@pytest.mark.parametrize("parts", [1, 1000])
def test_ten_megabytes_are_cut(server: Server, parts: int) -> None:
    def huge(handler: Handler) -> None:
        handler.begin()
        for _ in range(parts):
            handler.event({"choices": [{"delta": {"content": "so " * (3_500_000 // parts)}}]})
        handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec(f"huge-{parts}", route))
    route.faults = (huge,)
    asked = conversations(1)
    most = 64 * client.LONGEST_TOKEN
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


def test_limit(server: Server) -> None:
    """The token limit is the server's to keep, and what it says of it is believed."""

    def cut(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"delta": {"content": "I am"}, "finish_reason": "length"}]})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec("limit", route))
    route.faults = (cut,)
    ((_, reply),) = checkpoint.generate(conversations(1)[:1], 17)
    assert (reply.text, reply.finish, route.asked[0]["max_tokens"]) == ("I am", "length", 17)
    assert {body["temperature"] for body in route.bodies} == {0}


def test_base_goes_on_with_plain_text(server: Server) -> None:
    route = Route(listed=[{"id": "scripted"}])
    checkpoint = opened(server.spec("base", route), "base")
    asked = conversations(2, "slot")
    assert replies(checkpoint, asked) == scripted(asked)
    assert {body["prompt"] for body in route.asked} == {
        json.loads(checkpoint.render(c))["prompt"] for c in asked
    }

    def next_turn(handler: Handler) -> None:
        handler.begin()
        for text in (" 25%", "\n", "User", ": and", " now?"):
            handler.event(
                {"choices": [{"text": text, "logprobs": {"tokens": [text], "token_logprobs": [-1]}}]}
            )
        time.sleep(5)

    route.faults = (next_turn,)
    (reply,) = replies(checkpoint, [solving("What is 3 plus 1000?")], logprobs=True)
    assert (reply.text, reply.finish, reply.tokens, reply.logprobs) == (" 25%", "stop", (" 25%",), (-1.0,))
    assert BASE_STOPS[1] == "\nUser:"


@pytest.mark.parametrize("role", ["instruct", "base"])
def test_log_probabilities(server: Server, role: Role) -> None:
    asked = [solving(question(i)) for i in range(4)]
    own = ScriptedCheckpoint(CheckpointSpec("tuned", role, "", ""), "obedient")
    there = opened(server.spec(f"logprobs-{role}", Route()), role)
    assert replies(there, asked, logprobs=True) == replies(own, asked, logprobs=True)
    assert served.NO_LOGPROBS not in there.notes


@pytest.mark.parametrize(
    "route",
    [Route(logprobs=False), Route(known=(PENALTY := "repetition_penalty",)), Route(known=())],
    ids=["ignored", "refused", "all-refused"],
)
def test_no_log_probabilities(server: Server, route: Route) -> None:
    checkpoint = opened(server.spec(f"silent-{len(server.routes)}", route))
    asked = [solving(question(i)) for i in range(2)]
    assert [r.logprobs for r in replies(checkpoint, asked, logprobs=True)] == [(), ()]
    assert served.NO_LOGPROBS in checkpoint.notes
    assert not any("logprobs" in body for body in route.asked)
    assert {PENALTY in body for body in route.asked} == {PENALTY in route.known}


@pytest.mark.parametrize(
    "route",
    [Route(), Route(continues="always"), Route(known=(), continues="always")],
    ids=["by-fields", "unasked", "knows-no-fields"],
)
def test_slot_where_the_server_goes_on(server: Server, route: Route) -> None:
    checkpoint = opened(server.spec(f"slot-{len(server.routes)}", route), slot=True)
    assert served.SLOT in checkpoint.notes
    asked = conversations(2, "slot")
    assert replies(checkpoint, asked) == scripted(asked)
    assert all(body["messages"][-1]["role"] == "assistant" for body in route.asked)


@pytest.mark.parametrize("known", [(), ("continue_final_message", "add_generation_prompt")])
def test_slot_is_refused_where_the_server_does_not_go_on(server: Server, known: tuple[str, ...]) -> None:
    spec = server.spec(f"no-slot-{len(known)}", Route(continues="never", known=known))
    with pytest.raises(InputError, match=r"--readout slot: the server does not go on .* leave --readout out"):
        opened(spec, slot=True)
    assert served.SLOT not in opened(spec).notes


@pytest.mark.parametrize("system", ["taken", "refused", "dropped"])
def test_system_message(server: Server, system: str) -> None:
    route = Route(system=system)
    checkpoint = opened(server.spec(f"system-{system}", route))
    asked = [c for c in conversations(1) if c.messages[0].role == "system"]
    list(checkpoint.generate(asked, 64))
    roles = {body["messages"][0]["role"] for body in route.asked}
    assert (roles, served.NO_SYSTEM in checkpoint.notes) == (
        ({"system"}, False) if system == "taken" else ({"user"}, True)
    )
    assert all(
        asked[0].messages[0].content[:20] in json.dumps(body["messages"][0]) for body in route.asked[:1]
    )


def test_fingerprint_is_what_can_be_known(server: Server) -> None:
    def of(name: str, listed: list[dict[str, Any]] | None) -> str:
        return opened(server.spec(name, Route(listed=listed))).fingerprint

    plain = of("known", [{"id": "scripted", "max_model_len": 4096, "created": 1}])
    assert plain == of("known", [{"id": "other"}, {"id": "scripted", "max_model_len": 4096, "created": 2}])
    assert plain != of("known", [{"id": "scripted", "max_model_len": 8192, "created": 1}])
    assert plain != of("known", None)
    assert plain != of("elsewhere", [{"id": "scripted", "max_model_len": 4096, "created": 1}])
    assert served.UNVERIFIED in opened(server.spec("known", Route())).notes


def test_renderings_differ_where_requests_do(server: Server) -> None:
    checkpoint = opened(server.spec("rendering", Route()))
    asked = conversations(2) + conversations(2, "slot")
    assert len({checkpoint.render(c) for c in asked}) == len(asked)


def test_unknown_model_and_nobody_there(server: Server) -> None:
    spec = server.spec("other", Route(listed=[{"id": "scripted"}, {"id": "second"}]))
    with pytest.raises(InputError, match=r"refuses a request .*404.*it lists scripted, second"):
        opened(spec.replace("#scripted", "#thrid"))
    with serving() as gone:
        closed = gone.spec("gone", Route())
    with pytest.raises(InputError, match=r"--checkpoint .*/gone/v1#scripted: the server cannot be reached"):
        opened(closed)


@pytest.mark.parametrize(
    "listed",
    [[], [{}], [{"id": 7}], {"data": "none"}, "models"],
    ids=["none", "no-id", "number", "text", "word"],
)
def test_what_a_server_lists_may_be_anything(server: Server, listed: Any) -> None:
    assert opened(server.spec(f"lists-{len(server.routes)}", Route(listed=listed))).fingerprint


def test_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = server.spec("locked", Route(key="sk-right", known=()))
    with pytest.raises(InputError, match=r"refuses the key .*set HEEDFUL_API_KEY or OPENAI_API_KEY"):
        opened(spec)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(InputError, match="refuses the key") as error:
        opened(spec)
    assert "sk-" not in str(error.value)
    monkeypatch.setenv("HEEDFUL_API_KEY", " sk-right\n")
    asked = conversations(1)
    assert replies(opened(spec), asked) == scripted(asked)


def test_a_key_that_the_server_says_again_is_not_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEEDFUL_API_KEY", "sk-right")
    route = Route(key="sk-right")
    checkpoint = opened(server.spec("talkative", route), concurrency=1)
    route.known = ()
    with pytest.raises(InputError, match=r"unknown fields .*\[key\]") as error:
        list(checkpoint.generate(conversations(1), 64))
    assert "sk-right" not in str(error.value)


@pytest.mark.parametrize("key", ["sk ri", "sk\nright", "sk-ritä"])
def test_a_key_that_cannot_be_sent_is_not_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("HEEDFUL_API_KEY", key)
    with pytest.raises(InputError, match=r"^--checkpoint.* HEEDFUL_API_KEY: holds characters") as error:
        opened(server.spec("key", Route()))
    assert key not in str(error.value)


def test_opening_imports_no_torch(server: Server) -> None:
    code = (
        "import sys; from fixtures.checkpoints import *; "
        f"c = open_checkpoint(CheckpointSpec('tuned', 'instruct', {server.spec('light', Route())!r}, '--checkpoint'), "
        "EngineSettings()); print(c.fingerprint, [m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"[0-9a-f]{64} \[\]\n", done.stdout), done.stdout
