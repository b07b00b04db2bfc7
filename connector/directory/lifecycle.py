"""Joiners, movers, leavers, re-hires: what becomes of a stored person (step 5, pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from connector.directory.person import DirectoryUser

if TYPE_CHECKING:
    from datetime import datetime

    from connector.mapping.resource import MappedResource


class Transition(StrEnum):
    """What happened to a person between two reads."""

    JOINER = "joiner"
    MOVER = "mover"
    LEAVER = "leaver"
    REHIRE = "rehire"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the source has an account, besides its attributes.

    Attributes:
        distinguished_name: Where it stands.
        is_enabled: Whether it is enabled.
        expires_at: When it ends, or None.

    """

    distinguished_name: str
    is_enabled: bool
    expires_at: datetime | None


def admit(
    stored: DirectoryUser | None, mapped: MappedResource, standing: Standing, now: datetime
) -> tuple[DirectoryUser, Transition]:
    """Return the person as the source has them now, and what happened to them."""
    person = DirectoryUser(
        external_id=mapped.external_id,
        distinguished_name=standing.distinguished_name,
        document=mapped.document,
        digest=mapped.digest,
        login_names=mapped.login_names,
        bind_name=mapped.bind_name,
        is_enabled=standing.is_enabled,
        expires_at=standing.expires_at,
        first_seen_at=stored.first_seen_at if stored else now,
        changed_at=now,
    )
    return person, _transition(stored, person)


def _transition(stored: DirectoryUser | None, person: DirectoryUser) -> Transition:
    if stored is None:
        return Transition.JOINER
    if stored.left_at is not None:
        return Transition.REHIRE
    if replace(stored, changed_at=person.changed_at) == person:
        return Transition.UNCHANGED
    return Transition.MOVER


def restate(
    stored: DirectoryUser, standing: Standing, now: datetime
) -> tuple[DirectoryUser, Transition]:
    """Return a person whose entry can no longer be mapped, and what happened to them.

    The document stays as it last was; where the person stands, and whether access has ended,
    needs no mapping.
    """
    person = replace(
        stored,
        distinguished_name=standing.distinguished_name,
        is_enabled=standing.is_enabled,
        expires_at=standing.expires_at,
        changed_at=now,
    )
    return person, _transition(stored, person)
