"""A server is told what a tool says only where its chat template writes all of it, which is probed."""

from __future__ import annotations

import pytest

from fixtures.checkpoints.served import tools
from fixtures.checkpoints.tool_call import ID
from fixtures.questions.conversation import eliciting
from fixtures.questions.strategies import strategies
from tests.support.scripted import question
from tests.support.served import opened, replies, scripted
from tests.support.serving import Route, Server

pytestmark = pytest.mark.usefixtures("impatient")
TOLD = eliciting(question(1), "The answer is 7.", strategies()["tool_signal"], 0, 25, "free")
KINDS = {
    "taken": None,
    "refused": tools.REFUSES,
    "dropped": tools.DROPS,
    "calls": tools.DROPS,
    "uncounted": tools.UNSURE,
}


@pytest.mark.parametrize(("kind", "why"), KINDS.items())
def test_it_is_found_out_whether_a_server_knows_tools(server: Server, kind: str, why: str | None) -> None:
    assert opened(server.spec(kind, Route(tools=kind)), tools=True).no_tools == why


def test_it_is_not_probed_where_nobody_asks(server: Server) -> None:
    route = Route(tools="refused")
    opened(server.spec("unasked", route))
    assert not any("tool_calls" in message for body in route.bodies for message in body["messages"])


def test_a_base_checkpoint_has_none(server: Server) -> None:
    assert opened(server.spec("base", Route()), "base", tools=True).no_tools == tools.OF_BASE


def test_the_messages_are_those_of_openai_s_api(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("sent", route), tools=True)
    assert replies(checkpoint, [TOLD]) == scripted([TOLD])
    (body,) = route.asked
    *_, call, result, asking = body["messages"]
    assert asking == {"role": "user", "content": "How confident are you in that answer, in percent?"}
    assert call == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"type": "function", "id": ID, "function": {"name": "ask_monitor", "arguments": "{}"}}
        ],
    }
    assert result == {
        "role": "tool",
        "name": "ask_monitor",
        "tool_call_id": ID,
        "content": "External monitor: confidence in the answer above is 25%.",
    }
