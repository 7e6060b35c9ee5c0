"""Whole runs of the suite against a server: what they report, what survives, and what they never show."""

from __future__ import annotations

import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.served import checkpoint as engine
from fixtures.store.database import counts
from tests.support.served_faults import FAULTS
from tests.support.serving import Handler, Route, Server
from tests.support.suite import FILES, Run, options, refused_on_small_disk, run, started, wait_for

SOON = "-ptests.support.impatient"
SHORT = ("--n-problems=12", "--no-early-stop", "-k", "conversational or internal")
REPLIES = 12 + 12 * 5 * 3
"""Answers, and trials of natural_query, natural_inline and recall_signal at five hints each."""
INTERNAL = "behaviors/test_internal_confidence.py::test_pearson_r[tuned]"


def served(place: Path, spec: str, *more: str) -> list[str]:
    return [f"--checkpoint=tuned={spec}", *options(place, "")[1:], SOON, *SHORT, *more]


def measured(run: Run) -> Any:
    """A profile without what names the engine."""
    engine = ("spec", "fingerprint", "engine", "dtype", "notes")
    tuned = run.profile["checkpoints"]["tuned"]
    return {**run.profile, "checkpoints": {k: v for k, v in tuned.items() if k not in engine}}


def stored(place: Path) -> int:
    with sqlite3.connect(place / FILES["store"]) as store:
        return sum(
            store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("answers", "trials")
        )


def test_faults_change_nothing_that_is_measured(server: Server, tmp_path: Path) -> None:
    """The first try of every request meets one fault or another."""
    route = Route(script="conversational-resister", faults=FAULTS, mixed=True)
    there = run(
        tmp_path / "there", served(tmp_path / "there", server.spec("faulty", route), "--concurrency=50")
    )
    here = run(tmp_path / "here", options(tmp_path / "here", "conversational-resister", *SHORT))
    assert measured(there) == measured(here)
    assert (there.exit_code, here.exit_code) == (1, 1)
    assert set(route.given.values()) == {1}
    assert len(route.given) == REPLIES
    assert set(route.tries.values()) == {2}
    assert "weights behind a URL cannot be verified" in there.files["report.html"]


@pytest.mark.parametrize("alive", [10, 100], ids=["answers", "trials"])
def test_a_server_that_is_gone_ends_the_run_which_can_go_on(
    server: Server, tmp_path: Path, alive: int
) -> None:
    route = Route(alive=alive)
    spec = server.spec(f"mortal-{alive}", route)
    first = run(tmp_path, served(tmp_path, spec, "--concurrency=2"))
    errors = [line for line in first.printed.splitlines() if "ERROR" in line]
    assert (first.exit_code, len(errors)) == (4, 1), first.printed
    assert f"ERROR: --checkpoint {spec}: the server cannot be reached" in errors[0]
    assert "run the same command again: what was measured is kept" in errors[0]
    assert "Traceback" not in first.printed
    assert sum(route.given.values()) == alive
    assert stored(tmp_path) >= alive - 2
    missing = REPLIES - stored(tmp_path)
    route.alive = None
    route.given.clear()
    second = run(tmp_path, served(tmp_path, spec))
    assert (second.exit_code, sum(route.given.values())) == (1, missing), second.printed
    assert stored(tmp_path) == REPLIES


def test_a_full_disk_ends_the_run_though_replies_are_under_way(server: Server, tmp_path: Path) -> None:
    line = refused_on_small_disk(tmp_path, served(tmp_path, server.spec("full", Route())), 100 << 10)
    assert f"--store {tmp_path / 'store.sqlite3'}: cannot be written" in line


def test_interrupt_ends_soon_and_keeps_what_was_made(server: Server, tmp_path: Path) -> None:
    """The server has stopped to answer in the midst of the run; nobody waits for it after Ctrl-C."""
    stuck, never = threading.Semaphore(0), threading.Event()
    left = threading.Semaphore(50)

    def hold() -> None:
        if not left.acquire(blocking=False):
            stuck.release()
            never.wait(120)

    route = Route(hold=hold)
    spec = server.spec("stuck", route)
    arguments = [a for a in served(tmp_path, spec, "--concurrency=8") if a != SOON]
    with started(tmp_path, arguments) as process:
        for _ in range(8):
            assert stuck.acquire(timeout=120)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    never.set()
    assert process.returncode == 2, printed
    assert "Traceback" not in printed
    assert stored(tmp_path) >= 50 - 8


