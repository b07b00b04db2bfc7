"""What the ledger knows that a target holds: only resources that are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


# Digests that no resource has. Of an account whose person is no longer wanted, and whose grace
# has begun; and of one that must be looked at again, because the mode held something back.
RELEASED = b"gone"
HELD_BACK = b""


class KnownHead(NamedTuple):
    """As much of an account of ours as is needed to see whether anything is to be done.

    Attributes:
        digest: What was in step when it was last written.
        is_active: As last written.
        disabled_at: Since when it is not usable, or, if its digest is RELEASED, since when it is
            not wanted; None while it is usable.

    """

    digest: bytes
    is_active: bool
    disabled_at: datetime | None


class KnownResource(NamedTuple):
    """A resource at the target that we made or adopted.

    Attributes:
        external_id: Our key.
        target_id: The target's `id`.
        name: userName or displayName as last written.
        is_active: As last written; True for groups.
        digest: What was in step when it was last written.

    """

    external_id: str
    target_id: str
    name: str
    is_active: bool
    digest: bytes


class Known(NamedTuple):
    """What is ours at one target: all of it, or of people only those who are looked at.

    Attributes:
        users: Heads by external_id.
        groups: By external_id.
        members: external_ids of the users that a group is known to hold, by the group's.
        total_count: How many resources are ours there, looked at or not.

    """

    users: Mapping[str, KnownHead]
    groups: Mapping[str, KnownResource]
    members: Mapping[str, frozenset[str]]
    total_count: int
