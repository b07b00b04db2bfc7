"""What the source gives: one directory entry as text, UTC times and flags (step 2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class EntryKind(StrEnum):
    """Which of the two searches an entry came from."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One user or group of the source directory.

    Attributes:
        kind: User or group.
        external_id: objectGUID in lower-case hyphenated form; the key that survives renames.
        distinguished_name: Where the entry stands now.
        attributes: Values by attribute name in lower case; each value as text. Binary values
            (objectGUID, objectSid) are in their usual text form, others in base64.
        is_enabled: False if the account is disabled in the source; True for groups.
        expires_at: When the account ends (accountExpires), or None.
        member_names: Distinguished names of a group's direct members, all ranges read.
        digest: Of all raw values and the name; equal digests mean nothing changed.
        group_names: Distinguished names of the groups that hold it directly (memberOf). Only
            reads of changes ask for them: a group's uSNChanged does not move when a member of it
            comes into sight, or is renamed.

    """

    kind: EntryKind
    external_id: str
    distinguished_name: str
    attributes: Mapping[str, tuple[str, ...]]
    is_enabled: bool
    expires_at: datetime | None
    member_names: tuple[str, ...]
    digest: bytes
    group_names: tuple[str, ...] = ()
