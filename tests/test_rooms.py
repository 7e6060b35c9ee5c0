"""Rooms know only rooms to their left: what a module of fixtures/ imports of its neighbours."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"


def neighbours(file: Path) -> set[str]:
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    found = {
        node.module.split(".")[1] for node in imports if node.module and node.module.startswith("fixtures.")
    }
    return found | {alias.name for node in imports if node.module == "fixtures" for alias in node.names}


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("replies*.py")), ids=lambda file: file.stem)
def test_replies_know_nothing_else(file: Path) -> None:
    assert {name for name in neighbours(file) if not name.startswith("replies")} == set()


@pytest.mark.parametrize("room", ["looks", "verdict", "estimate", "resampling", "statistics", "compliance"])
def test_statistics_know_no_models(room: str) -> None:
    models = {"checkpoints", "protocol", "store", "measurement", "conversation", "strategies"}
    assert neighbours(FIXTURES / f"{room}.py") & models == set()
