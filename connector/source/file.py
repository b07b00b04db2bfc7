"""A source that is a TOML file: a small directory for trying things out, no server needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.errors import SourceUnavailable, WatermarkLost
from connector.source.batch import Batch, Departure, Page, Proof, Watermark
from connector.source.entry import EntryKind
from connector.source.guid import to_external_id
from connector.source.roll_call import Standing
from connector.source.roster import parse_roster
from connector.source.roster_entry import to_entries

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from datetime import datetime
    from pathlib import Path

    from connector.clock import Clock
    from connector.source.entry import SourceEntry
    from connector.source.roll_call import RollCall
    from connector.source.roster import Roster

PAGE_SIZE = 100


class FileSource:
    """The people and groups of a file, read anew each time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def read_full(self, roll: RollCall, since: Watermark | None) -> Batch:
        """Return all people, then all groups, to be read once.

        Args:
            roll: Who is known. An entry that still has its digest is only listed in
                `Page.unchanged`.
            since: Says nothing here: the file has no history.

        Iterating raises SourceUnavailable if the file cannot be read or anything in it is wrong.

        """
        del since
        return Batch(self._pages(roll))

    def read_changes(self, since: Watermark) -> Batch:
        """Raise WatermarkLost: a file does not say what changed in it."""
        message = f"{self._path}: a file is read whole (last read at {since.read_at:%H:%M})"
        raise WatermarkLost(message)

    def read_person(self, name: str) -> Batch:
        """Return the person with that objectGUID, mail, UPN, login or distinguished name.

        For an objectGUID that the file does not hold, it says that this one is gone. The watermark
        says when that was; no read of changes may begin there.
        """
        return Batch(self._person_pages(name))

    def watch(self) -> FileWatch:
        """Return what says whether the file was written."""
        return FileWatch(self._path)

    def _pages(self, roll: RollCall) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        entries = list(to_entries(read_roster(self._path)))
        for start in range(0, len(entries), PAGE_SIZE):
            page = entries[start : start + PAGE_SIZE]
            standings = [roll.answer(one.external_id, one.digest) for one in page]
            pairs = list(zip(page, standings, strict=True))
            yield Page(
                tuple(one for one, standing in pairs if standing is Standing.CHANGED),
                tuple(one.external_id for one, standing in pairs if standing is Standing.UNCHANGED),
            )
        # A file is read in one piece or not at all.
        return Proof(is_complete=True, reason="", watermark=self._watermark(read_at))

    def _person_pages(self, name: str) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        entries = list(to_entries(read_roster(self._path)))
        external_id = to_external_id(name)
        found = tuple(one for one in entries if _is_called(one, external_id or name))
        is_gone = bool(external_id) and not found
        departure = Departure(external_id, "", f"no longer in the file {self._path.name}")
        # The groups, too: a file shows at no cost whom they hold no more.
        groups = tuple(one for one in entries if found and one.kind is EntryKind.GROUP)
        yield Page(
            (*(replace(one, group_names=_groups_of(one, entries)) for one in found), *groups),
            departures=(departure,) if is_gone else (),
        )
        return Proof(is_complete=True, reason="", watermark=self._watermark(read_at), is_full=False)

    def _watermark(self, read_at: datetime) -> Watermark:
        return Watermark(self._path.name, "", 0, read_at)


class FileWatch:
    """Looks at a file from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def position(self) -> int:
        """Return a number that moves when the file is written.

        Raises:
            SourceUnavailable: if it is not there.

        """
        try:
            status = self._path.stat()
        except OSError as error:
            message = f"{self._path}: cannot be read: {error.strerror}"
            raise SourceUnavailable(message) from error
        return status.st_mtime_ns * 2**20 + status.st_size % 2**20

    def close(self) -> None:
        """Nothing is open."""


def read_roster(path: Path) -> Roster:
    """Return the people and groups of a file.

    Raises:
        SourceUnavailable: if it cannot be read, or with everything that is wrong in it.

    """
    try:
        return parse_roster(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise SourceUnavailable(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: cannot be read: not UTF-8 text at byte {error.start}"
        raise SourceUnavailable(message) from error
    except ValueError as error:
        message = f"{path}: {'; '.join(str(error).splitlines())}"
        raise SourceUnavailable(message) from error


def _is_called(entry: SourceEntry, name: str) -> bool:
    if name == entry.external_id:
        return True
    if entry.kind is not EntryKind.USER:
        return False
    keys = ("mail", "userprincipalname", "samaccountname", "distinguishedname")
    names = {value.casefold() for key in keys for value in entry.attributes.get(key, ())}
    return name.casefold() in names


def _groups_of(entry: SourceEntry, entries: Iterable[SourceEntry]) -> tuple[str, ...]:
    name = entry.distinguished_name
    return tuple(one.distinguished_name for one in entries if name in one.member_names)
