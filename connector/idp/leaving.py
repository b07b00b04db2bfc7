"""What somebody had enrolled is kept for a while after they left: they may come back, or a filter.

A filter that is wrong for a day must not take everybody's keys away.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from connector.idp.store.devices import DeviceStore
    from connector.idp.store.factors import FactorStore
    from connector.idp.store.standings import UserStandings

KEPT_FOR: Final = timedelta(days=30)


class Leavers(Protocol):
    """Tells who has left."""

    def left_before(self, moment: datetime) -> Collection[str]:
        """Return who was gone at that moment, and has not come back."""
        ...


def delete_orphans(
    leavers: Leavers,
    factors: FactorStore,
    standings: UserStandings,
    devices: DeviceStore,
    now: datetime,
) -> int:
    """Delete what those had who left long ago, and bypass codes and devices that are over.

    Args:
        leavers: Tells who has left.
        factors: Of everybody.
        standings: Likewise.
        devices: That stand for a factor of theirs.
        now: The present moment.

    Returns:
        How many factors of leavers there were.

    """
    factors.delete_expired(now)
    devices.delete_expired(now)
    gone = leavers.left_before(now - KEPT_FOR)
    if not gone:
        return 0
    standings.delete_of(gone)
    devices.delete_of(gone)
    return factors.delete_of(gone)
