"""Problems through Hugging Face datasets: files, directories, and a stand-in for the hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.errors import InputError
from fixtures.questions.problems import GSM8K, GSM8K_REVISION, load
from tests.support.hub import COMMIT, Hub, serving

ROOT = Path(__file__).parents[2]
OLDER = "89abcdef0123456789abcdef0123456789abcdef"
ROWS = [{"question": f"What is\n{n} + 1?", "answer": f"#### {n + 1}"} for n in range(12)]
CARD = """---
configs:
- config_name: main
  data_files: [{split: train, path: main/train.jsonl}, {split: test, path: main/test.jsonl}]
- config_name: socratic
  data_files: [{split: test, path: socratic/test.jsonl}]
---
"""
LOAD = """
import sys
from fixtures.errors import InputError
from fixtures.questions.problems import load
for spec in sys.argv[1:]:
    try:
        found = load(spec, None, 100)
        print(found.source, found.revision, *sorted(problem.gold for problem in found.problems))
    except InputError as error:
        print(error)
assert "torch" not in sys.modules
"""


def _jsonl(path: Path, rows: list[dict[str, str]] = ROWS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _repository(place: Path) -> Path:
    """Two configurations; one has a test split of two rows beside a train split, the other of three rows."""
    _jsonl(place / "main" / "train.jsonl")
    _jsonl(place / "main" / "test.jsonl", ROWS[:2])
    _jsonl(place / "socratic" / "test.jsonl", ROWS[:3])
    (place / "README.md").write_text(CARD)
    return place


def _dataset(rows: list[dict[str, Any]] = ROWS) -> Any:
    from datasets import Dataset

    return Dataset.from_list(rows)


def _splits(**rows: list[dict[str, Any]]) -> Any:
    from datasets import DatasetDict

    return DatasetDict({name: _dataset(part) for name, part in rows.items()})


SOURCES: dict[str, Callable[[Path], object]] = {
    "mine.parquet": lambda path: _dataset().to_parquet(path),
    "MINE.CSV": lambda path: _dataset().to_csv(path),
    "mine [1]*.csv": lambda path: _dataset().to_csv(path),
    "saved": lambda path: _dataset().save_to_disk(path),
    "saved-splits": lambda path: _splits(train=ROWS[:3], test=ROWS).save_to_disk(path),
    "one-split": lambda path: _jsonl(path / "validation.jsonl"),
    "splits": lambda path: (_jsonl(path / "train.jsonl", ROWS[:3]), _jsonl(path / "test.jsonl")),
}


@pytest.mark.parametrize(("name", "make"), SOURCES.items(), ids=SOURCES)
def test_what_datasets_reads(
    tmp_path: Path, name: str, make: Callable[[Path], object], capfd: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / name)
    capfd.readouterr()
    found = load(str(tmp_path / name), None, 100)
    lines = load(str(_jsonl(tmp_path / "mine.jsonl")), None, 100)
    assert found.problems == lines.problems
    assert found.source == name
    assert capfd.readouterr() == ("", "")


def test_the_revision_names_the_content(tmp_path: Path) -> None:
    _dataset().to_parquet(tmp_path / "one.parquet")
    _dataset().save_to_disk(tmp_path / "two")
    _dataset(ROWS[1:]).to_parquet(tmp_path / "three.parquet")
    one, two, three = (load(str(tmp_path / name), 1, 1) for name in ("one.parquet", "two", "three.parquet"))
    assert one.revision == two.revision != three.revision


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    _dataset(ROWS[:2]).to_csv(file)
    assert len(load(str(file), None, 100).problems) == 2
    _dataset(ROWS[:3]).to_csv(file)
    assert len(load(str(file), None, 100).problems) == 3


def test_a_configuration_of_a_directory(tmp_path: Path) -> None:
    place = _repository(tmp_path / "clone")
    assert len(load(f"{place}:main", None, 100).problems) == 2
    assert len(load(f"{place}:socratic", None, 100).problems) == 3
    with pytest.raises(InputError, match=r"available configs: \['main', 'socratic'\].*behind a colon"):
        load(str(place), None, 100)


def _text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def _script(path: Path) -> None:
    path.mkdir()
    (path / f"{path.name}.py").write_text("raise SystemExit(9)")


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no-parquet": ("bad.parquet", _text("PAR1"), "cannot be read as a dataset (Parquet"),
    "no-csv": ("bad.csv", _text('question,answer\n"x'), "cannot be read as a dataset (Error tokenizing"),
    "empty-csv": ("bad.csv", _text(""), "cannot be read as a dataset (No columns"),
    "separator": (
        "bad.csv",
        _text("question;answer\nWhy?;#### 5\n"),
        'has no column "question", but question;answer',
    ),
    "columns": (
        "bad.parquet",
        lambda path: _dataset([{"question": "Why?", "solution": "#### 5"}]).to_parquet(path),
        'has no column "answer", but question, solution',
    ),
    "no-text": ("bad.csv", _text("question,answer\nWhy?,5\n"), 'row 1 has no text field "answer"'),
    "no-answer": (
        "bad.csv",
        _text('question,answer\nWhy?,#### 5\n"How\nso?",\n'),
        'row 2 has no text field "answer"',
    ),
    "no-gold": (
        "bad.parquet",
        lambda path: _dataset([ROWS[0], {"question": "Why?", "answer": "#### 3/4"}]).to_parquet(path),
        "row 2 has no gold number",
    ),
    "repeated": (
        "bad.parquet",
        lambda path: _dataset([*ROWS, ROWS[4]]).to_parquet(path),
        "row 13 repeats the question of row 5",
    ),
    "no-test-split": (
        "bad",
        lambda path: _splits(train=ROWS, validation=ROWS).save_to_disk(path),
        "has no test split among several (train, validation)",
    ),
    "empty-directory": ("bad", Path.mkdir, "cannot be read as a dataset (The directory at"),
    "script": (
        "bad",
        _script,
        "cannot be read as a dataset (Dataset scripts are no longer supported",
    ),
}


@pytest.mark.parametrize(("name", "make", "words"), BAD.values(), ids=BAD)
def test_a_bad_dataset(
    tmp_path: Path,
    name: str,
    make: Callable[[Path], object],
    words: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / name)
    capfd.readouterr()
    with pytest.raises(InputError) as error:
        load(str(tmp_path / name), None, 1)
    assert str(error.value).startswith(f"--problems {tmp_path / name}: {words}")
    assert error.value.remedy
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Two commits: `v1` is the older one, and has one configuration only."""
    place = tmp_path_factory.mktemp("repositories")
    new = _repository(place / "new")
    old = _jsonl(place / "old" / "test.jsonl").parent
    with serving(Hub({"main": COMMIT, "v1": OLDER}, {COMMIT: new, OLDER: old})) as hub:
        yield hub


