"""What is asked of one cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.sync.intake_read import Wish

if TYPE_CHECKING:
    from connector.sync.review import Selection


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one cycle.

    Attributes:
        trigger: Who asks, such as "schedule" or "command line".
        targets: Names of the targets to serve; empty for all.
        user: Name of the one person to read and bring in step; "" for everybody.
        allow_removals: So many deletes and disables are allowed this once; None: as configured.
        selection: Operations of an earlier plan, to be sent and no others; None: as planned now.
        heeds_pauses: Whether targets that failed lately, and resources that were refused, are
            left alone until their time has come; somebody who asks by hand wants to know.
        is_full: Whether to read everything although changes would do.
        is_whole: Whether to compare everybody although a few would do.
        is_quiet: Whether a cycle that finds nothing to do is not even written down.

    """

    trigger: str
    targets: tuple[str, ...] = ()
    user: str = ""
    allow_removals: int | None = None
    selection: Selection | None = None
    heeds_pauses: bool = False
    is_full: bool = False
    is_whole: bool = False
    is_quiet: bool = False

    @property
    def wish(self) -> Wish:
        """Return what is to be read."""
        return Wish(self.is_full, self.user)
