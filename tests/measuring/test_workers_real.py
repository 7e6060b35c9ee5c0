"""Workers (`-n`) on real checkpoints: log-probabilities to the last digit, and every weight loaded at most once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.suite import Run, run

pytestmark = pytest.mark.long
SAME = "profile.json", "answers.jsonl", "trials.jsonl"
COUNTING = """
import os

def pytest_collection_finish():
    from fixtures.checkpoints.in_process import shared_weights as bases

    whole = bases.load_model

    def load_model(directory, *more):
        with open(os.environ["LOADS"], "a") as loads:
            loads.write(f"{os.getpid()} {directory.name}\\n")
        return whole(directory, *more)

    bases.load_model = load_model
"""


def demo(place: Path, *more: str) -> tuple[Run, Counter[str]]:
    """Both embedded checkpoints on 34 problems, which are two blocks; with the loads, by process and weights."""
    (place / "counting.py").write_text(COUNTING)
    arguments = ("-k", "internal_confidence or calibration", "--n-problems=34", "--max-answer-tokens=4")
    files = (f"--store={place / 'store.sqlite3'}", f"--output={place / 'output'}")
    environment = {
        "PYTEST_ADDOPTS": "-p counting -p no:cacheprovider -p no:hypothesispytest -p no:syrupy -p no:anyio",
        "PYTHONPATH": str(place),
        "LOADS": str(place / "loads"),
    }
    done = run(place, [*arguments, *files, *more], **environment)
    return done, Counter((place / "loads").read_text().splitlines())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Counter[str]]:
    return demo(tmp_path_factory.mktemp("alone"))


def test_two_workers_measure_the_same_to_the_last_digit(
    alone: tuple[Run, Counter[str]], tmp_path: Path
) -> None:
    together, loads = demo(tmp_path, "-n", "2")
    for name in SAME:
        assert together.files[name] == alone[0].files[name], name
    assert len({load.split()[0] for load in loads}) == 2, "both have measured"
    assert set(loads.values()) == set(alone[1].values()) == {1}
    assert len(alone[1]) == 2
