"""Bring what was committed to the disk, for writers that do not wait for that themselves."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from state.errors import StateError
from state.handle import glancing

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Engine

# In SQLite's log. The more there are, the longer every reader looks; and the file never shrinks.
_PAGES_IN_LOG: Final = 16_384
_PATIENCE_MS: Final = 50


def flush(engine: Engine) -> None:
    """Return when everything that was committed before is on the disk.

    On SQLite that is its write-ahead log (SQLite, "Write-Ahead Logging", section 2); PostgreSQL
    does it by itself.

    Raises:
        StateError: if the disk does not take it.

    """
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return
    with suppress(FileNotFoundError):  # nothing was written since the last checkpoint
        # Of this file SQLite takes no locks, so that closing it here releases none.
        descriptor = os.open(f"{engine.url.database}-wal", os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            message = f"the state database cannot be brought to the disk: {error.strerror}"
            raise StateError(message) from error
        finally:
            os.close(descriptor)


def empty_log(engine: Engine) -> None:
    """Move what SQLite's log holds to where it belongs, for writers that leave that to others.

    Nobody waits for that. A log that has become long, since there is always somebody who writes,
    is begun anew at a moment when all of it is moved and nobody reads of it; writers wait for that
    for a twentieth of a second at most, and the next call tries again.

    Raises:
        StateError: if the disk does not take it.

    """
    with glancing(engine) as handle:
        if isinstance(handle, Connection):  # of PostgreSQL, which does it by itself
            return
        _, pages, moved = handle.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > _PAGES_IN_LOG and moved == pages:
            _begin_log_anew(handle)


def _begin_log_anew(driver: sqlite3.Connection) -> None:
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    try:
        driver.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")
