"""Bring what was committed to the disk, for writers that do not wait for that themselves."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from state.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy import Engine


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
