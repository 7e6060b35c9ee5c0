"""What is found out about a server when it is opened, what it is sent, and what is never shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from fixtures.checkpoints.interface import CheckpointSpec
from fixtures.checkpoints.served import checkpoint as served
from fixtures.checkpoints.served.checkpoint import ServedCheckpoint
from fixtures.errors import InputError
from fixtures.questions.conversation import BASE_STOPS, Readout, Role, solving
from tests.support.scripted import ScriptedCheckpoint, question
from tests.support.served import conversations, opened, replies, scripted
from tests.support.serving import Handler, Route, Server, serving

pytestmark = pytest.mark.usefixtures("impatient")


def test_limit(server: Server) -> None:
    """The token limit is the server's to keep, and what it says of it is believed."""

    def cut(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"delta": {"content": "I am"}, "finish_reason": "length"}]})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec("limit", route))
    route.faults = (cut,)
    ((_, reply),) = filter(None, checkpoint.generate(conversations(1)[:1], 17))
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


def reasoning(handler: Handler) -> None:
    """Thinks, then says 4 and half a character; the first event of what is said has the end of the thought too."""
    handler.begin()
    events: list[tuple[dict[str, str | None], tuple[str, ...]]] = [
        ({"reasoning_content": "Two"}, ("Two",)),
        ({"reasoning": "Two", "content": ""}, ("Two",)),
        ({"reasoning": "!", "content": " 4"}, ("!", " 4")),
        ({"content": ""}, ("\ufffd",)),
        ({"content": "\u20ac", "reasoning_content": None}, ("",)),
    ]
    for delta, tokens in events:
        logprobs = {"content": [{"token": token, "logprob": -len(token)} for token in tokens]}
        handler.event({"choices": [{"delta": delta, "logprobs": logprobs}]})
    handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    handler.end()


def test_what_is_thought_has_no_part_in_confidence(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("thinking", route))
    route.faults = (reasoning,)
    (reply,) = replies(checkpoint, conversations(1)[:1], logprobs=True)
    assert (reply.text, reply.tokens, reply.logprobs) == (" 4\u20ac", (" 4", "\ufffd"), (-2, -1))


def test_log_probabilities_of_a_thought_show_that_there_are_some(server: Server) -> None:
    """The probe is over before such a model has said anything."""

    def thinking(handler: Handler) -> None:
        handler.begin()
        logprobs = {"content": [{"token": "Two", "logprob": -1}]}
        handler.event({"choices": [{"delta": {"reasoning": "Two"}, "logprobs": logprobs}]})
        handler.event({"choices": [{"delta": {}, "finish_reason": "length"}]})
        handler.end()

    assert served.NO_LOGPROBS not in opened(server.spec("thinker", Route(faults=(thinking,)))).notes


