"""A real Chromium, and the reports that it opens. Without Chromium, Playwright or axe-core these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.__main__ import main
from tests.browser.opened import Opened, watched
from tests.support.suite import options, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
PROBLEMS = 12


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install -e '.[browser]'"
    )
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def reports(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """report.html of a checkpoint that resists and of one that attacks, and the latter's rebuilt."""
    places = {script: tmp_path_factory.mktemp(script) for script in ("conversational-resister", "hostile")}
    with ThreadPoolExecutor(2) as pool:
        for script, place in places.items():
            base = "--base=floor=scripted:obedient", f"--n-problems={PROBLEMS}"
            pool.submit(run, place, options(place, script, *base))
    found = {script: place / "output" / "report.html" for script, place in places.items()}
    rebuilt = shutil.copytree(places["hostile"] / "output", places["hostile"] / "rebuilt")
    assert main(["rebuild", str(rebuilt)]) == 0
    return {**found, "rebuilt": rebuilt / "report.html"}


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Callable[..., Opened]]:
    """Opens a report by name, `width` CSS pixels wide."""
    contexts = []

    def open_report(name: str, width: int = 1440) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 1000})
        contexts.append(context)
        opened = watched(context.new_page())
        opened.page.goto(reports[name].as_uri())
        return opened

    yield open_report
    for context in contexts:
        context.close()