def test_answers_of_several_blocks_are_asked_for_at_once(server: Server, tmp_path: Path) -> None:
    """None is given before fifty are asked for, of blocks of 32. Trials are asked problem by problem."""
    barrier = threading.Barrier(50)
    held = threading.Semaphore(50)
    route = Route(hold=lambda: barrier.wait(120) if held.acquire(blocking=False) else None)
    more = ("--n-problems=64", "--concurrency=50", "--undecided=pass", "-k", "command_compliance")
    arguments = [a for a in served(tmp_path, server.spec("blocks", route), *more) if a != SOON]
    made = run(tmp_path, arguments)
    assert made.exit_code == 0, made.printed
    assert route.most_at_once == 50
    assert set(route.given.values()) == {1}
    trials = [body["messages"][0]["content"] for body in route.asked if len(body["messages"]) > 1]
    for problem in set(trials):
        own = [at for at, asked in enumerate(trials) if asked == problem]
        assert len(own) == 10
        # as close together as what is in flight allows: of fifty, any may come before or after those asked with it
        assert own[-1] - own[0] < 10 + 2 * 50


def test_a_kill_loses_no_more_than_is_in_flight(server: Server, tmp_path: Path) -> None:
    """The first answer never comes. All others have come by then, of its block and of the next, and are stored."""
    stuck, never = threading.Semaphore(1), threading.Event()
    route = Route(hold=lambda: never.wait(300) if stuck.acquire(blocking=False) else None)
    spec = server.spec("killed", route)
    more = (
        "--n-problems=64",
        "--concurrency=40",
        "--undecided=pass",
        "-k",
        "command_compliance and direct_hint",
    )
    arguments = [a for a in served(tmp_path, spec, *more) if a != SOON]
    with started(tmp_path, arguments) as process:
        wait_for(lambda: counts(tmp_path / FILES["store"]).total() == 63 + 32 * 5, process)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    never.set()
    route.given.clear()
    again = run(tmp_path, served(tmp_path, spec, *more))
    assert again.exit_code == 0, again.printed
    assert (len(route.given), set(route.given.values())) == (1 + 32 * 5, {1})


def test_no_reuse_asks_anew(server: Server, tmp_path: Path) -> None:
    """Other weights are behind the URL by the second run, which cannot be seen from outside."""
    route = Route(script="obedient")
    spec = server.spec("changing", route)
    seen = []
    for script, more in (("obedient", ()), ("ninety", ("--no-reuse",)), ("obedient", ())):
        route.script, before = script, len(route.asked)
        made = run(tmp_path, served(tmp_path, spec, *more))
        natural = made.profile["checkpoints"]["tuned"]["strategies"]["natural_query"]
        seen.append((natural["rho"]["value"], len(route.asked) - before))
    assert seen == [(1, REPLIES), (0, REPLIES), (0, 0)]
    assert stored(tmp_path) == REPLIES


def test_no_reuse_wants_a_served_checkpoint(tmp_path: Path) -> None:
    refused = run(tmp_path, options(tmp_path, "obedient", "--no-reuse"))
    assert refused.exit_code == 4
    assert "ERROR: --no-reuse: no checkpoint of this run is served" in refused.printed


@pytest.mark.parametrize(
    "given", ["--dtype=bfloat16", "--device=cpu", "--batch-tokens=64", "--trust-remote-code"]
)
def test_how_weights_are_loaded_is_not_for_a_server(tmp_path: Path, given: str) -> None:
    refused = run(tmp_path, ["--checkpoint=http://127.0.0.1:9/v1#model", given])
    assert refused.exit_code == 4
    name = given.partition("=")[0]
    assert f"ERROR: {name}: is for checkpoints that are loaded here, and all are served" in refused.printed


def test_internal_confidence_that_the_server_does_not_give_is_skipped(server: Server, tmp_path: Path) -> None:
    """Until it does: answers that have none are not used then."""
    route = Route(logprobs=False)
    arguments = served(tmp_path, server.spec("quiet", route))
    without = run(tmp_path, arguments)
    assert INTERNAL not in without.verdicts
    said = "skipped, not judged: tuned: its engine gives no log-probabilities, and so no internal confidence"
    assert said in " ".join(without.printed.split())
    assert without.profile["checkpoints"]["tuned"]["internal"] == {}
    assert engine.NO_LOGPROBS in without.profile["checkpoints"]["tuned"]["notes"]
    assert engine.NO_LOGPROBS in without.files["report.html"]
    route.logprobs = True
    given = run(tmp_path, arguments)
    assert given.verdicts[INTERNAL]["value"] == pytest.approx(1)


