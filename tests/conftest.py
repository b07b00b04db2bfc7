"""What every test may ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connector.clock import FixedClock
from state.engine import open_engine
from state.migrate import upgrade
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.scim_fixtures import mimecast, scim2_server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


# Run by Debian's own Python, which alone can import samba.
collect_ignore = ["parts/samba_offline.py"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A state database as a file, migrated."""
    engine = open_engine(f"sqlite:///{tmp_path}/state.db")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at a Monday morning."""
    return FixedClock(datetime(2026, 11, 2, 8, 0, tzinfo=UTC))
