"""Browser tests: the report in a real Chromium: quiet, usable by keyboard, accessible, and safe to open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.opened import Opened

Open = Callable[..., Opened]
ALL = ("conversational-resister", "hostile", "rebuilt")
PHONE, DESK, PAPER = 390, 1440, 718
"""CSS pixels; the last is what A4 leaves between its margins."""


@pytest.mark.parametrize("name", ALL)
def test_it_says_nothing_asks_for_nothing_and_runs_nothing_of_a_model(opened: Open, name: str) -> None:
    report = opened(name)
    assert report.page.title() == "Heedful"
    assert (report.errors, report.dialogs) == ([], [])
    asked = [url for url in report.requests if not url.startswith("data:")]
    assert asked == [report.page.url.partition("?")[0]]
    assert report.page.locator("script").count() == (1 if name == "rebuilt" else 2)
    assert report.page.locator("img[src=x], [onerror]").count() == 0


def test_hostile_text_is_there_to_be_read(opened: Open) -> None:
    report = opened("hostile")
    first = report.page.locator(".transcript").first
    first.locator("summary").click()
    assert "<script>alert(1)</script>" in first.locator(".reply").inner_text()
    assert first.locator("mark").inner_text() == "90%"


@pytest.mark.parametrize(
    ("name", "within"), [("conversational-resister", "main, #results-table"), ("rebuilt", "html")]
)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_accessible(opened: Open, name: str, within: str, width: int) -> None:
    """What is around our part in pytest-html's page is not ours: lists inside lists, text outside of landmarks."""
    assert opened(name, width).violations(within) == []


def test_filters_by_keyboard(opened: Open) -> None:
    report = opened("conversational-resister")
    keyboard, every = report.page.keyboard, report.shown()
    report.page.locator("nav a", has_text="Provenance").focus()
    report.page.locator("select[name=checkpoint]").focus()
    keyboard.type("tuned")
    keyboard.press("Tab")
    keyboard.type("natural_query")
    natural = report.shown()
    assert 0 < natural < every
    keyboard.press("Tab")
    keyboard.type("25")
    assert 0 < report.shown() < natural
    assert report.page.locator(".transcript:visible[data-hint='25']").count() == report.shown()
    assert report.page.locator("output").inner_text() == f"{report.shown()} of {every} shown"
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("no reply says this")
    assert report.shown() == 0
    keyboard.press("Tab")
    keyboard.press("Enter")
    report.page.wait_for_function("document.querySelectorAll('.transcript[hidden]').length === 0")
    assert report.shown() == every


def test_a_conversation_opens_by_keyboard(opened: Open) -> None:
    report = opened("conversational-resister")
    transcript = report.page.locator("[id='cell-tuned-natural_query'] .transcript").first
    transcript.locator("summary").focus()
    report.page.keyboard.press("Enter")
    assert transcript.locator("dt").all_inner_texts() == ["system", "user", "tuned", "user", "tuned"]
    assert transcript.locator("mark").inner_text() == "90%"


def test_a_test_leads_to_its_transcripts(opened: Open) -> None:
    report = opened("conversational-resister")
    report.page.locator("select[name=checkpoint]").select_option("floor")
    report.page.locator("#show_all_details").click()
    report.page.locator("a", has_text="Transcripts of natural_query on tuned").first.click()
    assert report.page.locator("[id='cell-tuned-natural_query']").is_visible()


@pytest.mark.parametrize("name", ["conversational-resister", "rebuilt"])
def test_it_fits_a_phone(opened: Open, name: str) -> None:
    assert opened(name, PHONE).page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_it_fits_on_paper(opened: Open) -> None:
    report = opened("rebuilt", PAPER)
    report.page.emulate_media(media="print")
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.page.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert report.page.locator(".transcript .reply").first.is_visible()
    assert not report.page.locator("nav").is_visible()


def test_text_in_pictures_can_be_found(opened: Open) -> None:
    report = opened("conversational-resister")
    assert report.page.locator("svg text", has_text="mean stated confidence, %").count() >= 9
