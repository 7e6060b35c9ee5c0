"""What shows a run needs neither pytest nor an engine: it starts at once, and runs where neither is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.suite import options, run

ROOT = Path(__file__).parents[2]
HEAVY = ("pytest", "torch", "transformers", "fixtures.plugin", "fixtures.measuring", "fixtures.store")
LOADED = """
import json, sys
{code}
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def loaded(code: str) -> set[str]:
    """The modules that a new interpreter holds after `code`."""
    command = [sys.executable, "-c", LOADED.format(code=code)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy(modules: set[str]) -> set[str]:
    return {n for n in modules if n.startswith(tuple(f"{h}." for h in HEAVY)) or n in HEAVY}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    run(place, options(place, "obedient", "--n-problems=12", "-k", "conversational"))
    return place / "output"


def test_profiles_are_compared_without_pytest_or_an_engine(output: Path) -> None:
    profile = str(output / "profile.json")
    modules = loaded(
        f"from reports.__main__ import main; assert main(['compare', {profile!r}, {profile!r}]) == 0"
    )
    assert "reports.views.compare" in modules
    assert heavy(modules) == set()
    assert "matplotlib" not in modules


def test_a_report_is_rebuilt_without_pytest_or_an_engine(output: Path) -> None:
    (output / "report.html").unlink()
    modules = loaded(f"from reports.__main__ import main; assert main(['rebuild', {str(output)!r}]) == 0")
    assert heavy(modules) == set()
    assert "natural_query" in (output / "report.html").read_text(encoding="utf-8")


def test_no_view_and_no_wording_needs_pytest_or_an_engine() -> None:
    rooms = ("wording", "views")
    names = [
        f"reports.{room}.{file.stem}" for room in rooms for file in (ROOT / "reports" / room).glob("[!_]*.py")
    ]
    assert len(names) > len(rooms)
    assert heavy(loaded(f"import {', '.join(names)}")) == set()
