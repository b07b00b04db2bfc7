"""Every signing key, and who is signed with which: values, as the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from cryptography import x509

from connector.errors import ConnectorError
from connector.idp.keys.seal import Place, Seal, SealRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

_SHORT = 12
_SHORTEST = 4
DATA_KEY = Place("data key", "of the state")


class KeyState(StrEnum):
    """How far a key is; all but retired ones are in our metadata."""

    STAGED = "staged"
    ACTIVE = "active"
    OUTGOING = "outgoing"
    RETIRED = "retired"


class KeyRefused(ConnectorError):
    """What is asked of a key cannot be done, or not yet."""


def place_of(fingerprint: str) -> Place:
    """Return where the sealed private key of the certificate with that fingerprint belongs."""
    return Place("signing key", fingerprint)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A signing key as it is kept.

    Attributes:
        fingerprint: SHA-256 of the certificate, 64 hexadecimal digits; its name.
        state: How far it is. "active" signs wherever nothing else is said; "outgoing" was active.
        algorithm: As `KeyAlgorithm` has it.
        certificate: DER.
        sealed: The private key, sealed; b"" once retired.
        staged_at: When it came into our metadata.
        activated_at: When it last became the active one.
        signed_until: When it last stopped signing for an application.
        retired_at: When it left our metadata.

    """

    fingerprint: str
    state: KeyState
    algorithm: str
    certificate: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    staged_at: datetime
    activated_at: datetime | None = None
    signed_until: datetime | None = None
    retired_at: datetime | None = None

    @property
    def short(self) -> str:
        """Return the beginning of the fingerprint, as people see and type it."""
        return self.fingerprint[:_SHORT]

    @property
    def place(self) -> Place:
        """Return where the sealed private key belongs."""
        return place_of(self.fingerprint)

    @property
    def is_published(self) -> bool:
        """Return whether the certificate is in our metadata."""
        return self.state is not KeyState.RETIRED

    def x509_certificate(self) -> x509.Certificate:
        """Return the certificate as a value that can be asked."""
        return x509.load_der_x509_certificate(self.certificate)

    @property
    def not_before(self) -> datetime:
        """Return when the certificate begins."""
        return self.x509_certificate().not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """Return when the certificate ends."""
        return self.x509_certificate().not_valid_after_utc


_IN_METADATA = (KeyState.ACTIVE, KeyState.STAGED, KeyState.OUTGOING)


@dataclass(frozen=True, slots=True)
class KeyInventory:
    """All signing keys at one moment.

    Attributes:
        version: Grows with every change.
        keys: All of them, retired ones too.
        assigned: Fingerprint by the slug of each application that does not follow the active key.
        data_key: Seals the other secrets of the state, itself sealed; b"" before it is made. To
            change the sealing key, only this one is sealed anew, and processes that hold it go on.

    """

    version: int = 0
    keys: tuple[KeyRecord, ...] = ()
    assigned: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    data_key: bytes = field(default=b"", repr=False)

    @property
    def active(self) -> KeyRecord | None:
        """Return the key that signs wherever nothing else is said; None before the first start."""
        return next((key for key in self.keys if key.state is KeyState.ACTIVE), None)

    def of_application(self, slug: str) -> KeyRecord | None:
        """Return the key that signs for an application; "" is nobody in particular."""
        fingerprint = self.assigned.get(slug)
        if fingerprint is None:
            return self.active
        return next((key for key in self.keys if key.fingerprint == fingerprint), self.active)

    def published(self, slug: str = "") -> tuple[KeyRecord, ...]:
        """Return the keys of our metadata; first the one that signs for that application."""
        first = self.of_application(slug)
        inside = [key for key in self.keys if key.is_published]
        inside.sort(key=lambda key: (key != first, _IN_METADATA.index(key.state), key.staged_at))
        return tuple(inside)

    def applications_of(self, key: KeyRecord, slugs: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the applications that are signed for with that key."""
        return tuple(slug for slug in slugs if self.of_application(slug) == key)

    def find(self, name: str) -> KeyRecord:
        """Return the key whose fingerprint begins so; colons and case do not matter.

        Raises:
            KeyRefused: if there is none, or more than one.

        """
        wanted = name.replace(":", "").strip().lower()
        found = [key for key in self.keys if key.fingerprint.startswith(wanted)]
        if len(wanted) >= _SHORTEST and len(found) == 1:
            return found[0]
        if len(found) > 1 and wanted:
            message = f"{name} begins the name of {len(found)} keys; type more of it"
            raise KeyRefused(message)
        known = ", ".join(key.short for key in self.keys if key.is_published) or "none"
        message = f"no signing key is called {name}; there are: {known}"
        raise KeyRefused(message)

    def data_seal(self, seal: Seal) -> Seal:
        """Return what seals the other secrets of the state.

        Raises:
            SealRefused: if the sealing key does not open it.

        """
        return Seal("data key of the state", seal.open(self.data_key, DATA_KEY))

    def has_data_for(self, seal: Seal) -> bool:
        """Return whether a sealing key opens the data key."""
        try:
            self.data_seal(seal)
        except SealRefused:
            return False
        return True

    def unopened_by(self, seal: Seal) -> Iterator[tuple[KeyRecord, SealRefused]]:
        """Yield the keys that a sealing key does not open, with what it says."""
        for key in self.keys:
            if key.is_published:
                try:
                    seal.open(key.sealed, key.place)
                except SealRefused as error:
                    yield key, error