def test_concurrency_is_that_of_all_processes(server: Server, tmp_path: Path) -> None:
    route = Route()
    refused = run(tmp_path, served(tmp_path, server.spec("two", route), "--concurrency=1", "-n", "2"))
    assert refused.exit_code == 4, refused.printed
    said = "ERROR: --concurrency 1: fewer than the 2 processes of -n; raise it or lower -n"
    assert refused.printed.count(said) == 1
    assert not route.bodies


def test_slot_readout_and_base(server: Server, tmp_path: Path) -> None:
    specs = [server.spec(name, Route()) for name in ("tuned", "floor")]
    behaviors = ("-k", "conversational or base_controllability")
    arguments = served(tmp_path, specs[0], f"--base=floor={specs[1]}", "--readout=slot", *behaviors)
    made = run(tmp_path, arguments)
    tuned, floor = (made.profile["checkpoints"][name] for name in ("tuned", "floor"))
    assert engine.SLOT in tuned["notes"]
    assert engine.SLOT not in floor["notes"]
    assert (made.profile["readout"], made.exit_code) == ({"tuned": "slot", "floor": "slot"}, 1), made.printed
    assert {c["stated_rate"] for own in (tuned, floor) for c in own["strategies"].values()} == {1}


def test_the_key_is_nowhere(server: Server, tmp_path: Path) -> None:
    """Not where all goes well, not where the server says it again; not with locals shown and all logs kept."""
    key = "sk-Secret-0123456789"

    def telling(handler: Handler) -> None:
        handler.status(400, f"bad request from {handler.headers['authorization']}")

    loud = ("--showlocals", "--log-level=DEBUG", "-o", "log_cli=true")
    for name, faults, exit_code in (("well", (), 1), ("badly", (telling,), 4)):
        spec = server.spec(name, Route(key=key, script="ninety", faults=faults))
        made = run(tmp_path, served(tmp_path, spec, *loud), HEEDFUL_API_KEY=key)
        assert (made.exit_code, "[key]" in made.printed) == (exit_code, bool(faults)), made.printed
        assert key not in made.printed
        assert stored(tmp_path) == REPLIES
        holding = [p for p in tmp_path.rglob("*") if p.is_file() and key.encode() in p.read_bytes()]
        assert holding == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "http://me:secret@localhost:1/v1#m",
            "--checkpoint: the URL holds a user name or password; leave it out",
        ),
        (
            "https://secret@localhost/v1#m",
            "--checkpoint: the URL holds a user name or password; leave it out",
        ),
        *(
            (spec, "--checkpoint: the URL holds a user name or password; leave it out")
            for spec in (
                "HTTP://me:secret@localhost:1/v1#m",
                " http://me:secret@localhost:1/v1#m",
                "x= Https://me:secret@localhost:1/v1",
                "https:/me:secret@localhost:1/v1#m",
                "http:me:secret@localhost:1/v1#m",
                " http:me:secret@localhost:1/v1#m",
                "http://me:12#secret@localhost:1/v1#m",
                "http://me:12/secret@localhost:1/v1#@cf/m",
                "htps://me:secret@localhost:1/v1#m",
            )
        ),
        ("ftp://localhost/v1#m", "--checkpoint ftp://localhost/v1#m: is no http URL; give http(s)://host/v1"),
        ("http://localhost/v1?key=secret#m", "--checkpoint: the URL holds a query, which may be secret"),
        (
            "http://localhost:1/v1",
            "--checkpoint http://localhost:1/v1: names no model; give http://localhost:1/v1#",
        ),
        (
            "http://localhost:1/v1#",
            "--checkpoint http://localhost:1/v1#: names no model; give http://localhost",
        ),
        ("http:///v1#m", "--checkpoint http:///v1#m: names no host; give http(s)://host/v1#model"),
        ("http://localhost:port/v1#m", "--checkpoint: the URL cannot be read; give http(s)://host/v1#model"),
    ],
)
def test_urls_that_are_refused(tmp_path: Path, spec: str, said: str) -> None:
    refused = run(tmp_path, [f"--checkpoint={spec}"])
    assert refused.exit_code == 4
    assert f"ERROR: {said}" in refused.printed
    assert "secret" not in refused.printed.replace("may be secret", "")
    assert not any(tmp_path.iterdir())
