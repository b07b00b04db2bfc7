"""One cycle at a time, across the daemon and the command line.

The kernel holds the lock and lets go of it when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from connector.errors import ConnectorError, CycleRunning
from state.lock import database_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from state.engine import Engine

_LOOK_AGAIN_SECONDS = 0.1


def lock_of(
    engine: Engine, path: Path, who: str, keep_waiting: Callable[[str], bool]
) -> AbstractContextManager[None]:
    """Return the lock where all who share the state find it: the database's, or the file's."""
    if engine.dialect.name == "postgresql":
        return database_cycle_lock(engine, who, keep_waiting)
    return cycle_lock(path, who, keep_waiting)


@contextmanager
def cycle_lock(path: Path, who: str, keep_waiting: Callable[[str], bool]) -> Iterator[None]:
    """Hold the lock for as long as the block runs.

    Args:
        path: The lock file; it is made if need be and stays.
        who: Who holds it, for those who wait, such as "the daemon".
        keep_waiting: Asked again and again with the present holder's name while somebody else
            holds the lock; to return False is to give up.

    Raises:
        CycleRunning: if waiting was given up.
        ConnectorError: if the file cannot be made or opened.

    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"the lock of cycles cannot be had: {path}: {error.strerror}"
        raise ConnectorError(message) from error
    try:
        _wait(lambda: None if _try_lock(descriptor) else _holder(descriptor), keep_waiting)
        # Who holds it is for those who wait; a disk that is full must not end the cycle here.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _signed(who).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def database_cycle_lock(
    engine: Engine, who: str, keep_waiting: Callable[[str], bool]
) -> Iterator[None]:
    """Hold the lock that a PostgreSQL database keeps; otherwise like `cycle_lock`.

    Raises:
        CycleRunning: if waiting was given up.
        StateError: if the database cannot be used.

    """
    with database_lock(engine) as take:
        _wait(lambda: take(_signed(who)), keep_waiting)
        yield


def _wait(take: Callable[[], str | None], keep_waiting: Callable[[str], bool]) -> None:
    """Return when `take` has got the lock; it returns who else has it."""
    while (holder := take()) is not None:
        if not keep_waiting(holder):
            message = f"a cycle is already running, started by {holder}"
            raise CycleRunning(message)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _signed(who: str) -> str:
    return f"{who} (process {os.getpid()})"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
