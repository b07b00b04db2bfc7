"""Fixtures of a real Active Directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.samba import Samba

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def samba() -> Iterator[Samba]:
    """An empty domain, running; the tests of a module share it. `samba.reset()` empties it."""
    instance = Samba()
    try:
        instance.start()
        yield instance
    finally:
        instance.close()
