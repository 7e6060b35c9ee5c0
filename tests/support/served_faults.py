"""What a server does instead of replying."""

from __future__ import annotations

import contextlib
import time

from tests.support.serving import Fault, Handler


def error_500(handler: Handler) -> None:
    handler.status(500, "out of memory")


def error_503(handler: Handler) -> None:
    handler.status(503, "loading")


def busy_429(handler: Handler) -> None:
    handler.status(429, "too many", Retry_After="0.01")


def dropped(handler: Handler) -> None:
    handler.drop()


def half_sent(handler: Handler) -> None:
    handler.begin()
    handler.event({"choices": [{"delta": {"content": "My conf"}, "text": "My conf"}]})
    handler.drop()


def broken_off(handler: Handler) -> None:
    """Ends as HTTP requires, but without a finish_reason."""
    handler.begin()
    handler.event({"choices": [{"delta": {"content": "My conf"}, "text": "My conf"}]})
    handler.end()


def half_an_error(handler: Handler) -> None:
    handler.send_response(503)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    handler.drop()


def silent(handler: Handler) -> None:
    handler.begin()
    time.sleep(2)
    handler.drop()


def slow_drip(handler: Handler) -> None:
    handler.begin()
    with contextlib.suppress(OSError):
        for _ in range(200):
            handler.chunk(b": still here\n\n")
            time.sleep(0.05)
    handler.drop()


def garbage(handler: Handler) -> None:
    handler.begin()
    handler.chunk(b"data: {'not': json\n\n")
    handler.end()


def too_deep(handler: Handler) -> None:
    handler.begin()
    handler.chunk(b"data: " + b"[" * 100_000 + b"]" * 100_000 + b"\n\n")
    handler.end()


def too_large(handler: Handler) -> None:
    """A log-probability that no float holds."""
    handler.begin()
    logprobs = {"tokens": ["5"], "token_logprobs": [-(10**400)]}
    handler.event({"choices": [{"text": "5", "logprobs": logprobs, "finish_reason": "stop"}]})
    handler.end()


def deep_json(handler: Handler) -> None:
    handler.begin("application/json")
    handler.chunk(b"[" * 100_000)
    handler.end()


def garbage_json(handler: Handler) -> None:
    handler.begin("application/json")
    handler.chunk(b"{'not': json")
    handler.end()


def failed_json(handler: Handler) -> None:
    """With a status of success."""
    handler.json({"error": {"message": "CUDA out of memory"}})


def half_json(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"message": {"content": "My conf')
    handler.drop()


def unfinished_json(handler: Handler) -> None:
    """Whole, but without a finish_reason."""
    handler.json({"choices": [{"message": {"content": "My conf"}, "text": "My conf"}]})


def aborted_json(handler: Handler) -> None:
    said = {"message": {"content": "My conf"}, "text": "My conf"}
    handler.json({"choices": [{**said, "finish_reason": "abort"}]})


def no_reply(handler: Handler) -> None:
    handler.begin()
    handler.event({"choices": [{"surprise": 1}]})
    handler.end()


def not_unicode(handler: Handler) -> None:
    handler.begin()
    handler.chunk(b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n')
    handler.end()


def empty_choices(handler: Handler) -> None:
    handler.begin()
    handler.event({"choices": []})
    handler.chunk(b"data: [DONE]\n\n")
    handler.end()


def error_event(handler: Handler) -> None:
    handler.begin()
    handler.event({"error": {"message": "CUDA out of memory"}})
    handler.end()


def aborted(handler: Handler) -> None:
    """As SGLang ends a reply that an operator has aborted."""
    handler.begin()
    said = {"delta": {"content": "My conf"}, "text": "My conf"}
    handler.event({"choices": [{**said, "finish_reason": "abort"}]})
    handler.chunk(b"data: [DONE]\n\n")
    handler.end()


def overloaded(handler: Handler) -> None:
    """As TGI says it, whose errors in a stream all have this status."""
    handler.begin()
    handler.event({"error": {"message": "Model is overloaded", "http_status_code": 422}})
    handler.end()


def engine_error(handler: Handler) -> None:
    """As vLLM says it, whose errors in a stream have this code by default."""
    handler.begin()
    handler.event({"error": {"message": "EngineCore encountered an issue", "code": 400}})
    handler.end()


def failed_424(handler: Handler) -> None:
    handler.status(424, "Request failed during generation")


def wrong_type(handler: Handler) -> None:
    handler.begin("text/html")
    handler.chunk(b"<html>loading</html>")
    handler.end()


FAULTS: tuple[Fault, ...] = (
    error_500,
    busy_429,
    dropped,
    half_sent,
    broken_off,
    half_an_error,
    garbage,
    too_deep,
    too_large,
    no_reply,
    not_unicode,
    empty_choices,
    error_event,
    aborted,
    overloaded,
    engine_error,
    failed_424,
    wrong_type,
    garbage_json,
    half_json,
    failed_json,
)
SLOW: tuple[Fault, ...] = (silent, slow_drip)
