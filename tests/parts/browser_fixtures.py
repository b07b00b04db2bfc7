"""Chromium, for tests that open pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.browser import open_context, running_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one for the tests of a file."""
    with running_browser() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page that shares nothing with that of another test."""
    with open_context(browser) as context:
        yield context.new_page()