def loaded(hub: Hub, place: Path, *specs: str, **more: str) -> list[str]:
    """What each SPEC gives, or the line that refuses it; in a process of its own, which reads the environment anew."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *specs],
        env={
            **plain,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(place / "home"),
            "NO_PROXY": "*",
            "PYTHONPATH": str(ROOT),
            **more,
        },
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_hub_and_then_its_cache(hub: Hub, tmp_path: Path) -> None:
    main, tag, commit = specs = "owner/name:main", "owner/name@v1", f"owner/name@{OLDER}"
    golds = " ".join(str(n + 1) for n in range(12))
    lines = [f"{main} {COMMIT} 1 2", f"owner/name {OLDER} {golds}", f"owner/name {OLDER} {golds}"]
    assert loaded(hub, tmp_path, *specs) == lines
    asked = len(hub.asked)
    for offline in (
        {"HF_HUB_OFFLINE": "1"},
        {"HF_DATASETS_OFFLINE": "1"},
        {"HF_ENDPOINT": "http://127.0.0.1:9"},
    ):
        one, two, three, other = loaded(
            hub, tmp_path, main, tag, commit, f"owner/name:main@{OLDER}", **offline
        )
        assert [one, three] == [lines[0], lines[2]]
        assert two.startswith(
            f"--problems {tag}: the hub is out of reach, and its cache has revision {OLDER}; connect"
        )
        assert f"its cache has revision {COMMIT}" in other
    assert len(hub.asked) == asked
    moved = {"HF_DATASETS_CACHE": str(tmp_path / "elsewhere"), "HF_HUB_OFFLINE": "1"}
    (line,) = loaded(hub, tmp_path, main, **moved)
    assert line.startswith(f"--problems {main}: cannot be had from the hub or its cache (offline mode is on)")


def test_what_the_hub_refuses(hub: Hub, tmp_path: Path) -> None:
    unnamed, config, revision, other = loaded(
        hub, tmp_path, "owner/name", "owner/name:x", "owner/name@v9", "owner/other"
    )
    assert unnamed.startswith("--problems owner/name: Config name is missing.")
    assert "['main', 'socratic']" in unnamed
    assert config.startswith(
        "--problems owner/name:x: BuilderConfig 'x' not found. Available: ['main', 'socratic']"
    )
    assert revision == "--problems owner/name@v9: has no revision v9; check the branch, tag or commit"
    assert other.startswith("--problems owner/other: is neither a local path nor a dataset of the hub;")


def test_a_gated_dataset_wants_a_token(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "token", "hf_secret")
    (line,) = loaded(hub, tmp_path, "owner/name:main")
    assert line.startswith("--problems owner/name:main: is gated; accept its terms")
    (line,) = loaded(hub, tmp_path, "owner/name:main", HF_TOKEN="hf_secret")
    assert line == f"owner/name:main {COMMIT} 1 2"


def test_gsm8k_is_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def from_hub(*arguments: object) -> tuple[str, list[dict[str, str]]]:
        asked.append(arguments)
        return GSM8K_REVISION, ROWS

    monkeypatch.setattr("fixtures.questions.dataset.from_hub", from_hub)
    found = load("gsm8k", 4, 500)
    assert asked == [(GSM8K, "main", GSM8K_REVISION)]
    assert (found.source, found.revision) == (GSM8K, GSM8K_REVISION)
    assert len(found.problems) == 4


def test_datasets_is_imported_late() -> None:
    demo = "from fixtures.questions.problems import load; load('demo', 1, 1)"
    late = "import sys; assert 'datasets' not in sys.modules"
    subprocess.run([sys.executable, "-c", f"{demo}; {late}"], cwd=ROOT, check=True)
