"""Which certificates end soon: said long before, because the other side has work to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from connector.idp.keys.inventory import KeyInventory, KeyRecord, KeyState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

log = structlog.get_logger()

WARNING = timedelta(days=90)


def ending(inventory: KeyInventory, now: datetime) -> tuple[KeyRecord, ...]:
    """Return the keys that sign, or are to sign, and whose certificate ends within `WARNING`."""
    signing = {inventory.of_application(slug) for slug in ("", *inventory.assigned)}
    return tuple(
        key
        for key in inventory.keys
        if (key in signing or key.state is KeyState.STAGED) and key.not_after - now < WARNING
    )


def words_of_end(key: KeyRecord, now: datetime) -> str:
    """Return what is to be said of a certificate that ends soon."""
    day = f"{key.not_after:%Y-%m-%d}"
    if key.not_after <= now:
        return f"the certificate of the signing key {key.short} ended on {day}"
    days = (key.not_after - now).days
    return f"the certificate of the signing key {key.short} ends on {day}, in {days} days"


def next_step(inventory: KeyInventory, ending_keys: Collection[KeyRecord]) -> str:
    """Return what to do about certificates that end soon."""
    fresh = [
        key for key in inventory.keys if key.state is KeyState.STAGED and key not in ending_keys
    ]
    return "connector key activate" if fresh else "connector key stage"


def log_endings(inventory: KeyInventory, now: datetime) -> None:
    """Say in the log which certificates end soon, and what to do."""
    found = ending(inventory, now)
    for key in found:
        log.warning(
            "key.ends",
            key=key.short,
            state=key.state.value,
            not_after=key.not_after,
            reason=f"{words_of_end(key, now)}; next: {next_step(inventory, found)}",
        )
