"""A chat endpoint that takes its time as it is told to, for clients to be measured with.

A bare asyncio server in a process of its own: parsing a request costs it little. It prints its port, and says at
/counts what it has been asked. Every answer is ANSWER, every other reply STATED.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

MODEL = "paced"
WORDS = 200
ANSWER = " ".join(["So", *["it is one more step and then"] * ((WORDS - 4) // 7), "we find:", "####", "7"])
STATED = "I am 85% confident."
LIMIT = re.compile(rb'"max_tokens": ?(\d+)')
STREAM = re.compile(rb'"stream": ?true')
LOGPROBS = re.compile(rb'"logprobs": ?true')


class Endpoint(asyncio.Protocol):
    """One connection. `first` seconds to a reply's first word, `each` for every other."""

    asked: ClassVar[Counter[str]] = Counter()
    at_once = most_at_once = 0

    def __init__(self, first: float, each: float) -> None:
        self._first, self._each = first, each
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, ends, rest = self._came.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: ?(\d+)", head)
        size = int(length[1]) if length else 0
        if not ends or len(rest) < size:
            return
        self._came = rest[size:]
        if head.startswith(b"GET"):
            self._get(head.split()[1].decode())
        else:
            self._post(rest[:size])

    def _get(self, path: str) -> None:
        said: object = {"data": [{"id": MODEL}]}
        if path.endswith("/counts"):
            said = {"asked": len(self.asked), "in_all": self.asked.total(), "at_once": Endpoint.most_at_once}
        elif not path.endswith("/models"):
            said = {}
        self._whole(json.dumps(said).encode())

    def _post(self, body: bytes) -> None:
        self.asked[hashlib.sha256(body).hexdigest()] += 1
        Endpoint.at_once += 1
        Endpoint.most_at_once = max(Endpoint.most_at_once, Endpoint.at_once)
        long = int(LIMIT.search(body)[1]) >= 256  # type: ignore[index]
        words = re.findall(r"\s*\S+", ANSWER if long else STATED)
        logprobs = LOGPROBS.search(body) is not None
        loop = asyncio.get_running_loop()
        if STREAM.search(body):
            loop.call_later(self._first, self._begin, words, logprobs)
        else:
            loop.call_later(self._first + self._each * (len(words) - 1), self._reply, words, logprobs)

    def _reply(self, words: list[str], logprobs: bool) -> None:
        Endpoint.at_once -= 1
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": "".join(words)}}
        choice |= {"finish_reason": "stop", "logprobs": _logprobs(words) if logprobs else None}
        usage = {"prompt_tokens": 300, "completion_tokens": len(words)}
        self._whole(json.dumps({"id": "1", "choices": [choice], "usage": usage}).encode())

    def _whole(self, data: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
        self._transport.write(head + data)

    def _begin(self, words: list[str], logprobs: bool) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self._go_on(iter(words), logprobs)

    def _go_on(self, words: Iterator[str], logprobs: bool) -> None:
        """All at once where words take no time, as a server's buffers would have it."""
        while (word := next(words, None)) is not None:
            choice = {"index": 0, "delta": {"content": word}}
            self._event({"choices": [choice | ({"logprobs": _logprobs([word])} if logprobs else {})]})
            if self._each:
                asyncio.get_running_loop().call_later(self._each, self._go_on, words, logprobs)
                return
        Endpoint.at_once -= 1
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, event: object) -> None:
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(data), data))


def _logprobs(words: list[str]) -> dict[str, Any]:
    return {"content": [{"token": word, "logprob": -0.01, "top_logprobs": []} for word in words]}


@contextlib.contextmanager
def endpoint(first: float, each: float = 0) -> Iterator[str]:
    """The base URL of one that runs as long as the context."""
    command = [sys.executable, "-m", "tests.benchmarks.endpoint", str(first), str(each)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=float)
    parser.add_argument("each", type=float)
    pace = parser.parse_args()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(pace.first, pace.each), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
