"""Every command in README, CONTRIBUTING and docs/: it is run, or collected, or read as the command line reads it; or
NOT_RUN says why not."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.options import command_line
from tests.docs.images import failure, terminal
from tests.docs.pages import PAGES, ROOT, commands
from tests.support.suite import options, run

COMMANDS = sorted(set().union(*map(commands, PAGES.values())))
RUN = {
    "pytest --help": 0,
    "pytest --from-store --store store.sqlite3 --output review": 1,
    "python -m reports rebuild store.sqlite3 --output review": 0,
    "python -m reports rebuild": 0,
    "python -m reports rebuild reports/latest": 0,
    "python -m reports compare old/profile.json new/profile.json": 0,
    "python -m tests.replies": 0,
}
"""Run for real, in a directory that has what they name: the exit code that each ends with."""
INSTALLS = "it changes the environment that the tests run in"
NOT_RUN = {
    "python3 -m venv .venv && . .venv/bin/activate": INSTALLS,
    "pip install -e .": INSTALLS,
    "pip install -e '.[dev]'": INSTALLS,
    "pip install -e '.[browser]'": INSTALLS,
    "pip install -e '.[ray]'": INSTALLS,
    "pip install bitsandbytes": INSTALLS,
    "apt-get install chromium": INSTALLS,
    "npm ci --prefix tests/browser": INSTALLS,
    "bash .ci/check": "it is what runs this test",
    "bash .ci/run": "it is what runs this test",
    'pytest tests -n 2 --dist loadfile -m "not long"': "it is what runs this test",
    "pytest tests -m long": "it takes minutes",
    "python -m tests.docs.images": "it wants Chromium and a run of the demo",
    "python -m tests.benchmarks.engines": "it takes most of an hour",
    "python -m tests.benchmarks.served": "it takes minutes, and times a machine that does nothing else",
    "python -m tests.support.train_thinker DIRECTORY": "it takes minutes",
    "python -m tests.benchmarks.fleet": "it takes minutes, and times a machine that does nothing else",
}
READ = [command for command in COMMANDS if command not in RUN and command not in NOT_RUN]
"""Those of pytest that would measure a checkpoint."""


def arguments(command: str) -> list[str]:
    """Those of a command of pytest, without the variables in front of it."""
    words = shlex.split(command)
    while "=" in words[0]:
        words.pop(0)
    program, *rest = words
    assert program == "pytest", f"{command!r} is neither in RUN nor in NOT_RUN"
    return rest


def selects(command: str) -> bool:
    """Whether a command chooses behaviors by an expression, which only a collection can check."""
    return bool({"-k", "-m"} & {*arguments(command)})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the commands of RUN name: a run's store and reports, and two profiles."""
    place = tmp_path_factory.mktemp("place")
    done = run(place, options(place, "conversational-resister", "--n-problems=8", "-k", "conversational"))
    assert done.exit_code == 1, done.printed
    for copy in ("reports/latest", "old", "new"):
        shutil.copytree(place / "output", place / copy)
    return place


def ran(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    program, *rest = shlex.split(command)
    if program == "pytest":
        rest = ["-m", "pytest", f"--config-file={ROOT / 'pyproject.toml'}", str(ROOT / "behaviors"), *rest]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, *rest],
        cwd=place,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", RUN)
def test_it_runs(command: str, place: Path) -> None:
    done = ran(command, place)
    assert done.returncode == RUN[command], done.stdout + done.stderr


@pytest.mark.parametrize("command", [command for command in READ if selects(command)])
def test_it_selects_behaviors(command: str, tmp_path: Path) -> None:
    done = ran(f"{shlex.join(['pytest', *arguments(command)])} --collect-only -q", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "behaviors/test_" in done.stdout


@pytest.mark.parametrize("command", [command for command in READ if not selects(command)])
def test_its_options_are_read(
    command: str, pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By pytest's own parser, with the plugins of this run, and then as Heedful reads its options."""
    values, unknown = pytestconfig._parser.parse_known_and_unknown_args(arguments(command))
    assert unknown == []
    assert [path for path in values.file_or_dir if not (ROOT / path).exists()] == []
    monkeypatch.chdir(tmp_path)
    asked = SimpleNamespace(
        getoption=lambda name, *default: getattr(values, name.removeprefix("--").replace("-", "_"), *default)
    )
    command_line.read(cast(pytest.Config, asked))


def test_the_picture_of_a_failure_shows_what_pytest_printed(place: Path) -> None:
    text = failure(place / "output" / "junit.xml", "test_bias[tuned-natural_query]")
    assert text.startswith("behaviors/test_conversational_compliance.py:")
    assert '<span class="claim">E   assert abs(natural_query: low bias)' in terminal(text)
    assert terminal("<b>").endswith("&lt;b&gt;")


def test_the_tables_hold_what_the_pages_say() -> None:
    assert {*RUN, *NOT_RUN} <= {*COMMANDS}


def test_what_is_not_run_is_there() -> None:
    text = "\n".join(NOT_RUN)
    for module in re.findall(r"python -m (tests\.\S+)", text):
        assert importlib.util.find_spec(module), module
    for path in re.findall(r"bash (\S+)|--prefix (\S+)", text):
        assert (ROOT / "".join(path)).exists(), path
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*re.findall(r"\.\[(\w+)\]", text)} <= {*project["optional-dependencies"]}


def test_ci_runs_what_a_contributor_does() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: bash .ci/run" in workflow
    assert "bash .ci/check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = (ROOT / ".ci" / "check").read_text(encoding="utf-8").splitlines()
    assert {"mypy", "ruff check .", "ruff format --check ."} <= {*lines}
