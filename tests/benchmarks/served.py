"""Our client of a server beside lm-evaluation-harness's, on the same requests: `python -m tests.benchmarks.served`.

The endpoint (tests/benchmarks/endpoint.py) takes a fixed time for a reply, or writes 200-token answers like vLLM. Each
client has a process of its own. Ours does all that a run does: it finds keys, asks for answers, then for trials on
them, and stores each reply. lm-evaluation-harness (`local-chat-completions`) has all requests in hand at the
beginning; where this Python, or the one that --python names, has none, a bare aiohttp loop takes its place.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fixtures.protocol.trials import Settings
from fixtures.questions.conversation import Conversation, eliciting, solving
from fixtures.questions.problems import BLOCK, Problem
from fixtures.questions.strategies import strategies
from tests.benchmarks.endpoint import ANSWER, MODEL, endpoint
from tests.support.scripted import question

HINTS = (10.0, 25.0, 40.0, 60.0, 95.0)
LIMITS = 512, 128
ROOT = Path(__file__).parents[2]
PACES = {"50 ms": (0.05, 0.0), "300 ms": (0.3, 0.0), "like vLLM": (0.1, 0.02)}
SECONDS = 6
"""About how long the replies of one measurement would take at least: it has as many problems as fill it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paces", nargs="+", choices=PACES, default=list(PACES))
    parser.add_argument("--concurrency", nargs="+", default=["32", "128", "512"], metavar="N")
    parser.add_argument("--python", default=sys.executable, help="one that has lm-evaluation-harness")
    parser.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        name, url, concurrency, problems = options.client
        print(json.dumps(CLIENTS[name](url, concurrency, int(problems))))
        return
    there = subprocess.run([options.python, "-c", "import lm_eval"], capture_output=True, check=False)
    other = "bare" if there.returncode else "lm_eval"
    print(f"{'pace':12}{'at once':>8}{'replies':>9}{'ours/s':>9}{other + '/s':>12}{'ratio':>7}", end="")
    print(f"{'CPU ms ours':>13}{'CPU ms other':>14}{'most at once':>14}", flush=True)
    for pace in options.paces:
        for concurrency in options.concurrency:
            compare(pace, concurrency, other, options.python)


def compare(pace: str, concurrency: str, other: str, python: str) -> None:
    """Print one row. Every other client is measured by the same number of requests at once."""
    fixed = int(concurrency) if concurrency.isdigit() else 256
    problems = enough(pace, fixed)
    with endpoint(*PACES[pace]) as url:
        ours = measured(sys.executable, "ours", url, concurrency, problems)
        counts = json.load(urllib.request.urlopen(f"{url}/counts"))
    with endpoint(*PACES[pace]) as url:
        theirs = measured(python, other, url, str(fixed), problems)
    assert ours["replies"] == theirs["replies"], (ours, theirs)
    rates = [each["replies"] / each["seconds"] for each in (ours, theirs)]
    cpu = [1000 * each["cores"] / each["replies"] for each in (ours, theirs)]
    print(f"{pace:12}{concurrency:>8}{ours['replies']:9}{rates[0]:9.0f}{rates[1]:12.0f}", end="")
    print(f"{rates[0] / rates[1]:7.2f}{cpu[0]:13.2f}{cpu[1]:14.2f}{counts['at_once']:14}", flush=True)


def enough(pace: str, concurrency: int) -> int:
    """Problems: as many as fill SECONDS of a server at this pace, in from one to three blocks."""
    first, each = PACES[pace]
    wanted = SECONDS * concurrency / (first + each) / len(conversations(1))
    return min(3 * BLOCK, max(BLOCK, round(wanted))) if not each else 3 * BLOCK


