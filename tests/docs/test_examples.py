"""The examples in docs/: a strategy that is read, a behavior that is judged, a workflow for the action; and the keys of
the transcripts."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import yaml

from fixtures.questions.strategies import load
from reports.data.transcripts import Answered, Exchange
from tests.docs.pages import PAGES, ROOT, fenced
from tests.support.suite import options, run

WRITING = PAGES["docs/behaviors-and-strategies.md"]
FILES = {"answers": (Answered, set[str]()), "trials": (Exchange, {"question", "answer"})}
"""What a line of each file is, and what it leaves to the other file."""


def test_the_strategy_is_taken(tmp_path: Path) -> None:
    (example,) = fenced(WRITING, "toml")
    file = tmp_path / "strategies.toml"
    known = (ROOT / "fixtures" / "questions" / "strategies.toml").read_text(encoding="utf-8")
    file.write_text(f"{known}\n{example}", encoding="utf-8")
    assert load(file)["my_strategy"].has_signal


def test_the_behavior_is_judged(tmp_path: Path) -> None:
    (example,) = fenced(WRITING, "python")
    own = tmp_path / "test_own.py"
    own.write_text(example.replace("my_strategy", "natural_query"), encoding="utf-8")
    both = options(tmp_path, "conversational-resister", "--checkpoint=heeds=scripted:obedient")
    selected = "--n-problems=40", "-k", "test_own", "behaviors/test_calibration.py", str(own)
    done = run(tmp_path, [*both, *selected])
    found = {verdict["checkpoint"]: verdict["verdict"] for verdict in done.verdicts.values()}
    assert found == {"tuned": "refuted", "heeds": "held"}, done.printed


def test_the_workflow_gives_the_action_what_it_knows() -> None:
    (example,) = fenced(PAGES["docs/reports.md"], "yaml")
    (step,) = (step for step in yaml.safe_load(example)["jobs"]["heedful"]["steps"] if "with" in step)
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert {*step["with"]} <= {*action["inputs"]}


def test_the_table_of_keys_is_that_of_the_transcripts() -> None:
    section = PAGES["docs/reports.md"].partition("## Transcripts\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \| (both|answers|trials) \|", section, re.MULTILINE)
    said = {
        of: {key for keys, own in rows if own in (of, "both") for key in re.findall(r"`(\w+)`", keys)}
        for of in FILES
    }
    assert said == {of: {field.name for field in fields(kind)} - left for of, (kind, left) in FILES.items()}
