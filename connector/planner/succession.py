"""Who takes over what somebody of the same name has left: re-hires, and groups made anew.

A name can be held by one resource only. If whoever held it is gone from the source for certain,
the newcomer gets the resource with its `id`; whoever is only out of scope keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from connector.planner.known import Known, KnownResource


class Heirs(NamedTuple):
    """What is taken over, by the external_id of the newcomer."""

    users: Mapping[str, KnownResource]
    groups: Mapping[str, KnownResource]

    @property
    def former_ids(self) -> frozenset[str]:
        """Return the external_ids of those who are followed."""
        return frozenset(one.external_id for one in (*self.users.values(), *self.groups.values()))


NO_HEIRS = Heirs({}, {})


def successions(
    newcomers: Mapping[str, str], left: Iterable[KnownResource]
) -> dict[str, KnownResource]:
    """Return what each newcomer takes over; nothing goes to two of them.

    Args:
        newcomers: userName or displayName by external_id.
        left: What is ours of those who are gone from the source.

    """
    waiting = {resource.name.casefold(): resource for resource in left}
    taken = {}
    for external_id, name in sorted(newcomers.items()):
        former = waiting.pop(name.casefold(), None)
        if former is not None:
            taken[external_id] = former
    return taken


def left_groups(known: Known, held: Collection[str]) -> Iterable[KnownResource]:
    """Return the groups of ours that the directory no longer holds, in scope or not."""
    return [group for external_id, group in known.groups.items() if external_id not in held]


def inherit_members(known: Known, heirs: Heirs) -> Known:
    """Return what is known as it stands once everything is taken over: memberships go along."""
    heir_of = {former.external_id: heir for heir, former in heirs.users.items()}
    if not heir_of:
        return known
    members = {
        group_id: frozenset(heir_of.get(member_id, member_id) for member_id in held)
        if not heir_of.keys().isdisjoint(held)
        else held
        for group_id, held in known.members.items()
    }
    return known._replace(members=members)