def measured(python: str, name: str, url: str, concurrency: str, problems: int) -> dict[str, Any]:
    command = [python, "-m", "tests.benchmarks.served", "--client", name, url, concurrency, str(problems)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def conversations(problems: int) -> list[tuple[Conversation, int]]:
    """All that a run asks, with token limits."""
    solved = [(solving(question(i)), LIMITS[0]) for i in range(problems)]
    trials = [
        (eliciting(question(i), ANSWER, strategy, strategy.wording(i), hint, "free"), LIMITS[1])
        for i in range(problems)
        for strategy in strategies().values()
        for hint in Settings(HINTS, "free", *LIMITS).hints_of(strategy)
    ]
    return solved + trials


def ours(url: str, concurrency: str, problems: int) -> dict[str, float]:
    from decimal import Decimal

    from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
    from fixtures.checkpoints.open import open_checkpoint
    from fixtures.measuring.block_queue import take
    from fixtures.measuring.workers import Worker
    from fixtures.protocol.block import Block
    from fixtures.store.database import Store

    number = int(concurrency) if concurrency.isdigit() else None
    spec = CheckpointSpec("tuned", "instruct", f"{url}#{MODEL}", "--checkpoint")
    with tempfile.TemporaryDirectory() as place:
        checkpoint = open_checkpoint(spec, EngineSettings(concurrency=number))
        store = Store(Path(place) / "store.sqlite3")
        numbers = range(problems)
        asked = list(strategies().values())
        settings = Settings(HINTS, "free", *LIMITS)
        with Timed() as spent:
            blocks = [
                Block(
                    checkpoint,
                    {i: Problem(question(i), Decimal(7)) for i in numbers[at : at + BLOCK]},
                    asked,
                    settings,
                    store,
                )
                for at in numbers[::BLOCK]
            ]
            take({"tuned": checkpoint}, {"tuned": blocks}, store, Worker(Path(place)), {})
        made = sum(block.find() for block in blocks)
        checkpoint.close()
        store.close()
    return {"replies": made, **spent.figures}


def lm_eval(url: str, concurrency: str, problems: int) -> dict[str, float]:
    from lm_eval.api.instance import Instance  # type: ignore[import-not-found]
    from lm_eval.models.api_models import JsonChatStr  # type: ignore[import-not-found]
    from lm_eval.models.openai_completions import LocalChatCompletion  # type: ignore[import-not-found]

    model = LocalChatCompletion(
        base_url=f"{url}/chat/completions", pretrained=MODEL, num_concurrent=int(concurrency), timeout=600
    )
    requests = [
        Instance("generate_until", {}, (JsonChatStr(json.dumps(messages)), {"max_gen_toks": limit}), i)
        for i, (messages, limit) in enumerate(_bodies(problems))
    ]
    with Timed() as spent:
        texts = model.generate_until(requests)
    return {"replies": len(texts), **spent.figures}


def bare(url: str, concurrency: str, problems: int) -> dict[str, float]:
    """The least that a client of aiohttp does."""
    import aiohttp

    bodies = _bodies(problems)

    async def work(session: aiohttp.ClientSession, left: Iterator[Any]) -> int:
        made = 0
        for messages, limit in left:
            body = {"model": MODEL, "max_tokens": limit, "temperature": 0, "seed": 0, "messages": messages}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                made += bool((await response.json())["choices"][0]["message"]["content"])
        return made

    async def together() -> int:
        left = iter(bodies)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return sum(await asyncio.gather(*(work(session, left) for _ in range(int(concurrency)))))

    with Timed() as spent:
        made = asyncio.run(together())
    return {"replies": made, **spent.figures}


def _bodies(problems: int) -> list[tuple[list[dict[str, str]], int]]:
    return [
        ([{"role": turn.role, "content": turn.content} for turn in one.messages], limit)
        for one, limit in conversations(problems)
    ]


CLIENTS = {"ours": ours, "lm_eval": lm_eval, "bare": bare}


class Timed:
    """Seconds of the clock and of all cores."""

    def __enter__(self) -> Timed:
        self._began = time.perf_counter(), _cores()
        return self

    def __exit__(self, *error: object) -> None:
        clock, cores = self._began
        self.figures = {"seconds": time.perf_counter() - clock, "cores": _cores() - cores}


def _cores() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
