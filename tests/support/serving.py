"""An OpenAI-compatible server in a thread, on real sockets: a route is a model that a script speaks for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fixtures.checkpoints.interface import CheckpointSpec, Reply, Thinking
from fixtures.questions.conversation import BASE_LABELS, SOLVE, Conversation, Message
from tests.support.scripted import ScriptedCheckpoint, spoken

MODEL = "scripted"
TURN = re.compile(rf"(?:\A|\n\n)({'|'.join(BASE_LABELS.values())}): ?")
NUMBER = re.compile(r"Repeat this number: (\d+)")
PENALTY = "repetition_penalty"
CONTINUE = "continue_final_message"

Fault = Callable[["Handler"], None]


@dataclass
class Route:
    """What stands behind /NAME/v1. `faults` spoil the first tries of every request, one a try; where they are
    `mixed`, one of them spoils the first.

    `known` are the fields that are taken beside the usual (status `unknown` of others), `listed` what /models says
    (None: status 500) when there are no `listing_faults` any more, `version` what /version does.

    `continues`: a final assistant message is gone on with, "asked" only where a field asks for it. `system` is "taken",
    "refused" or "dropped". So are `tools`; or their "calls" are dropped alone; or they are "uncounted", as all tokens
    of a prompt are. `endless`: nothing ends a reply. `hold` is waited at before a reply; `alive` counts the replies
    that are given before the server is gone for good, None for all.

    `thinks` is how the script's thoughts are sent: under the name of a field, "inline" in the content between <think>
    and </think>, "opened" without the first of them, or as "parts" of the content. `template` are the variables of its
    chat template that it takes, and that turn thoughts off in a script that may do without. `whole`: a reply comes as
    one JSON object.
    """

    script: str = "obedient"
    model: str = MODEL
    faults: tuple[Fault, ...] = ()
    mixed: bool = False
    known: tuple[str, ...] = (PENALTY, CONTINUE, "add_generation_prompt", "logprobs")
    unknown: int = 422
    logprobs: bool = True
    listed: list[dict[str, Any]] | None = None
    version: str | None = None
    listing_faults: list[Fault] = field(default_factory=list)
    continues: str = "asked"
    system: str = "taken"
    tools: str = "taken"
    key: str | None = None
    endless: bool = False
    thinks: str = "reasoning_content"
    template: tuple[str, ...] = ()
    whole: bool = False
    hold: Callable[[], object] = lambda: None
    alive: int | None = None
    tries: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    given: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0

    def fault(self, digest: str, number: int) -> Fault | None:
        """What the try `number` of a request meets."""
        if self.mixed:
            return self.faults[int(digest[:8], 16) % len(self.faults)] if number == 0 else None
        return self.faults[number] if number < len(self.faults) else None

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The requests that were no probes."""
        return [body for body in self.bodies if not _probe(json.dumps(body))]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", port), handler or Handler)
        self.routes: dict[str, Route] = {}
        self.lock = threading.Lock()

    def spec(self, name: str, route: Route) -> str:
        """The SPEC of a new route."""
        self.routes[name] = route
        return f"http://127.0.0.1:{self.server_port}/{name}/v1#{MODEL}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients leave, and faults are intended."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        route = self._route()
        if self.path.endswith("/version"):
            self.json({"version": route.version}) if route.version else self.status(404)
        elif route.listing_faults:
            route.listing_faults.pop(0)(self)
        elif route.listed is None:
            self.status(500)
        else:
            self.json({"object": "list", "data": route.listed})

    def do_POST(self) -> None:
        route = self._route()
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw)
        digest = hashlib.sha256(raw).hexdigest()
        with self.server.lock:
            route.bodies.append(body)
            number = route.tries[digest]
            route.tries[digest] += 1
            route.at_once += 1
            route.most_at_once = max(route.most_at_once, route.at_once)
        try:
            if fault := route.fault(digest, number):
                fault(self)
            else:
                self._answer(route, body, digest)
        finally:
            with self.server.lock:
                route.at_once -= 1

    def _answer(self, route: Route, body: dict[str, Any], digest: str) -> None:
        if route.key and self.headers["authorization"] != f"Bearer {route.key}":
            return self.status(401, f"Incorrect API key: {self.headers['authorization']}")
        usual = {
            "model",
            "messages",
            "prompt",
            "max_tokens",
            "temperature",
            "seed",
            "frequency_penalty",
            "stream",
        }
        usual |= {"chat_template_kwargs"} if route.template else set()
        if unknown := body.keys() - usual - {*route.known}:
            said = f"unknown fields {sorted(unknown)} from {self.headers['authorization']}"
            return self.status(route.unknown, said)
        if body["model"] != route.model:
            return self.status(404, "no such model")
        messages = list(map(_message, body.get("messages", ())))
        if route.tools == "refused" and any(m.call for m in messages):
            return self.status(400, "Tool role not supported")
        if route.system == "refused" and messages and messages[0].role == "system":
            return self.status(400, "System role not supported")
        if body["max_tokens"] == 1:
            heard = messages[1:] if route.system == "dropped" and messages[0].role == "system" else messages
            tokens = sum(map(partial(_heard, route), heard))
            usage = {} if route.tools == "uncounted" else {"usage": {"prompt_tokens": tokens}}
            return self.json({"choices": [{"message": {}}], **usage})
        with self.server.lock:
            if route.alive is not None and sum(route.given.values()) >= route.alive:
                return self.drop()
            if not _probe(json.dumps(body)):
                route.given[digest] += 1
        if not _probe(json.dumps(body)):
            route.hold()
        reply = _reply(route, body, messages)
        if route.whole or not (body.get("stream") or route.endless):
            return self._say_whole(route, body, reply)
        self._say(route, body, reply)

    def _say_whole(self, route: Route, body: dict[str, Any], reply: Reply) -> None:
        pieces = _pieces(reply)
        choice: dict[str, Any] = {"index": 0, "finish_reason": _ended(reply)}
        if route.logprobs and body.get("logprobs"):
            choice["logprobs"] = _logprobs(body, pieces, reply.logprobs or [-0.5] * len(pieces))
        if "prompt" in body:
            return self.json({"choices": [{**choice, "text": reply.text}]})
        message: dict[str, Any] = {"role": "assistant"}
        said = [{"type": "text", "text": reply.text}] if route.thinks == "parts" else reply.text
        for delta in (*_thought(route, reply), {"content": said}):
            for name, more in delta.items():
                message[name] = message[name] + more if name in message else more
        self.json({"choices": [{**choice, "message": message}]})

    def _say(self, route: Route, body: dict[str, Any], reply: Reply) -> None:
        self.begin()
        with_logprobs = route.logprobs and body.get("logprobs")
        for delta in _thought(route, reply):
            self.event({"choices": [{"index": 0, "delta": delta}]})
        for at, piece in enumerate(_pieces(reply)):
            logprob = reply.logprobs[at] if reply.logprobs else -0.5
            more = {"logprobs": _logprobs(body, [piece], [logprob])} if with_logprobs else {}
            self.piece(body, piece, more)
        while route.endless:
            self.piece(body, " and")
            time.sleep(0.01)
        self.piece(body, "", {"finish_reason": _ended(reply)})
        self.event({"choices": [], "usage": {"prompt_tokens": 1}})
        self.chunk(b"data: [DONE]\n\n")
        self.end()

    def begin(self, kind: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end(self) -> None:
        self.chunk(b"")

    def event(self, event: object) -> None:
        self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def piece(self, body: dict[str, Any], text: str, more: dict[str, Any] | None = None) -> None:
        said = {"text": text} if "prompt" in body else {"delta": {"content": text}}
        self.event({"choices": [{"index": 0, **said, **(more or {})}]})

    def status(self, status: int, text: str = "", **headers: str) -> None:
        self.json({"error": {"message": text}}, status, **headers)

    def json(self, content: object, status: int = 200, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def drop(self) -> None:
        """The connection is closed, whatever was said."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""

    def _route(self) -> Route:
        return self.server.routes[self.path.split("/")[1]]


def _message(sent: dict[str, Any]) -> Message:
    """As it was sent. A tool's call has the form of OpenAI's API, and its arguments are text."""
    call = sent.get("name", "")
    for tool in sent.get("tool_calls", ()):
        assert json.loads(tool["function"]["arguments"]) == {}
        call = tool["function"]["name"]
    return Message(sent["role"], sent["content"], call=call)


def _heard(route: Route, message: Message) -> int:
    """How many tokens the chat template makes of a message: a character is one."""
    if route.tools == "dropped" and message.role == "tool":
        return 0
    called = message.role == "assistant" and route.tools not in ("calls", "dropped")
    return len(message.content) + called * len(message.call)


def _reply(route: Route, body: dict[str, Any], messages: list[Message]) -> Reply:
    """What the route's script says; a probe is answered as a model would."""
    told = body.get("chat_template_kwargs", {})
    thinking: Thinking = "off" if any(told.get(name) is False for name in route.template) else "on"
    if "prompt" in body:
        _, *said = TURN.split(body["prompt"])
        roles = {label: role for role, label in BASE_LABELS.items()}
        messages = [Message(roles[label], text) for label, text in zip(said[::2], said[1::2], strict=True)]  # type: ignore[arg-type]
    begun = ""
    if messages[-1].role == "assistant":
        begun = messages.pop().content
    goes_on = (
        "prompt" in body or route.continues == "always" or (route.continues == "asked" and CONTINUE in body)
    )
    if number := NUMBER.search(messages[-1].content):
        return Reply(number[1].removeprefix(begun) if goes_on else number[1], "stop")
    if _probe(messages[-1].content):
        thinks = spoken(route.script, thinking).thinks
        return Reply("2 + 3 = 5", "stop", thought="Two and three." if thinks is not None else "")
    signal, merged, asking = messages[0].content.partition(f"\n\n{SOLVE}")
    if merged:
        messages[:1] = [Message("system", signal), Message("user", SOLVE + asking)]
    script = ScriptedCheckpoint(CheckpointSpec("tuned", "instruct", "", "", thinking), route.script)
    ((_, reply),) = script.generate(
        [Conversation(tuple(messages), begun if goes_on else "")], 64, logprobs=True
    )
    return reply


def _thought(route: Route, reply: Reply) -> list[dict[str, Any]]:
    """The deltas of what was thought before a reply. A thought of which no reply came takes all tokens."""
    if not reply.thought:
        return []
    closes = "" if reply.finish == "thought" else "</think>"
    words = re.findall(r"\s*\S+", reply.thought)
    match route.thinks:
        case "inline":
            return [{"content": said} for said in ("<th", "ink>", *words, closes[:3], closes[3:])]
        case "opened":
            return [{"content": said} for said in (*words, closes)]
        case "parts":
            return [
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": said}]}]}
                for said in words
            ]
    return [{route.thinks: said} for said in words]


def _ended(reply: Reply) -> str:
    return "length" if reply.finish == "thought" else reply.finish


def _probe(text: str) -> bool:
    return "What is 2 + 3?" in text or NUMBER.search(text) is not None


def _pieces(reply: Reply) -> list[str]:
    return list(reply.tokens) or re.findall(r"\s*\S+|\s+\Z", reply.text)


def _logprobs(body: dict[str, Any], pieces: Sequence[str], logprobs: Sequence[float]) -> dict[str, Any]:
    if "prompt" in body:
        return {"tokens": pieces, "token_logprobs": logprobs}
    pairs = zip(pieces, logprobs, strict=True)
    return {"content": [{"token": piece, "logprob": logprob} for piece, logprob in pairs]}


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
