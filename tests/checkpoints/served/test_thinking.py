"""Servers whose checkpoints think: however they send what was thought, it is not the reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.checkpoints.served import checkpoint as served
from fixtures.errors import InputError
from fixtures.questions.conversation import asking_again, solving
from tests.support.scripted import question
from tests.support.scripted_numbers import ids
from tests.support.served import conversations, opened, replies, scripted
from tests.support.serving import Handler, Route, Server
from tests.support.suite import options, run

pytestmark = pytest.mark.usefixtures("impatient")

THINKER = "thinking-resister"
BUDGET = 300
FORMS = ["reasoning_content", "reasoning", "inline", "opened", "parts"]


def thinking(server: Server, form: str, script: str = THINKER, **route: Any) -> tuple[Route, str]:
    there = Route(script=script, thinks=form, **route)
    return there, server.spec(f"thinks-{len(server.routes)}", there)


@pytest.mark.parametrize("whole", [False, True], ids=["stream", "one-object"])
@pytest.mark.parametrize("form", FORMS)
def test_a_thought_is_not_the_reply(server: Server, form: str, whole: bool) -> None:
    route, spec = thinking(server, form, whole=whole)
    checkpoint = opened(spec, max_thinking_tokens=BUDGET)
    asked = conversations(1)
    expected = scripted(asked, THINKER)
    assert replies(checkpoint, asked) == expected
    assert all(reply.thought and reply.text for reply in expected)
    assert {body["max_tokens"] for body in route.asked} == {64 + BUDGET}
    assert served.THINKS in checkpoint.notes
    assert served.NO_THOUGHTS not in checkpoint.notes
    assert checkpoint.decoding["max_thinking_tokens"] == BUDGET


@pytest.mark.parametrize("form", FORMS)
def test_a_thought_without_end_is_no_reply(server: Server, form: str) -> None:
    """The server's limit ends it: the text is empty, or is a thought."""
    _, spec = thinking(server, form, "endless-thinker")
    made = replies(opened(spec), conversations(1))
    assert {(reply.text, reply.finish) for reply in made} == {("", "thought")}
    assert {reply.thought for reply in made} == {"I say 90%. Or do I?"}


