"""A real browser: Debian's Chromium, driven by Playwright; a CSP violation fails the test.

Host names that end in ".test" lead to this machine, so pages can have real names and real TLS.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tests.parts.npm import npm_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",  # required as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
AXE = "axe-core@4.14.1"
_RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Yield the browser; a missing package fails with its name."""
    assert Path(CHROMIUM).exists(), "missing Debian package: chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_context(browser: Browser, look: str = "light", **options: Any) -> Iterator[BrowserContext]:
    """Yield a browser context with no cookies; a page that broke its policy fails at the end."""
    context = browser.new_context(ignore_https_errors=True, **LOOKS[look], **options)
    context.set_default_timeout(15_000)
    violations: list[str] = []
    context.on(
        "console",
        lambda message: (
            violations.append(message.text) if "Content Security" in message.text else None
        ),
    )
    yield context
    context.close()
    assert violations == []


def pictures(*below: str) -> Path | None:
    """Return where pictures of the pages go, for somebody who wants to look at them, or None."""
    if "PICTURES" not in os.environ:
        return None
    folder = Path(os.environ["PICTURES"], *below)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def accessibility_faults(page: Page) -> list[str]:
    """Return what axe finds wrong with the page, and whether it scrolls sideways."""
    page.evaluate(axe_source())
    violations = page.evaluate(f"axe.run(document, {{runOnly: {_RULES}}})")["violations"]
    faults = [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in violations
        for node in found["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("scrolls sideways")
    return faults


def axe_source() -> str:
    """Return axe-core's script, installed once into the user's cache by npm."""
    script = npm_folder(AXE) / "node_modules" / "axe-core" / "axe.min.js"
    return script.read_text(encoding="utf-8")
