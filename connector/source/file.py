"""A source that is a TOML file: a small directory for trying things out, no server needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.clock import SystemClock
from connector.errors import SourceUnavailable
from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.password import PasswordVerdict
from connector.source.roster import parse_roster
from connector.source.roster_entry import account_ends_at, to_entries
from connector.source.stored_password import matches, parse_stored_password

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from datetime import datetime
    from pathlib import Path

    from connector.clock import Clock
    from connector.source.roster import Person, Roster

PAGE_SIZE = 100


class FileSource:
    """The people and groups of a file, read anew each time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def read_full(self, known: Mapping[str, bytes]) -> Batch:
        """Return all people, then all groups, to be read once.

        Args:
            known: Digests by external_id. An entry that still has its digest is only listed in
                `Page.unchanged`.

        Iterating raises SourceUnavailable if the file cannot be read or anything in it is wrong.

        """
        return Batch(self._pages(known))

    def _pages(self, known: Mapping[str, bytes]) -> Generator[Page, None, Proof]:
        read_at = self._clock.now()
        entries = list(to_entries(read_roster(self._path)))
        for start in range(0, len(entries), PAGE_SIZE):
            page = entries[start : start + PAGE_SIZE]
            same = {one.external_id for one in page if known.get(one.external_id) == one.digest}
            yield Page(
                tuple(one for one in page if one.external_id not in same), tuple(sorted(same))
            )
        # A file is read in one piece or not at all.
        return Proof(
            is_complete=True, reason="", watermark=Watermark(self._path.name, "", 0, read_at)
        )


class FilePasswordCheck:
    """Checks passwords by the hashes in a file, which is read anew each time."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        """Return what a directory would say: the account's state only if the password is right.

        Args:
            bind_name: A userPrincipalName or a login, in any case.
            password: The empty one is always wrong.

        Raises:
            SourceUnavailable: if the file cannot be read or anything in it is wrong.

        """
        roster = read_roster(self._path)
        person = _find_person(roster, bind_name)
        if person is None:
            return PasswordVerdict.UNKNOWN_USER
        # As in AD: a locked account says so, whatever the password.
        if person.locked:
            return PasswordVerdict.LOCKED_OUT
        stored = person.password or roster.password
        if not matches(password, parse_stored_password(stored) if stored else None):
            return PasswordVerdict.WRONG_PASSWORD
        return _verdict(person, self._clock.now())


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


def _find_person(roster: Roster, bind_name: str) -> Person | None:
    folded = bind_name.casefold()
    for person in roster.person:
        if folded and folded in {person.login.casefold(), roster.bind_name_of(person).casefold()}:
            return person
    return None


def _verdict(person: Person, now: datetime) -> PasswordVerdict:
    ends_at = account_ends_at(person.expires)
    if person.disabled:
        return PasswordVerdict.ACCOUNT_DISABLED
    if ends_at is not None and ends_at <= now:
        return PasswordVerdict.ACCOUNT_EXPIRED
    if person.password_expired:
        return PasswordVerdict.PASSWORD_EXPIRED
    if person.must_change:
        return PasswordVerdict.MUST_CHANGE_PASSWORD
    return PasswordVerdict.ACCEPTED