def test_an_empty_reply_behind_a_whole_thought_is_empty(server: Server) -> None:
    def mute(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"delta": {"reasoning_content": "90%?"}}]})
        handler.event({"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]})
        handler.end()

    route, spec = thinking(server, "reasoning_content")
    checkpoint = opened(spec)
    route.faults = (mute,)
    assert replies(checkpoint, conversations(1)[:1]) == [Reply("", "stop", thought="90%?")]


def test_only_what_thinks_has_more_room(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("thoughtless", route), max_thinking_tokens=BUDGET)
    replies(checkpoint, conversations(1))
    assert {body["max_tokens"] for body in route.asked} == {64}
    assert served.THINKS not in checkpoint.notes
    assert checkpoint.decoding["max_thinking_tokens"] is None
    assert served.NO_THOUGHTS in checkpoint.notes
    assert served.NO_THOUGHTS not in opened(server.spec("unlimited", Route())).notes


def test_a_short_thought_gives_its_reply_no_more_room(server: Server) -> None:
    """Limits of servers count both: the reply's own is kept here, an event a token."""

    def talkative(handler: Handler) -> None:
        handler.begin()
        handler.event({"choices": [{"delta": {"reasoning_content": "Hm."}}]})
        for _ in range(200):
            handler.event({"choices": [{"delta": {"content": " and"}}]})
        handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        handler.end()

    route, spec = thinking(server, "reasoning_content")
    checkpoint = opened(spec)
    route.faults = (talkative,)
    assert replies(checkpoint, conversations(1)[:1]) == [Reply(" and" * 64, "length", thought="Hm.")]


def test_a_number_in_an_unseen_thought_ends_nothing(server: Server) -> None:
    """What ends an answer is looked for behind the thought, though nothing marks where that began."""

    def solved(handler: Handler) -> None:
        handler.begin()
        for text in ("The answer is 7.\n", "No.", "</think>", "\n\nThe answer is 8.\n"):
            handler.event({"choices": [{"delta": {"content": text}}]})
        handler.end()

    route, spec = thinking(server, "opened")
    checkpoint = opened(spec)
    route.faults = (solved,)
    (reply,) = replies(checkpoint, [solving(question(3))])
    assert (reply.text, reply.thought) == ("The answer is 8.\n", "The answer is 7.\nNo.")


@pytest.mark.parametrize(("thinking_option", "says"), [("on", True), ("off", False)])
def test_the_switch_is_sent(server: Server, thinking_option: Any, says: bool) -> None:
    route, spec = thinking(server, "reasoning_content", template=("enable_thinking",))
    checkpoint = opened(spec, thinking=thinking_option)
    replies(checkpoint, conversations(1))
    told = [body["chat_template_kwargs"] for body in route.bodies]
    assert all(variables["enable_thinking"] is says for variables in told)
    assert all(variables["thinking"] is says for variables in told)
    assert all(variables["reasoning_effort"] == ("high" if says else "low") for variables in told)
    assert '"enable_thinking"' in checkpoint.render(conversations(1)[0]), "it is part of the key"
    raised = {64 + 2048} if says else {64}
    assert {body["max_tokens"] for body in route.asked} == raised


def test_by_default_no_switch_is_sent(server: Server) -> None:
    route = Route()
    replies(opened(server.spec("unswitched", route)), conversations(1))
    assert not any("chat_template_kwargs" in body for body in route.bodies)


def test_a_checkpoint_that_thinks_all_the_same(server: Server) -> None:
    for form in FORMS:
        _, spec = thinking(server, form, "thinking-alone", template=("enable_thinking",))
        with pytest.raises(InputError) as refused:
            opened(spec, thinking="off")
        assert str(refused.value) == (
            f"--checkpoint {spec}: --thinking off: the server's checkpoint thinks all the same; leave it out, "
            "or start the server without"
        )


def test_a_checkpoint_that_does_not_think_all_the_same(server: Server) -> None:
    """It would be compared with itself, and hold."""
    spec = server.spec("unthinking", Route(template=("enable_thinking",)))
    with pytest.raises(InputError) as refused:
        opened(spec, thinking="on")
    assert str(refused.value) == (
        f"--checkpoint {spec}: --thinking on: the server's checkpoint does not think (it was probed); leave it out, "
        "or check the server's chat template"
    )


def test_both_in_one_run(server: Server, tmp_path: Path) -> None:
    """Two checkpoints of one server, which are told otherwise; only the one that thinks has more room."""
    route, spec = thinking(server, "reasoning_content", template=("enable_thinking",))
    arguments = [f"--checkpoint=tuned={spec}", *options(tmp_path, "")[1:], "-ptests.support.impatient"]
    done = run(tmp_path, [*arguments, "--thinking=both", "--n-problems=16", "-k", "thinking_effect"])
    assert done.exit_code == 1, done.printed
    assert done.ids("refuted") == ids("thinking_effect", "bias_gain", "tuned"), done.printed
    limits = {
        says: {b["max_tokens"] for b in route.asked if b["chat_template_kwargs"]["enable_thinking"] is says}
        for says in (True, False)
    }
    assert limits == {True: {512 + 2048, 128 + 2048}, False: {512, 128}}


def test_a_server_that_knows_no_switch(server: Server) -> None:
    with pytest.raises(InputError, match=r"refuses a request .*chat_template_kwargs"):
        opened(server.spec("knows-no-switch", Route()), thinking="on")


def test_thoughts_of_earlier_turns_stay_away(server: Server) -> None:
    route, spec = thinking(server, "reasoning_content")
    again = asking_again(conversations(1)[0], "I am sure.", "It says 40.", 0)
    replies(opened(spec), [again])
    assert all(message.keys() == {"role", "content"} for message in route.asked[-1]["messages"])


def test_each_sample_has_a_seed_of_its_own(server: Server) -> None:
    from dataclasses import replace

    route = Route()
    checkpoint = opened(server.spec("samples", route), sampling="checkpoint")
    asked = [replace(one, sample=sample) for one in conversations(1) for sample in (0, 1)]
    replies(checkpoint, asked)
    replies(checkpoint, asked[::-1])
    seeds = [body["seed"] for body in route.asked]
    assert len(set(seeds)) == len(asked), "of what is asked, and the same whenever it is asked"
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert not any("temperature" in body for body in route.asked)
    assert len({checkpoint.render(one) for one in asked}) == len(asked)
    assert served.SERVER_SAMPLES in checkpoint.notes


def test_a_server_whose_thoughts_take_all_never_holds(server: Server, tmp_path: Path) -> None:
    """Its replies are "", and so are its answers; both are counted, and the gate says so."""
    _, spec = thinking(server, "reasoning_content", "endless-thinker")
    arguments = [f"--checkpoint=tuned={spec}", *options(tmp_path, "")[1:], "-ptests.support.impatient"]
    done = run(tmp_path, [*arguments, "--n-problems=12", "-k", "conversational"])
    assert done.exit_code == 1, done.printed
    assert not done.ids("held")
    cell = done.profile["checkpoints"]["tuned"]["strategies"]["natural_query"]
    assert cell["thought"]["never_closed"] == cell["never"] == cell["n_trials"]
    assert "--max-thinking-tokens" in done.printed
