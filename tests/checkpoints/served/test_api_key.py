"""A key that a server says again, in whatever form, is neither shown nor kept."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from fixtures.checkpoints.served.api_key import scrubbed, without_key
from fixtures.errors import InputError
from tests.support.served import conversations, opened, replies
from tests.support.serving import Handler, Route, Server

KEY = 'sk-Sec/ret+"0123'

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(autouse=True)
def _key(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_API_KEY", KEY)


FORMS = [
    KEY,
    quote(KEY, safe=""),
    quote(KEY),
    quote(KEY, safe="").lower().replace("sk-sec", "sk-Sec"),
    quote(quote(KEY, safe=""), safe=""),
    json.dumps(KEY)[1:-1],
    json.dumps(json.dumps(KEY))[3:-3],
    json.dumps(KEY)[1:-1].replace("/", r"\/"),
    KEY.replace("+", r"\u002B"),
    KEY[:-1],
    KEY[:12],
]


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    assert scrubbed(f"a {form}, b {form}") == "a [key], b [key]"


def test_a_short_key_stays_in_what_a_model_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDFUL_API_KEY", "1")
    assert (without_key("I am 11% sure"), scrubbed("bad key 1")) == ("I am 11% sure", "bad key [key]")


def test_replies(server: Server) -> None:
    """The key is split over events; its log-probabilities would hold it as well."""

    def telling(handler: Handler) -> None:
        handler.begin()
        for text in ("It is ", KEY[:5], KEY[5:], ", 85%"):
            logprobs = {"content": [{"token": text, "logprob": -1}]}
            handler.event({"choices": [{"delta": {"content": text}, "logprobs": logprobs}]})
        handler.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        handler.end()

    route = Route()
    checkpoint = opened(server.spec("tells-key", route))
    route.faults = (telling,)
    (reply,) = replies(checkpoint, conversations(1)[:1], logprobs=True)
    assert (reply.text, reply.tokens, reply.logprobs) == ("It is [key], 85%", (), ())


def test_models(server: Server) -> None:
    listed = [{"id": f"Bearer {KEY}"}, *({"id": f"{i}\x1b" + "x" * 500} for i in range(100))]
    with pytest.raises(InputError, match=r"it lists Bearer \[key\], 0.*, \.\.\.$") as error:
        opened(server.spec("lists-key", Route(listed=listed)).replace("#scripted", "#other"))
    assert len(str(error.value)) < 2000
    assert str(error.value).isprintable()


def test_metadata(server: Server) -> None:
    """It is part of a fingerprint, which another key does not change."""
    route = Route(listed=[{"id": "scripted", "asked_by": {KEY: [KEY]}}])
    spec = server.spec("known-by-key", route)
    plain = Route(listed=[{"id": "scripted", "asked_by": {"[key]": ["[key]"]}}])
    fingerprint = opened(spec).fingerprint
    server.routes["known-by-key"] = plain
    assert opened(spec).fingerprint == fingerprint


def test_errors(server: Server) -> None:
    route = Route()
    checkpoint = opened(server.spec("errs-key", route))
    route.faults = (lambda handler: handler.status(400, f"{quote(KEY, safe='')} {KEY} {KEY[:-1]}"),)
    with pytest.raises(InputError, match=re.escape("[key] [key] [key]")):
        list(checkpoint.generate(conversations(1)[:1], 64))


def test_a_refused_key_is_not_taken_for_a_model_that_is_not_there(server: Server) -> None:
    route = Route(key="sk-other", listed=[{"id": "scripted"}])
    with pytest.raises(InputError, match=r"refuses the key .*OPENAI_API_KEY$"):
        opened(server.spec("refused-key", route))
