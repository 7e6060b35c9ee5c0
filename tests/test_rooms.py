"""The order of the rooms: a folder imports only from folders above its own line here, late imports too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = """
fixtures/errors fixtures/replies fixtures/stats
fixtures/system
fixtures/questions
fixtures/checkpoints fixtures/checkpoints/source
fixtures/checkpoints/prompts fixtures/checkpoints/served fixtures/store
fixtures/checkpoints/in_process fixtures/checkpoints/started fixtures/options fixtures/protocol
fixtures/checkpoints/open fixtures/measuring
fixtures/checkpoints/fleet
fixtures/plugin
reports/data
reports/wording
reports/views
reports/plugin
reports/__main__
"""
"""A line is a floor; rooms of one floor do not know each other, but for a folder and what stands in it."""
FLOORS = {room: floor for floor, line in enumerate(ORDER.split("\n")) for room in line.split()}
PURE = "fixtures/replies", "fixtures/stats", "fixtures/questions"
SOURCES = sorted(file for wing in ("fixtures", "reports") for file in (ROOT / wing).rglob("*.py"))


def room(path: str) -> str:
    """The room of a module or folder, by its path from the root: the longest of FLOORS that it lies in."""
    while path and path not in FLOORS:
        path = path.rpartition("/")[0]
    return path


def imported(source: str) -> set[str]:
    """The paths of all modules that a source imports, late ones too: `from a.b import c` is a/b/c."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.replace(".", "/") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module.replace('.', '/')}/{alias.name}" for alias in node.names}
    return found


def out_of_order(path: str, source: str) -> list[str]:
    """What a module at `path` (from the root) imports from its own floor or a higher one, but for its own room."""
    own = room(path.removesuffix(".py"))
    return [
        f"{path} imports {other}"
        for other in sorted(imported(source))
        if other.startswith(("fixtures/", "reports/"))
        and room(other) not in (own, own.rpartition("/")[0])
        and FLOORS[room(other)] >= FLOORS[own]
    ]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_knows_only_rooms_below(file: Path) -> None:
    path = str(file.relative_to(ROOT))
    if path not in ("fixtures/__init__.py", "reports/__init__.py"):
        assert room(path.removesuffix(".py")), f"{path} is in no room of ORDER"
        assert out_of_order(path, file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fixtures/stats/verdict.py", "from fixtures.checkpoints.interface import Reply"),
        ("fixtures/replies/reader.py", "def late():\n    from fixtures.system import cache"),
        ("fixtures/checkpoints/interface.py", "from fixtures.checkpoints.open import open_checkpoint"),
        ("fixtures/protocol/block.py", "from fixtures.measuring import measured"),
        ("reports/wording/tables.py", "from reports.views import page"),
        ("fixtures/plugin/hooks.py", "import reports.data.profile"),
    ],
)
def test_a_planted_wrong_import_is_found(path: str, source: str) -> None:
    assert out_of_order(path, source)


@pytest.mark.parametrize("pure", PURE)
def test_pure_rooms_import_no_engine(pure: str) -> None:
    for file in (ROOT / pure).rglob("*.py"):
        packages = {path.partition("/")[0] for path in imported(file.read_text(encoding="utf-8"))}
        assert packages & {"torch", "transformers", "pytest", "ray"} == set()


def test_tests_show_the_same_wings() -> None:
    """Every room of fixtures/ and reports/ that is a folder has its tests in a folder of the same name."""
    rooms = {name.removeprefix("fixtures/") for name in FLOORS if name.startswith("fixtures/")}
    folders = {name for name in rooms if (ROOT / "fixtures" / name).is_dir()}
    assert {name for name in folders if not list((ROOT / "tests" / name).rglob("test_*.py"))} == set()
