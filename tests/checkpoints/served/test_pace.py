"""How many requests at a time, against servers of which is known what they can do."""

from __future__ import annotations

import resource
from types import SimpleNamespace

import pytest

from fixtures.checkpoints.interface import EngineSettings
from fixtures.checkpoints.served.pace import FIRST, LEAST, MOST, Pace


class Clock:
    """Time goes by replies: `most` at a time are as fast as more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, own: Pace, most: int) -> None:
        self.now, self.most, self._pace = 0.0, most, own
        self.numbers: list[int] = []
        monkeypatch.setattr(
            "fixtures.checkpoints.served.pace.time", SimpleNamespace(monotonic=lambda: self.now)
        )

    def reply(self, times: int) -> None:
        for _ in range(times):
            self.now += 1 / min(self._pace.number, self.most)
            self._pace.replied()
            self.numbers.append(self._pace.number)


def test_a_number_that_is_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Pace.of(EngineSettings(concurrency=20))
    clock = Clock(monkeypatch, own, MOST)
    clock.reply(1000)
    own.busy()
    assert {*clock.numbers, own.number} == {20}


@pytest.mark.parametrize(("can", "reached"), [(10_000, MOST), (MOST, MOST), (64, 64), (20, 32), (1, FIRST)])
def test_grows_while_the_rate_does(monkeypatch: pytest.MonkeyPatch, can: int, reached: int) -> None:
    """It is there soon, and is most often there: what is twice as much is tried more and more seldom."""
    own = Pace.of(EngineSettings())
    clock = Clock(monkeypatch, own, can)
    assert own.number == FIRST
    clock.reply(4 * MOST)
    assert reached in clock.numbers
    clock.numbers.clear()
    clock.reply(20_000)
    assert clock.numbers.count(reached) > 0.7 * len(clock.numbers)
    assert set(clock.numbers) <= {reached, min(2 * reached, MOST)}


def test_grows_again_when_more_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked has changed, or others have left the server."""
    own = Pace.of(EngineSettings())
    clock = Clock(monkeypatch, own, FIRST)
    clock.reply(5000)
    assert own.number <= 2 * FIRST
    clock.most = 10_000
    clock.reply(5000)
    assert own.number == MOST


def test_time_in_which_nothing_is_asked_is_no_slowness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run judges between its looks, and asks other checkpoints."""
    own = Pace.of(EngineSettings())
    clock = Clock(monkeypatch, own, 2 * FIRST)
    for _ in range(50):
        own.begin_round()
        clock.reply(500)
        clock.now += 30
    clock.numbers.clear()
    own.begin_round()
    clock.reply(500)
    assert set(clock.numbers) <= {2 * FIRST, 4 * FIRST}


@pytest.mark.parametrize(("files", "most"), [(256, 128), (20, 10), (resource.RLIM_INFINITY, MOST)])
def test_no_more_at_a_time_than_there_may_be_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    own = Pace.of(EngineSettings())
    assert (own.number, own.most) == (min(FIRST, most), most)
    assert Pace.of(EngineSettings(concurrency=200)).number == 200


def test_halves_when_the_server_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all that was sent before, down to a few; and is careful to grow afterwards."""
    own = Pace.of(EngineSettings())
    clock = Clock(monkeypatch, own, 10_000)
    clock.reply(4 * MOST)
    for _ in range(MOST // 2):
        own.busy()
    assert own.number == MOST // 2
    for _ in range(10 * MOST):
        own.busy()
    assert own.number == LEAST
    clock.reply(3 * LEAST)
    assert own.number == LEAST
    clock.reply(5000)
    assert own.number == MOST


@pytest.mark.parametrize(
    ("workers", "shares"),
    [(1, [(16, 256)]), (3, [(6, 86), (5, 85), (5, 85)]), (20, [(1, 13)] * 16 + [(1, 12)] * 4)],
)
def test_workers_share(monkeypatch: pytest.MonkeyPatch, workers: int, shares: list[tuple[int, int]]) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 1024))
    own = [Pace.of(EngineSettings(worker=worker, workers=workers)) for worker in range(workers)]
    assert [(each.number, each.most) for each in own] == shares
