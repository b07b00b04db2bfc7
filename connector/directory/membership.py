"""Nested groups, resolved in memory; a group within itself does no harm (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class MemberGraph:
    """Who is directly in which group.

    Attributes:
        group_ids: external_id of each group by its casefolded distinguished name.
        user_members: external_ids of the users directly in a group, by the group's external_id.
        group_members: external_ids of the groups directly in a group, likewise.

    """

    group_ids: Mapping[str, str]
    user_members: Mapping[str, tuple[str, ...]]
    group_members: Mapping[str, tuple[str, ...]]

    def within(self, roots: Iterable[str]) -> set[str]:
        """Return the external_ids of these groups and of all groups nested in them."""
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            group_id = waiting.pop()
            if group_id not in found:
                found.add(group_id)
                waiting.extend(self.group_members.get(group_id, ()))
        return found

    def effective_members(self, roots: Iterable[str]) -> set[str]:
        """Return the external_ids of all users in these groups, directly or through others."""
        members: set[str] = set()
        for group_id in self.within(roots):
            members.update(self.user_members.get(group_id, ()))
        return members

    def members_of(self, group_id: str) -> Collection[str]:
        """Return the external_ids of all users in one group, directly or through others."""
        if group_id not in self.group_members:
            return self.user_members.get(group_id, ())
        return self.effective_members((group_id,))

    def named(self, distinguished_names: Iterable[str]) -> tuple[set[str], list[str]]:
        """Return the external_ids of the groups so named, and the names that no group has."""
        found: set[str] = set()
        missing = []
        for name in distinguished_names:
            group_id = self.group_ids.get(name.casefold())
            if group_id is None:
                missing.append(name)
            else:
                found.add(group_id)
        return found, missing
