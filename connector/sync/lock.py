"""One cycle at a time, across the daemon and the command line.

The kernel holds the lock and lets go of it when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connector.errors import CycleRunning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOOK_AGAIN_SECONDS = 0.1


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

    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor):
            holder = _holder(descriptor)
            if not keep_waiting(holder):
                message = f"a cycle is already running, started by {holder}"
                raise CycleRunning(message)
            time.sleep(_LOOK_AGAIN_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
