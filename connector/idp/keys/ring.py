"""The keys as a process that signs has them: opened, and never older than a few seconds.

Nothing is shared between processes but the database: each looks at one number there when what it
knows has become old, and reads on only if the number has changed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import structlog

from connector.idp.keys.certificate import open_private_key, to_one_line
from connector.idp.keys.inventory import KeyInventory, KeyRecord, KeyRefused
from connector.idp.keys.seal import SealRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.idp.keys.seal import Seal
    from connector.idp.xmldsig import SigningKey

log = structlog.get_logger()

AGE_LIMIT_SECONDS = 2.0


class KeySource(Protocol):
    """Where keys are kept."""

    def version(self) -> int:
        """Return the number that grows with every change."""
        ...

    def load(self) -> KeyInventory:
        """Return everything."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """What our metadata says of keys, to one application.

    Attributes:
        signing: Signs for that application.
        certificates: DER in base64 by fingerprint; that of `signing` comes first.

    """

    signing: SigningKey
    certificates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a process knows.

    Attributes:
        version: Of what it has read last.
        inventory: What it goes by.
        opened: By fingerprint, those that sign.
        looked_at: Seconds of the stopwatch.

    """

    version: int
    inventory: KeyInventory
    opened: Mapping[str, SigningKey] = field(repr=False)
    looked_at: float


class KeyRing:
    """The signing keys of one process; safe to use from several threads."""

    def __init__(
        self,
        source: KeySource,
        seal: Seal,
        *,
        stopwatch: Callable[[], float],
        age_limit_seconds: float = AGE_LIMIT_SECONDS,
    ) -> None:
        """Read the keys and open those that sign.

        Args:
            source: Where they are kept; it holds an active one.
            seal: Opens them.
            stopwatch: Seconds that only grow, as `time.monotonic`.
            age_limit_seconds: How old what we know may be.

        Raises:
            SealRefused: if the seal does not open them.

        """
        self._source = source
        self._seal = seal
        self._stopwatch = stopwatch
        self._age_limit = age_limit_seconds
        self._looking = threading.Lock()
        looked_at = stopwatch()
        inventory = source.load()
        opened = self._open(inventory, MappingProxyType({}))
        self._held = _Held(inventory.version, inventory, opened, looked_at)

    def key_for(self, slug: str) -> SigningKey:
        """Return what signs for the application of that slug; "" is nobody in particular."""
        held = self._current()
        return held.opened[_signing(held.inventory, slug).fingerprint]

    def published(self, slug: str = "") -> PublishedKeys:
        """Return what our metadata says to that application."""
        held = self._current()
        signing = held.opened[_signing(held.inventory, slug).fingerprint]
        return PublishedKeys(
            signing,
            {
                key.fingerprint: to_one_line(key.certificate)
                for key in held.inventory.published(slug)
            },
        )

    def _current(self) -> _Held:
        """Return what is known, looked at within the limit; one thread looks, others go on."""
        held = self._held
        if self._stopwatch() - held.looked_at < self._age_limit:
            return held
        if not self._looking.acquire(blocking=False):
            return held
        try:
            self._held = self._look(self._held)
            return self._held
        finally:
            self._looking.release()

    def _look(self, held: _Held) -> _Held:
        looked_at = self._stopwatch()
        if self._source.version() == held.version:
            return replace(held, looked_at=looked_at)
        inventory, reason = self._source.load(), ""
        try:
            opened = self._open(inventory, held.opened)
            log.info("key.changed", key=_signing(inventory, "").short, version=inventory.version)
            return _Held(inventory.version, inventory, opened, looked_at)
        except (SealRefused, KeyRefused) as error:
            reason = str(error)
        # The former keys go on, which whoever knew them still takes.
        log.error("key.unusable", reason=reason)
        return replace(held, version=inventory.version, looked_at=looked_at)

    def _open(
        self, inventory: KeyInventory, known: Mapping[str, SigningKey]
    ) -> Mapping[str, SigningKey]:
        """Return the keys that sign, opened; those that were open stay so."""
        signing = {_signing(inventory, slug).fingerprint for slug in ("", *inventory.assigned)}
        opened = {}
        for key in inventory.keys:
            if key.fingerprint in signing:
                opened[key.fingerprint] = known.get(key.fingerprint) or open_private_key(
                    self._seal.open(key.sealed, key.place), key.certificate
                )
        return MappingProxyType(opened)


def _signing(inventory: KeyInventory, slug: str) -> KeyRecord:
    key = inventory.of_application(slug)
    if key is None:
        message = "the state database holds no active signing key; run: connector key list"
        raise KeyRefused(message)
    return key
