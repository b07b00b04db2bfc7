"""Bring what was committed to the disk, for writers that do not wait for that themselves."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from state.engine import worded
from state.errors import StateError
from state.handle import glancing

if TYPE_CHECKING:
    from sqlalchemy import Engine

# In SQLite's log. The more there are, the longer every reader looks; and the file never shrinks.
_PAGES_IN_LOG: Final = 16_384


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

    Most of it is moved while others write. A log that has become long all the same, since there is
    always somebody who writes, is begun anew; writers wait for the little that is left then.

    Raises:
        StateError: if the disk does not take it.

    """
    with glancing(engine) as handle:
        if isinstance(handle, Connection):  # of PostgreSQL, which does it by itself
            return
        try:
            _, pages, _ = handle.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > _PAGES_IN_LOG:
                handle.execute("PRAGMA wal_checkpoint(RESTART)")
        except sqlite3.Error as error:
            raise worded(DBAPIError("PRAGMA wal_checkpoint", None, error)) from error
