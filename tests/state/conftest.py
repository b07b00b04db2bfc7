"""The state database of somebody who does not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from state.engine import open_engine

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.fixture
def hasty(sqlite_engine: Engine) -> Engine:
    """The same database as `sqlite_engine`, for writers that do not wait."""
    return open_engine(str(sqlite_engine.url), survives_power_loss=False, waits=False)
