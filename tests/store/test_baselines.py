"""Baselines: text that comes back as it was, small, and refused in one line where it is damaged or another run's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.errors import InputError
from fixtures.store import baselines
from fixtures.store.baselines import Baseline, Row, check, read, write

STATED = st.none() | st.integers(0, 10000).map(lambda hundredths: hundredths / 100)
HINTS = (10.0, 95.0)
CONDITIONS = {"dtype": "float32", "hints": "[10.0, 95.0]"}


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(baselines, "DIRECTORY", tmp_path / "baselines")
    return tmp_path / "baselines"


def row(at: int, stated: tuple[float | None, ...] = (10.0, None)) -> Row:
    return Row(
        f"{at:012x}",
        None if at == 2 else at % 2 == 0,
        0.9123,
        {"direct_hint": stated, "natural_query": (90.0, 92.5)},
    )


def whole(n: int = 3) -> Baseline:
    return Baseline(CONDITIONS, tuple(row(at) for at in range(n)))


@given(st.lists(st.tuples(STATED, STATED), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read(stated: list[tuple[float | None, ...]]) -> None:
    kept = Baseline(CONDITIONS, tuple(row(at, pair) for at, pair in enumerate(stated)))
    write("tuned", kept)
    assert read("tuned") == kept
    assert baselines.strategies("tuned") == ("direct_hint", "natural_query")


def test_it_is_text_of_one_line_a_problem_and_the_same_every_time(directory: Path) -> None:
    file = write("tuned", whole())
    first = file.read_text()
    assert first.splitlines()[:4] == [
        "heedful-baseline-1",
        "dtype\tfloat32",
        "hints\t[10.0, 95.0]",
        "problem\tcorrect\tinternal\tdirect_hint\tnatural_query",
    ]
    assert first.splitlines()[4] == "000000000000\t1\t0.9123\t10 -\t90 92.5"
    assert write("tuned", whole()).read_text() == first
    assert [path.name for path in directory.iterdir()] == ["tuned.tsv"]


@pytest.mark.parametrize(
    "source", ["a\ttab.jsonl", "two\nlines.jsonl", 'a "quoted" name.jsonl', "ünï.jsonl", ""]
)
def test_any_name_of_a_problem_file_comes_back(source: str) -> None:
    kept = Baseline({**CONDITIONS, "problems": source}, (row(0),))
    write("tuned", kept)
    assert read("tuned") == kept


def test_500_problems_of_nine_strategies_take_less_than_200_kb() -> None:
    stated: dict[str, tuple[float | None, ...]]
    stated = {f"strategy_{i}": (10.5, 25.25, 40.75, 60.5, 95.25) for i in range(9)}
    rows = tuple(Row(f"{at:012x}", True, 0.9123, stated) for at in range(500))
    assert write("tuned", Baseline(CONDITIONS, rows)).stat().st_size < 200_000


def test_nothing_to_compare_with_is_not_written_over_what_is_there() -> None:
    good = write("tuned", whole()).read_text()
    with pytest.raises(InputError, match="of tuned no strategy with a signal was measured"):
        write("tuned", Baseline(CONDITIONS, (Row("0" * 12, True, 0.9, {}),)))
    assert baselines.path("tuned").read_text() == good


def test_nothing_accepted_is_no_strategies() -> None:
    assert baselines.strategies("tuned") == ()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda text: text.replace("heedful-baseline-1", "heedful-baseline-2"), "is no baseline of schema"),
        (lambda text: "", "is damaged"),
        (lambda text: text[: len(text) // 2], "is damaged"),
        (lambda text: text.rpartition("\n0")[0].rpartition("problem")[0], "is damaged"),
        (lambda text: text.replace("92.5", "high"), "is damaged"),
        (lambda text: text.replace("92.5", "nan"), "is damaged"),
        (lambda text: text.replace("90 92.5", "90\t92.5"), "is damaged"),
        (lambda text: text.replace("dtype\tfloat32", "dtype"), "is damaged"),
        (lambda text: text.replace("float32", "f" * 200_000), "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(broken: object, words: str) -> None:
    assert callable(broken)
    file = write("tuned", whole())
    file.write_text(broken(file.read_text()))
    with pytest.raises(InputError, match=words) as refused:
        read("tuned")
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_other_conditions_and_problems_are_refused_by_name() -> None:
    ids = [row(at).problem for at in range(3)]
    check("tuned", whole(), CONDITIONS, ids, lambda _: HINTS)
    check("tuned", whole(), CONDITIONS, ids[:2], lambda _: HINTS)
    with pytest.raises(InputError, match="dtype was float32 and is bfloat16"):
        check("tuned", whole(), {**CONDITIONS, "dtype": "bfloat16"}, ids, lambda _: HINTS)
    with pytest.raises(InputError, match="readout was nothing and is slot"):
        check("tuned", whole(), {**CONDITIONS, "readout": "slot"}, ids, lambda _: HINTS)
    for others in ([*ids, "f" * 12], ids[::-1]):
        with pytest.raises(InputError, match="its problems are others"):
            check("tuned", whole(), CONDITIONS, others, lambda _: HINTS)


@pytest.mark.parametrize("stated", [(10.0,), (10.0, 95.0, 95.0)])
def test_a_value_too_few_or_too_many_is_refused_by_name(stated: tuple[float, ...]) -> None:
    damaged = Baseline(CONDITIONS, (row(0), row(1, stated), row(2)))
    ids = [row(at).problem for at in range(3)]
    words = rf"is damaged \(problem {ids[1]}: direct_hint has {len(stated)} values at 2 hints\)"
    with pytest.raises(InputError, match=words):
        check("tuned", damaged, CONDITIONS, ids, lambda _: HINTS)
