"""What is asked for by tests of real parts alone."""

from __future__ import annotations

from tests.parts.browser_fixtures import browser, page  # noqa: F401 - fixtures
