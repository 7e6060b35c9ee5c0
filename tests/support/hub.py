"""A hub on this machine: one repository of the Hugging Face hub's layout, behind its HTTP API.

The repository is a model's and a dataset's at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = "owner/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """`revisions` are branches and tags with their commits, `files` those of each commit. `asked` grows."""

    revisions: dict[str, str]
    files: dict[str, Path]
    asked: list[str] = field(default_factory=list)
    token: str | None = None
    """The token that a request must bear, or None. A request without it is told that the repository is gated."""
    url: str = ""


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """`hub`, with the address that HF_ENDPOINT takes."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_POST(self) -> None:
            """What the hub knows of the paths that are asked for."""
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            hub.asked.append(f"POST {self.path}")
            commit = self.path.rpartition("/")[2]
            files = [file for file in _tree(hub.files[commit]) if file["path"] in form["paths"]]
            self._say(200, json.dumps(files).encode(), True, {"Content-Type": "application/json"})

        def _answer(self, body: bool) -> None:
            path = urllib.parse.unquote(self.path.partition("?")[0])
            hub.asked.append(f"{self.command} {path}")
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self._say(403, b"", body, {"X-Error-Code": "GatedRepo"})
            if path.startswith((f"/api/models/{REPOSITORY}", f"/api/datasets/{REPOSITORY}")):
                _, _, tree = path.partition("/tree/")
                if tree:
                    return self._say_tree(*tree.partition("/")[::2], body)
                _, _, revision = path.partition("/revision/")
                return self._about(revision or "main", body)
            if path.startswith("/api/"):
                return self._say(404, b"", body, {"X-Error-Code": "RepoNotFound"})
            _, _, where = path.partition("/resolve/")
            revision, _, name = where.partition("/")
            commit = hub.revisions.get(revision, revision)
            file = hub.files.get(commit, Path("nowhere")) / name
            known = path.removeprefix("/datasets").startswith(f"/{REPOSITORY}/resolve/")
            if not known or not file.is_file():
                return self._say(404, b"", body, {"X-Error-Code": "EntryNotFound"})
            headers = {"ETag": f'"{_oid(file)}"', "X-Repo-Commit": commit}
            self._say(200, file.read_bytes(), body, headers)

        def _about(self, revision: str, body: bool) -> None:
            commit = hub.revisions.get(revision, revision)
            if commit not in hub.files:
                return self._say(404, b"", body, {"X-Error-Code": "RevisionNotFound"})
            siblings = [
                {"rfilename": file["path"]} for file in _tree(hub.files[commit]) if file["type"] == "file"
            ]
            said = {"id": REPOSITORY, "modelId": REPOSITORY, "sha": commit, "siblings": siblings}
            self._say(200, json.dumps(said).encode(), body, {"Content-Type": "application/json"})

        def _say_tree(self, commit: str, under: str, body: bool) -> None:
            files = [file for file in _tree(hub.files[commit]) if str(file["path"]).startswith(under)]
            self._say(200, json.dumps(files).encode(), body, {"Content-Type": "application/json"})

        def _say(self, status: int, content: bytes, body: bool, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _tree(root: Path) -> list[dict[str, object]]:
    """All files and directories of a commit, as the hub lists them."""
    return [
        {"type": "file", "path": str(path.relative_to(root)), "size": path.stat().st_size, "oid": _oid(path)}
        if path.is_file()
        else {"type": "directory", "path": str(path.relative_to(root)), "size": 0, "oid": "0"}
        for path in sorted(root.rglob("*"))
    ]


def _oid(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
