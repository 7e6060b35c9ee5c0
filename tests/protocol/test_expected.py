"""Mean, spread and mass of the number that would have been written, and how they are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.checkpoints.interface import Reply
from fixtures.protocol import keys
from fixtures.protocol.expected import DEFINITION, AtLayer, Expected, expected
from fixtures.protocol.keys import key_of_expected
from fixtures.protocol.making import make
from fixtures.store.database import ExpectedRow, Store
from tests.support.spoken import Spoken, block, is_again


def numbers(**shares: float) -> tuple[float, ...]:
    """By `n25=0.1` and so on."""
    return tuple(shares.get(f"n{number}", 0.0) for number in range(101))


def test_they_are_of_the_numbers_alone() -> None:
    found = expected(numbers(n20=0.3, n60=0.1), 20)
    assert found is not None
    assert [found.mean, found.mass, found.on_hint] == pytest.approx([30, 0.4, 0.75])
    assert found.spread == pytest.approx((0.75 * 10**2 + 0.25 * 30**2) ** 0.5)


@pytest.mark.parametrize("hint", [None, 12.5])
def test_a_hint_that_is_no_whole_number_has_no_share(hint: float | None) -> None:
    assert expected(numbers(n20=0.25), hint) == Expected(20, 0, 0.25, None)


@pytest.mark.parametrize("known", [(), numbers(), numbers(n3=float("nan"))])
def test_where_nothing_is_known_there_is_none(known: tuple[float, ...]) -> None:
    assert expected(known, 20) is None


SAYS = Reply(" 90%.", "stop", numbers=numbers(n90=0.6, n10=0.2))


@dataclass
class Reader(Spoken):
    reads_numbers: bool = True


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite3")


def test_it_is_kept_beside_the_reply(store: Store) -> None:
    own = block(Reader(first=lambda _: SAYS), store, readout="slot")
    make(own)
    assert [trial.expected for trial in own.trials] == [expected(SAYS.numbers, t.hint) for t in own.trials]
    again = block(Reader(first=lambda _: SAYS, most=0), store, readout="slot")
    make(again)
    assert again.trials == own.trials


def test_trials_of_an_older_store_are_made_once_more_for_it(store: Store) -> None:
    before, now = Spoken(first=lambda _: SAYS), Reader(first=lambda _: SAYS)
    old = block(before, store, readout="slot")
    make(old)
    assert all(trial.expected is None for trial in old.trials)
    new = block(now, store, readout="slot")
    make(new)
    assert len(now.asked) == len(new.trials), "and no answer"
    assert [trial.first for trial in new.trials] == [trial.first for trial in old.trials]
    assert [trial.expected for trial in new.trials] == [expected(SAYS.numbers, t.hint) for t in new.trials]


@dataclass
class LayerReader(Reader):
    reads_layers: bool = True


def test_so_are_those_of_every_layer(store: Store) -> None:
    said = replace(SAYS, layers=(numbers(), numbers(n20=0.5, n30=0.5), SAYS.numbers))
    own = block(LayerReader(first=lambda _: said), store, readout="slot")
    make(own)
    (layers,) = {trial.layers for trial in own.trials}
    assert layers[:2] == (None, AtLayer(25, 1))
    assert layers[2] == pytest.approx((70, 0.8))
    again = block(LayerReader(first=lambda _: said, most=0), store, readout="slot")
    make(again)
    assert again.trials == own.trials


def test_another_definition_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    make(block(LayerReader(first=lambda _: SAYS), store, readout="slot"))
    monkeypatch.setattr(keys, "DEFINITION", DEFINITION + 1)
    other = replace(SAYS, numbers=numbers(n10=0.5))
    now = LayerReader(first=lambda _: other)
    new = block(now, store, readout="slot")
    make(new)
    assert len(now.asked) == len(new.trials), "and no answer"
    assert {trial.first.text for trial in new.trials} == {"My confidence in that answer is 90%."}
    assert [trial.expected for trial in new.trials] == [expected(other.numbers, t.hint) for t in new.trials]


def test_a_free_reply_has_none(store: Store) -> None:
    own = block(Reader(first=lambda _: SAYS), store)
    make(own)
    assert not any(map(is_again, own.checkpoint.asked))  # type: ignore[attr-defined]
    assert all(trial.expected is None for trial in own.trials)
    beside = [key_of_expected(asked.key, "expected") for asked in own.asked]
    assert store.get(ExpectedRow, beside) == {}


def test_what_could_not_be_read_is_not_asked_for_again(store: Store) -> None:
    own = block(Reader(first=lambda _: Reply(" 90%.", "stop")), store, readout="slot")
    make(own)
    assert own.find() == own.size
    assert all(trial.expected is None for trial in own.trials)
