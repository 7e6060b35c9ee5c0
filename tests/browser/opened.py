"""A report open in a browser, and what it did while it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Opened:
    """A page, and what it said and asked for while it was open."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def violations(self, within: str) -> list[str]:
        """What axe-core finds against the elements that match `within`."""
        if not AXE.exists():
            pytest.skip("axe-core is not installed: npm ci --prefix tests/browser")
        self.page.add_script_tag(path=AXE)
        found: dict[str, Any] = self.page.evaluate("within => axe.run(within)", within)
        return [f"{v['id']}: {node['html'][:200]}" for v in found["violations"] for node in v["nodes"]]

    def shown(self) -> int:
        return int(self.page.locator(".transcript:visible").count())


def watched(page: Page) -> Opened:
    opened = Opened(page)

    def dismiss(dialog: Dialog) -> None:
        opened.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("console", lambda message: opened.errors.append(message.text))
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("dialog", dismiss)
    return opened
