"""A company of any size as a source: entries as they come from the wire, decoded by our own reader's parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.decode import external_id_of, to_entry
from connector.source.entry import EntryKind
from connector.source.ldap_decoder import RawEntry, digest_of
from connector.source.roll_call import Standing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from connector.source.roll_call import RollCall

BASE = "DC=corp,DC=example"
PAGE_SIZE = 1000
GROUP_SIZE = 50


def _element(value: bytes) -> bytes:
    """Return a value as an OCTET STRING of BER."""
    size = len(value)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return b"\x04" + length + value


def _guid(kind: bytes, number: int) -> bytes:
    return kind * 8 + number.to_bytes(8, "big")


def user_name(number: int) -> str:
    return f"CN=Person {number:07d},OU=Dept{number % 20:02d},OU=People,{BASE}"


def user(number: int) -> RawEntry:
    login = f"person{number:07d}"
    values = {
        b"objectguid": _guid(b"u", number),
        b"samaccountname": login.encode(),
        b"userprincipalname": f"{login}@corp.example".encode(),
        b"mail": f"{login}@corp.example".encode(),
        b"givenname": b"Person",
        b"sn": f"Number {number}".encode(),
        b"displayname": f"Person Number {number}".encode(),
        b"cn": f"Person {number:07d}".encode(),
        b"title": f"Engineer {number % 7}".encode(),
        b"department": f"Dept {number % 20:02d}".encode(),
        b"company": b"Example",
        b"telephonenumber": f"+49 30 {number:07d}".encode(),
        b"employeeid": f"{number:08d}".encode(),
        b"l": b"Berlin",
        b"c": b"DE",
        b"useraccountcontrol": b"512",
        b"accountexpires": b"9223372036854775807",
    }
    return RawEntry(user_name(number).encode(), {k: _element(v) for k, v in values.items()})


def group(number: int, users_count: int) -> RawEntry:
    members = ((number * GROUP_SIZE + step) % users_count for step in range(GROUP_SIZE))
    name = f"Group {number:05d}"
    parts = {
        b"objectguid": _element(_guid(b"g", number)),
        b"samaccountname": _element(name.encode()),
        b"cn": _element(name.encode()),
        b"member": b"".join(_element(user_name(one).encode()) for one in members),
    }
    return RawEntry(f"CN={name},OU=Groups,{BASE}".encode(), parts)


class SyntheticSource:
    """So many users and groups, always the same; `changes` are what a read of changes gives."""

    def __init__(self, users_count: int, groups_count: int) -> None:
        self._users_count = users_count
        self._groups_count = groups_count
        self.changes: tuple[Page, ...] = ()

    def _entries(self) -> Iterator[tuple[EntryKind, RawEntry]]:
        for number in range(self._users_count):
            yield EntryKind.USER, user(number)
        for number in range(self._groups_count):
            yield EntryKind.GROUP, group(number, self._users_count)

    def read_full(self, roll: RollCall, since: Watermark | None) -> Batch:
        del since  # it never changes
        return Batch(self._pages(roll))

    def read_changes(self, since: Watermark) -> Batch:
        return Batch(self._changed_pages(since))

    def _changed_pages(self, since: Watermark) -> Generator[Page, None, Proof]:
        yield from self.changes
        return Proof(True, "", since, is_full=False)

    def _pages(self, roll: RollCall) -> Generator[Page, None, Proof]:
        entries, unchanged = [], []
        for kind, raw in self._entries():
            external_id, digest = external_id_of(raw), digest_of(raw)
            if roll.answer(external_id, digest) is Standing.UNCHANGED:
                unchanged.append(external_id)
            else:
                entries.append(to_entry(kind, external_id, raw, digest))
            if len(entries) + len(unchanged) == PAGE_SIZE:
                yield Page(tuple(entries), tuple(unchanged))
                entries, unchanged = [], []
        yield Page(tuple(entries), tuple(unchanged))
        return Proof(True, "", Watermark("synthetic", "", 0, datetime.now(UTC)))