@pytest.mark.parametrize(
    "route",
    [
        Route(logprobs=False),
        Route(known=(PENALTY := "repetition_penalty",)),
        Route(known=(PENALTY,), unknown=403),
        Route(known=()),
    ],
    ids=["ignored", "refused", "forbidden", "all-refused"],
)
def test_no_log_probabilities(server: Server, route: Route) -> None:
    checkpoint = opened(server.spec(f"silent-{len(server.routes)}", route))
    asked = [solving(question(i)) for i in range(2)]
    assert [r.logprobs for r in replies(checkpoint, asked, logprobs=True)] == [(), ()]
    assert served.NO_LOGPROBS in checkpoint.notes
    assert not any("logprobs" in body for body in route.asked)
    assert {PENALTY in body for body in route.asked} == {PENALTY in route.known}
    assert (served.PENALISED in checkpoint.notes) == (PENALTY not in route.known)


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
    assert replies(checkpoint, asked) == scripted(asked)
    roles = {body["messages"][0]["role"] for body in route.asked}
    assert (roles, served.NO_SYSTEM in checkpoint.notes) == (
        ({"system"}, False) if system == "taken" else ({"user"}, True)
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


def test_the_same_model_behind_another_port(server: Server) -> None:
    """Where the server says which version it is and where the model's weights are; the report says so."""

    def at(there: Server, root: str | None, version: str | None) -> ServedCheckpoint:
        listed = [{"id": "scripted", "created": there.server_port, **({"root": root} if root else {})}]
        return opened(there.spec("moved", Route(listed=listed, version=version)))

    with serving() as other:
        known = at(server, "/models/a", "0.32.0")
        assert at(other, "/models/a", "0.32.0").fingerprint == known.fingerprint
        assert at(other, "/models/b", "0.32.0").fingerprint != known.fingerprint
        assert at(other, "/models/a", "0.33.0").fingerprint != known.fingerprint
        for root, version in ((None, "0.32.0"), ("/models/a", None)):
            unknown = at(server, root, version)
            assert at(other, root, version).fingerprint != unknown.fingerprint
            assert not any("another port" in note for note in unknown.notes)
    assert any("root '/models/a' and the server's version '0.32.0'" in note for note in known.notes)


@pytest.mark.parametrize("readout", ["free", "slot"])
@pytest.mark.parametrize(
    "route",
    [Route(continues="always"), Route(), Route(known=(), continues="always")],
    ids=lambda r: r.continues,
)
def test_a_rendering_is_all_that_is_sent(server: Server, route: Route, readout: Readout) -> None:
    """But for the limit and log-probabilities: a server that takes other fields gives other replies."""
    checkpoint = opened(
        server.spec(f"sent-{len(server.routes)}", route), slot=readout == "slot", concurrency=1
    )
    asked = conversations(1, readout)
    replies(checkpoint, asked, logprobs=True)
    apart = {"model", "max_tokens", "stream", "logprobs"}
    sent = [{key: body[key] for key in body.keys() - apart} for body in route.asked[-len(asked) :]]
    assert sent == [json.loads(checkpoint.render(c)) for c in asked]


def test_answers_with_and_without_log_probabilities_are_kept_apart(server: Server) -> None:
    route = Route(logprobs=False)
    spec = server.spec("by-and-by", route)
    without = opened(spec)
    route.logprobs = True
    there = opened(spec)
    assert there.fingerprint == without.fingerprint
    assert there.engine == f"{without.engine}, log-probabilities"


@pytest.mark.parametrize("status", [404, 408, 409, 425])
def test_only_a_field_that_is_not_known_is_left_out(server: Server, status: int) -> None:
    """Of a server that says something else in passing it is not found out what it can do."""
    route = Route(faults=(lambda handler: handler.status(status, "loading"),))
    spec = server.spec(f"passing-{status}", route)
    with pytest.raises(InputError, match=f"status {status}: .*loading"):
        opened(spec)
    assert len(route.bodies) == 1


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
    [[], [{}], [{"id": 7}], {"data": "none"}, "models", 5],
    ids=["none", "no-id", "number", "text", "word", "digit"],
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
        "import sys; from fixtures.checkpoints.interface import *; from fixtures.checkpoints.open import *; "
        f"c = open_checkpoint(CheckpointSpec('tuned', 'instruct', {server.spec('light', Route())!r}, '--checkpoint'), "
        "EngineSettings()); print(c.fingerprint, [m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"[0-9a-f]{64} \[\]\n", done.stdout), done.stdout


def test_a_proxy_is_that_of_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers at the URL itself."""
    server.routes[""] = (
        Route()
    )  # what a proxy is asked for is a whole URL: there the name of a route would be
    spec, asked = "http://127.0.0.2:9/v1#scripted", conversations(1)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    assert replies(opened(spec), asked) == scripted(asked)
    monkeypatch.setenv("no_proxy", "127.0.0.2")
    with pytest.raises(InputError, match="the server cannot be reached"):
        opened(spec)
