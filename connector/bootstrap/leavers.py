"""What is forgotten of those who left, once a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from connector.directory.store import DirectoryStore
from connector.idp.leaving import delete_orphans
from connector.idp.store.devices import DeviceStore
from connector.idp.store.factors import FactorStore
from connector.idp.store.standings import UserStandings

if TYPE_CHECKING:
    from datetime import datetime

    from state.engine import Engine

log = structlog.get_logger()


def forget_leavers(engine: Engine, now: datetime) -> None:
    """Delete what those had enrolled who left a month ago, and say how much it was.

    Raises:
        StateError: if the database cannot be used.

    """
    directory, factors = DirectoryStore(engine), FactorStore(engine)
    standings, devices = UserStandings(engine), DeviceStore(engine)
    count = delete_orphans(directory, factors, standings, devices, now)
    if count:
        log.info("factors.forgotten", count=count)
