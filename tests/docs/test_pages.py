"""README, CONTRIBUTING, CHANGELOG and docs/: every link and path leads somewhere, and the README is short."""

from __future__ import annotations

import subprocess

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, places

MADE = ("reports/latest", "behaviors/baselines")
"""What runs make, which no checkout has."""


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links(PAGES[name]):
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name}: {link}"


@pytest.mark.parametrize("name", PAGES)
def test_every_path_is_there(name: str) -> None:
    for place in places(PAGES[name]):
        assert place.startswith(MADE) or (ROOT / place).exists(), f"{name}: {place}"


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 160
    assert len(PAGES["README.md"].split()) <= 1000


def test_every_page_is_linked_from_the_readme() -> None:
    assert {*PAGES} - {"README.md"} <= {link.partition("#")[0] for link in links(PAGES["README.md"])}


def test_nothing_cites_a_page_that_is_not_here() -> None:
    """The project's design is docs/architecture.md; other notes on it are not in the tree."""
    cited = ["git", "grep", "-lwE", "DESIGN|HOUSE", "--", "*.py", "*.toml", "*.md", "*.yml", "*.j2"]
    found = subprocess.run(cited, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert [name for name in found if name != "tests/docs/test_pages.py"] == []
