"""The numbers of signing keys, for the operations listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.web.health import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.keys.inventory import KeyInventory


def key_samples(inventory: KeyInventory) -> Iterator[Sample]:
    """Yield when the certificates in our metadata end."""
    for key in inventory.published():
        yield Sample(
            "connector_signing_key_not_after_timestamp_seconds",
            key.not_after.timestamp(),
            "When the certificate of a signing key ends.",
            labels={"key": key.short, "state": key.state.value},
        )
