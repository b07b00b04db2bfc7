"""Whether a target is what a real Active Directory says; both are asked, nobody else is believed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import ldap3

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.parts.samba import Samba
    from tests.parts.scim_server import ScimEndpoint


def search(samba: Samba, text: str, attributes: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Names and attribute values of the entries that a filter finds."""
    found = []
    for entry in samba.people._ask(samba.base, text, ldap3.SUBTREE, attributes):
        values: dict[str, Any] = {}
        for name in attributes:
            raw = entry.get(name, [])
            if raw and name == "objectGUID":
                values[name] = str(uuid.UUID(bytes_le=raw[0]))
            elif raw:
                values[name] = raw[0].decode()
        found.append((entry.name.decode(), values))
    return found


def people_of(target: ScimEndpoint) -> dict[str, dict[str, Any]]:
    """Users at the target by externalId; nobody twice."""
    users = target.users()
    by_key = {one["externalId"]: one for one in users}
    assert len(by_key) == len(users)
    assert len({one["userName"].lower() for one in users}) == len(users)
    return by_key


def memberships_of(target: ScimEndpoint) -> dict[str, set[str]]:
    """userNames of the members by the group's name; no group twice."""
    names = {one["id"]: one["userName"] for one in target.users()}
    groups = target.groups()
    found = {
        one["displayName"]: {names[member["value"]] for member in one.get("members") or []}
        for one in groups
    }
    assert len(found) == len(groups)
    return found


def expected_memberships(samba: Samba, there: Collection[str]) -> dict[str, set[str]]:
    """userNames of those who are there in each seeded group, nested ones included, as AD has them.

    Args:
        samba: Asked now.
        there: objectGUIDs of all who have an account at the target.

    """
    found = search(samba, "(mail=*)", ["mail", "objectGUID"])
    mails = {name: one["mail"].lower() for name, one in found if one["objectGUID"] in there}
    groups = search(samba, "(&(objectClass=group)(cn=group*))", ["sAMAccountName"])
    members = {name: samba.people.values(name, "member") for name, _ in groups}

    def within(group: str, seen: frozenset[str]) -> set[str]:
        found = {mails[one] for one in members[group] if one in mails}
        for nested in (one for one in members[group] if one in members and one not in seen):
            found |= within(nested, seen | {nested})
        return found

    return {one["sAMAccountName"]: within(name, frozenset({name})) for name, one in groups}


def assert_target_equals_directory(samba: Samba, target: ScimEndpoint) -> None:
    people = people_of(target)
    entries = search(
        samba,
        "(&(objectClass=user)(!(isCriticalSystemObject=TRUE)))",
        ["objectGUID", "mail", "givenName", "sn", "title", "userAccountControl"],
    )
    for _, entry in entries:
        is_enabled = not int(entry["userAccountControl"]) & 2
        if entry["objectGUID"] not in people:
            assert not is_enabled, "only who was disabled from the beginning needs no account"
            continue
        account = people[entry["objectGUID"]]
        assert account["userName"] == entry["mail"].lower()
        assert account["name"]["givenName"] == entry["givenName"]
        assert account["name"]["familyName"] == entry["sn"]
        assert account.get("title") == entry.get("title")
        assert account["active"] is is_enabled
    gone = people.keys() - {entry["objectGUID"] for _, entry in entries}
    assert all(people[key]["active"] is False for key in gone)
    held, wanted = memberships_of(target), expected_memberships(samba, people)
    assert held.keys() == wanted.keys()
    extra = {name: held[name] - wanted[name] for name in wanted if held[name] - wanted[name]}
    lacking = {name: wanted[name] - held[name] for name in wanted if wanted[name] - held[name]}
    assert (extra, lacking) == ({}, {}), f"members too many: {extra}; lacking: {lacking}"
