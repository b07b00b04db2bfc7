"""Reading a source to its end, as a cycle does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.clock import SystemClock
from connector.source.entry import EntryKind
from connector.source.reader import LdapSource, Wanted
from connector.source.roll_call import RollCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.settings import SourceSettings
    from connector.source.batch import Batch, Departure, MemberChange, Proof, Watermark
    from connector.source.entry import SourceEntry

WANTED = Wanted(("givenName", "sn", "mail", "proxyAddresses", "objectSid"), ("cn", "description"))


@dataclass(frozen=True)
class Reading:
    """All that a read gave."""

    entries: tuple[SourceEntry, ...]
    unchanged: tuple[str, ...]
    proof: Proof
    page_count: int
    departures: tuple[Departure, ...] = ()
    member_changes: tuple[MemberChange, ...] = ()

    def entry(self, distinguished_name: str) -> SourceEntry:
        (found,) = [
            entry for entry in self.entries if entry.distinguished_name == distinguished_name
        ]
        return found

    def named(self, kind: EntryKind) -> set[str]:
        return {entry.distinguished_name for entry in self.entries if entry.kind is kind}

    @property
    def users(self) -> set[str]:
        return self.named(EntryKind.USER)

    @property
    def groups(self) -> set[str]:
        return self.named(EntryKind.GROUP)

    @property
    def digests(self) -> dict[str, bytes]:
        return {entry.external_id: entry.digest for entry in self.entries}


def source_of(settings: SourceSettings, wanted: Wanted = WANTED) -> LdapSource:
    return LdapSource(settings, wanted, SystemClock())


def read(
    settings: SourceSettings,
    known: Mapping[str, bytes] | None = None,
    wanted: Wanted = WANTED,
    since: Watermark | None = None,
) -> Reading:
    return to_end(source_of(settings, wanted).read_full(RollCall(dict(known or {})), since))


def to_end(batch: Batch) -> Reading:
    pages = list(batch)
    return Reading(
        tuple(entry for page in pages for entry in page.entries),
        tuple(external_id for page in pages for external_id in page.unchanged),
        batch.proof,
        len(pages),
        tuple(departure for page in pages for departure in page.departures),
        tuple(change for page in pages for change in page.member_changes),
    )
