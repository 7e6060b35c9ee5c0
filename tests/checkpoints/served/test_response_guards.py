"""Answers of a server that have no end, or that asking again would not change."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
import zlib
from pathlib import Path

import pytest

from fixtures.checkpoints.served import response_guards
from fixtures.errors import InputError
from tests.support.impatient import IMPATIENT
from tests.support.served import conversations, opened, replies, scripted
from tests.support.serving import Fault, Handler, Route, Server, serving

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_guards, "LONGEST", 2**20)


def endless(status: int, kind: str = "text/plain", encoding: str = "identity") -> Fault:
    """One event, a text or the like, of which the client has to leave. Packed it is short."""

    def fault(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in {"Type": kind, "Encoding": encoding}.items():
            handler.send_header(f"Content-{name}", value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        packer = zlib.compressobj(wbits=31)
        with contextlib.suppress(OSError):
            while True:
                data = b"data: " + b"[" * 2**16
                handler.chunk(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH) if packed else data)
        handler.drop()

    packed = encoding == "gzip"
    return fault


def redirected(status: int, place: str) -> Fault:
    def fault(handler: Handler) -> None:
        handler.status(status, Location=place)

    return fault


STREAM = "text/event-stream"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "fault",
    [endless(200, STREAM), endless(200, STREAM, "gzip"), endless(400), endless(503)],
    ids=["event", "gzip", "refusal", "error"],
)
def test_an_answer_without_end_is_broken_off(server: Server, fault: Fault) -> None:
    route = Route()
    checkpoint = opened(server.spec(f"no-end-{len(server.routes)}", route))
    asked = conversations(1)[:1]
    route.faults = (fault,)
    assert replies(checkpoint, asked) == scripted(asked)
    route.faults = (fault,) * 2 * IMPATIENT.tries
    with pytest.raises(InputError, match="its answer is longer than 1048576 bytes"):
        list(checkpoint.generate(asked, 64))


@pytest.mark.usefixtures("short")
def test_a_list_of_models_without_end_is_broken_off(server: Server) -> None:
    route = Route(listing_faults=[endless(200, "application/json")] * IMPATIENT.tries)
    with pytest.raises(InputError, match="its answer is longer than 1048576 bytes"):
        opened(server.spec("many-models", route))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (redirected(302, "/elsewhere/v1"), "it redirects a request \\(status 302\\)"),
        (redirected(307, "file:///etc/passwd"), "it redirects a request \\(status 307\\)"),
        (redirected(308, "/elsewhere/v1"), "it redirects a request \\(status 308\\)"),
    ],
    ids=["as-get", "to-a-file", "for-good"],
)
def test_what_asking_again_does_not_change_is_not_asked_again(
    server: Server, fault: Fault, said: str
) -> None:
    route = Route(faults=(fault,) * IMPATIENT.tries)
    with pytest.raises(InputError, match=rf"{said}.*\(1 tries\)"):
        opened(server.spec(f"final-{len(server.routes)}", route))
    assert len(route.bodies) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
def test_a_certificate_that_nobody_signed_is_not_asked_for_again(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        spec = server.spec("self-signed", Route()).replace("http:", "https:")
        with pytest.raises(InputError, match=r"certificate verify failed.*\(1 tries\)"):
            opened(spec)
