"""A small company as a source, in memory: entries come and go by method calls.

Speaks the contract of a source: digests, pages, and a proof that can be told to fail.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable
from connector.mapping.resource import MappedResource, MappingProblem
from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.entry import EntryKind, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from datetime import datetime

    from connector.clock import Clock

PAGE_SIZE = 3


def _guid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@dataclass
class Company:
    """People and groups by short name."""

    clock: Clock
    entries: dict[str, SourceEntry] = field(default_factory=dict)
    incomplete: str = ""
    breaks_after_pages: int | None = None

    def add_user(self, name: str, **attributes: str) -> str:
        values = {"mail": (f"{name}@corp.example",), "givenname": (name.title(),), "sn": ("X",)}
        values |= {key: (value,) for key, value in attributes.items()}
        self._put(name, EntryKind.USER, f"CN={name},OU=People,DC=corp", values, ())
        return self.entries[name].external_id

    def add_group(self, name: str, *members: str) -> str:
        names = tuple(self.entries[member].distinguished_name for member in members)
        self._put(name, EntryKind.GROUP, f"CN={name},OU=Groups,DC=corp", {"cn": (name,)}, names)
        return self.entries[name].external_id

    def name_of(self, name: str) -> str:
        return self.entries[name].distinguished_name

    def change(self, name: str, **attributes: str) -> None:
        values = dict(self.entries[name].attributes) | {k: (v,) for k, v in attributes.items()}
        self._replace(name, attributes=values)

    def disable(self, name: str, *, is_enabled: bool = False) -> None:
        self._replace(name, is_enabled=is_enabled)

    def expire(self, name: str, at: datetime) -> None:
        self._replace(name, expires_at=at)

    def set_members(self, group: str, *members: str) -> None:
        names = tuple(self.entries[member].distinguished_name for member in members)
        self._replace(group, member_names=names)

    def rename_unit(self, old: str, new: str) -> None:
        """Rename an OU: every name below it changes, in entries and in groups."""
        for name, entry in list(self.entries.items()):
            self._replace(
                name,
                distinguished_name=entry.distinguished_name.replace(old, new),
                member_names=tuple(one.replace(old, new) for one in entry.member_names),
            )

    def delete(self, name: str) -> None:
        gone = self.entries.pop(name).distinguished_name
        for group, entry in list(self.entries.items()):
            if gone in entry.member_names:
                kept = tuple(one for one in entry.member_names if one != gone)
                self._replace(group, member_names=kept)

    def recreate(self, name: str) -> None:
        """The same name again, with a new objectGUID."""
        self._replace(name, external_id=_guid(name + " anew"))

    def _put(self, name, kind, distinguished_name, attributes, members) -> None:
        self.entries[name] = SourceEntry(
            kind, _guid(name), distinguished_name, attributes, True, None, members, b""
        )
        self._replace(name)

    def _replace(self, name: str, **changes: object) -> None:
        entry = replace(self.entries[name], digest=b"", **changes)
        digest = blake2b(repr(entry).encode(), digest_size=16).digest()
        self.entries[name] = replace(entry, digest=digest)

    # -- the contract of a source ---------------------------------------------------------------

    def read_full(self, known: Mapping[str, bytes]) -> Batch:
        return Batch(self._pages(known))

    def _pages(self, known: Mapping[str, bytes]) -> Generator[Page, None, Proof]:
        waiting = list(self.entries.values())
        number = 0
        while waiting:
            if number == self.breaks_after_pages:
                message = "the connection was lost"
                raise SourceUnavailable(message)
            some, waiting = waiting[:PAGE_SIZE], waiting[PAGE_SIZE:]
            yield Page(
                tuple(entry for entry in some if known.get(entry.external_id) != entry.digest),
                tuple(e.external_id for e in some if known.get(e.external_id) == e.digest),
            )
            number += 1
        mark = Watermark("company", "", 0, self.clock.now())
        return Proof(not self.incomplete, self.incomplete, mark)


def map_company_entry(entry: SourceEntry) -> MappedResource | MappingProblem:
    """The simplest mapping there is; an entry without mail is a problem."""
    values = {key: value[0] for key, value in entry.attributes.items()}
    if entry.kind is EntryKind.GROUP and not values["cn"]:
        return MappingProblem(
            entry.external_id, entry.distinguished_name, "displayName", "no value"
        )
    if entry.kind is EntryKind.GROUP:
        document = {"displayName": values["cn"], "externalId": entry.external_id}
        return _mapped("Group", entry, document, ())
    if not values.get("mail"):
        return MappingProblem(
            entry.external_id, entry.distinguished_name, "userName", "has no value"
        )
    document = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": entry.external_id,
        "userName": values["mail"],
        "name": {"givenName": values["givenname"], "familyName": values["sn"]},
    }
    if "title" in values:
        document["title"] = values["title"]
    return _mapped("User", entry, document, (values["mail"].casefold(),))


def _mapped(resource_type: str, entry: SourceEntry, document: dict, names: tuple[str, ...]):
    schema = f"urn:ietf:params:scim:schemas:core:2.0:{resource_type}"
    document = {"schemas": [schema]} | document
    digest = blake2b(repr(document).encode(), digest_size=16).digest()
    bind_name = names[0] if names else ""
    return MappedResource(resource_type, entry.external_id, document, digest, names, bind_name)
