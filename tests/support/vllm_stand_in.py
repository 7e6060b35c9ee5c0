"""A stand-in for vLLM, which is too large for CI: a process of its own that listens, logs and has a child as vLLM does.
A script speaks for its model."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from fixtures.checkpoints.served.api_key import KEYS
from tests.support.serving import Handler, Route, Server

ROOT = Path(__file__).parents[2]
PLACE = "HEEDFUL_STAND_IN"
"""Environment variable: the directory with what it does, and what it leaves."""
VERSION = "0.32.0"
CHILD = "import time; time.sleep(600)"
OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"


@dataclass(frozen=True)
class Does:
    """`says` is what it logs before it ends without having listened. After so many replies it `dies`, or is `held`: the
    file held is there then."""

    script: str = "obedient"
    says: str = ""
    dies: int | None = None
    held: int | None = None


@dataclass(frozen=True)
class Start:
    """What one that was started leaves. `pids` are its own, its watcher's and its child's."""

    pids: list[int]
    arguments: list[str]
    key: str


def environment(place: Path, **does: Any) -> dict[str, str]:
    """Installs it in `place`, and gives the environment in which it is `vllm`. No key is set."""
    program = place / "bin" / "vllm"
    program.parent.mkdir(parents=True, exist_ok=True)
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
    program.write_text(f"#!{sys.executable}\n{path}\nfrom {__name__} import main\nmain()\n")
    program.chmod(0o755)
    (place / "does.json").write_text(json.dumps(asdict(Does(**does))))
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, PLACE: str(place), **dict.fromkeys(KEYS, "")}


def starts(place: Path) -> list[Start]:
    """Those so far."""
    file = place / "starts"
    return [Start(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def alive(place: Path) -> list[int]:
    """The processes of all starts that have not ended."""
    return [pid for start in starts(place) for pid in start.pids if _is_alive(pid)]


def all_end(place: Path) -> bool:
    """Whether they all end, within a minute."""
    until = time.monotonic() + 60
    while alive(place) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(place)


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class _Handler(Handler):
    def do_GET(self) -> None:  # noqa: N802
        route = self._route()
        if self.path == "/health":
            self.status(200)
        elif self.path == "/v1/models" and self.headers["authorization"] != f"Bearer {route.key}":
            self.status(401, "Unauthorized")
        else:
            super().do_GET()

    def _route(self) -> Route:
        return self.server.routes["v1"]


def _log(said: str) -> None:
    for line in said.splitlines():
        print(f"(EngineCore pid={os.getpid()}) ERROR 11-30 08:12:17 [core.py:1344] {line}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("vllm")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--port", type=int)
    for name in ("enforce-eager", "enable-lora"):
        parser.add_argument(f"--{name}", action="store_true")
    others = "host", "tokenizer", "dtype", "load-format", "max-model-len", "max-lora-rank"
    for name in ("served-model-name", "lora-modules", *others):
        parser.add_argument(f"--{name}")
    return parser.parse_args()


def main() -> None:
    place = Path(os.environ[PLACE])
    does = Does(**json.loads((place / "does.json").read_text()))
    given = _arguments()
    key = os.environ["VLLM_API_KEY"]
    child = subprocess.Popen([sys.executable, "-c", CHILD])
    with (place / "starts").open("a") as started:
        start = Start([os.getpid(), os.getppid(), child.pid], sys.argv[1:], key)
        started.write(f"{json.dumps(asdict(start))}\n")
    if does.says:
        _log(does.says)
        sys.exit(1)
    replies = iter(range(1 << 30))
    lock = threading.Lock()

    def hold() -> None:
        with lock:
            made = next(replies)
        if made == does.dies:
            _log(OUT_OF_MEMORY)
            os._exit(1)
        if does.held is not None and made >= does.held:
            (place / "held").touch()
            time.sleep(600)

    server = Server(given.port, _Handler)
    name = given.lora_modules.partition("=")[0] if given.lora_modules else given.served_model_name
    listed = [{"id": name, "object": "model", "root": given.model}]
    server.routes["v1"] = Route(
        script=does.script, model=name, key=key, listed=listed, version=VERSION, whole=True, hold=hold
    )
    _log(
        "Initializing a V1 LLM engine (v0.32.0) with config: dtype=torch.float32, device_config=cuda, seed=0"
    )
    server.serve_forever()
