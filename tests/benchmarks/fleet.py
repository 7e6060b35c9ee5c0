"""Replies a second of one and of two replicas on this machine, a core each: `python -m tests.benchmarks.fleet`.

Both fleets live on one local Ray cluster and take the same work in turns, so that what else the machine does
meets both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from fixtures.checkpoints.fleet import cluster
from fixtures.checkpoints.fleet.checkpoint import PROBLEMS, Fleet, FleetCheckpoint
from fixtures.checkpoints.fleet.cluster import Share
from fixtures.checkpoints.fleet.replicas import Replicas
from fixtures.checkpoints.interface import EngineSettings
from fixtures.options.values import DEMO
from fixtures.questions.conversation import Conversation, eliciting
from fixtures.questions.problems import load
from fixtures.questions.strategies import strategies
from tests.benchmarks.work import HINTS, TOKENS


def conversations(n: int) -> list[Conversation]:
    return [
        eliciting(problem.question, "5", strategies()[name], 0, hint, "slot")
        for name in ("direct_hint", "natural_inline")
        for problem in load("demo", n, n).problems
        for hint in HINTS
    ]


def opened(count: int) -> FleetCheckpoint:
    """SmolLM2 on `count` replicas of the cluster that is connected, all of them loaded."""
    fleet = Fleet(cluster.LOCAL, count, "cpu")
    fleet._replicas = Replicas(Share(count, 0, 1))
    checkpoint = FleetCheckpoint(DEMO[1], EngineSettings(), fleet)
    while len(fleet.replicas._has) < count:
        fleet.wait()
    list(checkpoint.generate(conversations(4 * PROBLEMS), 1))
    return checkpoint


def core_seconds() -> float:
    """Of all replicas so far."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, IndexError):
            if process.cmdline()[0].startswith("ray::Replica"):
                times = process.cpu_times()
                spent += times.user + times.system
    return spent


def measure(checkpoint: FleetCheckpoint, work: Sequence[Conversation]) -> tuple[float, float]:
    """Replies a second of the clock, and a second of a replica's core."""
    cores, start = core_seconds(), time.perf_counter()
    made = len(dict(filter(None, checkpoint.generate(work, TOKENS["slot"]))))
    return made / (time.perf_counter() - start), made / (core_seconds() - cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--problems", type=int, default=16)
    given = parser.parse_args()
    work = conversations(given.problems)
    cluster.connect(cluster.LOCAL, 3)
    one, two = opened(1), opened(2)
    print(f"{len(work)} replies; load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    gains = []
    for pair in range(given.pairs):
        order = (one, two) if pair % 2 == 0 else (two, one)
        rates = {checkpoint: measure(checkpoint, work) for checkpoint in order}
        gains.append(rates[two][0] / rates[one][0])
        print(
            f"1 replica {rates[one][0]:.2f}/s ({rates[one][1]:.2f} a core second), "
            f"2 replicas {rates[two][0]:.2f}/s ({rates[two][1]:.2f} a core second): {gains[-1]:.2f} times"
        )
    print(f"median {statistics.median(gains):.2f} times")
    cluster.disconnect()


if __name__ == "__main__":
    main()
