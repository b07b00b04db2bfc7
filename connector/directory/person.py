"""Who exists, in which state: the values of our own directory (step 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """One person of our directory.

    Attributes:
        external_id: The source's key (objectGUID).
        distinguished_name: Where the source has the person.
        document: The mapped SCIM User (see `MappedResource.document`).
        digest: Of the document.
        login_names: Casefolded names that sign this person in.
        bind_name: The source's user name for a password check.
        is_enabled: Whether the source has the account enabled.
        expires_at: When the account ends, or None.
        first_seen_at: When the person joined.
        changed_at: When anything here last changed.
        left_at: When a complete read no longer held the person, or None.

    """

    external_id: str
    distinguished_name: str
    document: Mapping[str, Any]
    digest: bytes
    login_names: tuple[str, ...]
    bind_name: str
    is_enabled: bool
    expires_at: datetime | None
    first_seen_at: datetime
    changed_at: datetime
    left_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Return whether the person may have access at that moment.

        A leaver, a disabled and an expired account may not.
        """
        return _is_active(self, now)


class UserHead(NamedTuple):
    """As much of a person as is needed to see whether anything changed.

    Attributes:
        external_id: The key.
        digest: Of the mapped document.
        is_enabled: As the source has it.
        expires_at: When the account ends, or None.
        left_at: When the person left, or None.

    """

    external_id: str
    digest: bytes
    is_enabled: bool
    expires_at: datetime | None
    left_at: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Return whether the person may have access at that moment."""
        return _is_active(self, now)


def _is_active(person: DirectoryUser | UserHead, now: datetime) -> bool:
    is_expired = person.expires_at is not None and person.expires_at <= now
    return person.left_at is None and person.is_enabled and not is_expired


class GroupHead(NamedTuple):
    """As much of a group as is needed to see whether anything but its members changed.

    Attributes:
        external_id: The key.
        name_folded: The casefolded distinguished name.
        digest: Of the mapped document.

    """

    external_id: str
    name_folded: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """One group of our directory; its members are kept beside it.

    Attributes:
        external_id: The source's key (objectGUID).
        distinguished_name: Where the source has the group.
        document: The mapped SCIM Group, without members.
        digest: Of the document.

    """

    external_id: str
    distinguished_name: str
    document: Mapping[str, Any]
    digest: bytes
