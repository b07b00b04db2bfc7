"""People and groups of a TOML file as entries with Active Directory's attribute names (pure)."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

from connector.source.entry import EntryKind, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from connector.source.roster import Group, Person, Roster

NORMAL_ACCOUNT = 0x200  # MS-ADTS section 2.2.16: ADS_UF_NORMAL_ACCOUNT
ACCOUNT_DISABLED = 0x2  # likewise: ADS_UF_ACCOUNT_DISABLE

_ATTRIBUTE_OF_KEY: Mapping[str, str] = MappingProxyType(
    {
        "given": "givenname",
        "family": "sn",
        "title": "title",
        "department": "department",
        "number": "employeenumber",
        "phone": "telephonenumber",
        "mobile": "mobile",
        "street": "streetaddress",
        "postcode": "postalcode",
        "city": "l",
        "region": "st",
        "country": "c",
        "language": "preferredlanguage",
        "description": "description",
    }
)


def to_entries(roster: Roster) -> Iterator[SourceEntry]:
    """Yield the people, then the groups."""
    for person in roster.person:
        yield _user_entry(roster, person)
    members = _members(roster)
    for group in roster.group:
        yield _group_entry(roster, group, members[group.name.casefold()])


def account_ends_at(last_day: date | None) -> datetime | None:
    """Return the moment after an account's last day, in UTC."""
    if last_day is None:
        return None
    return datetime.combine(last_day, time(), UTC) + timedelta(days=1)


def _members(roster: Roster) -> dict[str, dict[str, None]]:
    """Return distinguished names of direct members by casefolded group name, each once."""
    names = {person.login.casefold(): roster.name_of(person) for person in roster.person}
    names |= {group.name.casefold(): roster.name_of(group) for group in roster.group}
    members: dict[str, dict[str, None]] = defaultdict(dict)
    for group in roster.group:
        listed = (names[name.casefold()] for name in group.members)
        members[group.name.casefold()].update(dict.fromkeys(listed))
    for person in roster.person:
        for name in person.groups:
            members[name.casefold()][roster.name_of(person)] = None
    return members


def _user_entry(roster: Roster, person: Person) -> SourceEntry:
    mail = f"{person.login}@{roster.domain}" if person.mail is None else person.mail
    addresses = [f"SMTP:{mail}"] if mail else []
    addresses += [f"smtp:{alias}" for alias in person.aliases]
    control = NORMAL_ACCOUNT | (ACCOUNT_DISABLED if person.disabled else 0)
    values: dict[str, tuple[str, ...]] = {
        "samaccountname": (person.login,),
        "userprincipalname": (roster.bind_name_of(person),),
        "cn": (person.shown_name,),
        "displayname": (person.shown_name,),
        "mail": (mail,),
        "proxyaddresses": tuple(addresses),
        "company": (person.company or roster.company,),
        "useraccountcontrol": (str(control),),
        **{name: (getattr(person, key),) for key, name in _ATTRIBUTE_OF_KEY.items()},
    }
    return _entry(
        EntryKind.USER,
        (roster.guid_of(person), roster.name_of(person)),
        values | _further(person.attributes),
        account_ends_at(person.expires),
        is_enabled=not person.disabled,
    )


def _group_entry(roster: Roster, group: Group, members: Mapping[str, None]) -> SourceEntry:
    values: dict[str, tuple[str, ...]] = {
        "samaccountname": (group.name,),
        "cn": (group.name,),
        "mail": (group.mail,),
        "description": (group.description,),
    }
    keys = roster.guid_of(group), roster.name_of(group)
    return _entry(
        EntryKind.GROUP, keys, values | _further(group.attributes), None, members=tuple(members)
    )


def _further(attributes: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    return {
        name.lower(): (value,) if isinstance(value, str) else tuple(value)
        for name, value in attributes.items()
    }


def _entry(
    kind: EntryKind,
    keys: tuple[str, str],
    values: Mapping[str, tuple[str, ...]],
    ends_at: datetime | None,
    *,
    members: tuple[str, ...] = (),
    is_enabled: bool = True,
) -> SourceEntry:
    """Return the entry, without the attributes that have no value; LDAP knows no empty ones."""
    external_id, name = keys
    filled = {
        key: kept for key, some in values.items() if (kept := tuple(one for one in some if one))
    }
    attributes = filled | {"objectguid": (external_id,), "distinguishedname": (name,)}
    text = orjson.dumps(
        [kind, name, attributes, is_enabled, ends_at, sorted(members)], option=orjson.OPT_SORT_KEYS
    )
    digest = blake2b(text, digest_size=16).digest()
    return SourceEntry(kind, external_id, name, attributes, is_enabled, ends_at, members, digest)
