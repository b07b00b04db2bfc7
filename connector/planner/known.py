"""What the ledger knows that a target holds: only resources that are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class KnownResource(NamedTuple):
    """A resource at the target that we made or adopted.

    Attributes:
        external_id: Our key.
        target_id: The target's `id`.
        name: userName or displayName as last written.
        is_active: As last written; True for groups.
        digest: What was in step when it was last written.
        disabled_at: When we disabled it, or None.

    """

    external_id: str
    target_id: str
    name: str
    is_active: bool
    digest: bytes
    disabled_at: datetime | None


class Known(NamedTuple):
    """Everything of ours at one target.

    Attributes:
        users: By external_id.
        groups: By external_id.
        members: external_ids of the users that a group is known to hold, by the group's.

    """

    users: Mapping[str, KnownResource]
    groups: Mapping[str, KnownResource]
    members: Mapping[str, frozenset[str]]

    @property
    def total_count(self) -> int:
        """Return how many resources that is."""
        return len(self.users) + len(self.groups)
