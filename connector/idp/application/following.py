"""Keep the registry of a process as the files are: configuration, metadata, presets, copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from connector.errors import ConfigurationError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from connector.idp.application.catalogue import Catalogue
    from connector.idp.application.load import Loaded

LOOK_SECONDS = 2.0
Stamp = tuple[tuple[int, int], ...]

log = structlog.get_logger()


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """Return what changes when one of the files does; a file that is not there has a stamp, too."""
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


@dataclass(slots=True)
class Follower:
    """Looks whether anything has changed, and then reads all of it; used by one thread.

    Attributes:
        catalogue: Gets the registry that was read.
        load: Reads it, from files only; raises ConfigurationError if they are wrong.
        stamp: Returns what changes when a file does.
        seen: The stamp of what the catalogue holds.

    """

    catalogue: Catalogue
    load: Callable[[], Loaded]
    stamp: Callable[[], Stamp]
    seen: Stamp

    def look(self) -> None:
        """Have the catalogue hold what the files say; files that are wrong change nothing."""
        # Before it is read: what changes meanwhile is then seen the next time.
        stamp = self.stamp()
        if stamp == self.seen:
            return
        self.seen = stamp
        try:
            loaded = self.load()
        except ConfigurationError as error:
            log.warning("applications.kept", reason=str(error))
            return
        if self.catalogue.replace(loaded.registry):
            log.info(
                "applications.replaced",
                applications=[one.slug for one in loaded.registry.applications],
                notes=list(loaded.notes),
            )

    def keep_looking(self, stopping: threading.Event) -> None:
        """Look every other second, until it is time to stop."""
        while not stopping.wait(LOOK_SECONDS):
            self.look()
