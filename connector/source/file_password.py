"""Passwords of a directory kept in a file: checked by its hashes, changed beside it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from connector.clock import SystemClock
from connector.source.chosen_passwords import ChosenPasswords
from connector.source.file import read_roster
from connector.source.password import PasswordVerdict
from connector.source.password_change import ChangeVerdict, PasswordChange
from connector.source.password_rules import Owner, PasswordRules, find_broken_rule
from connector.source.roster_entry import account_ends_at
from connector.source.stored_password import matches, parse_stored_password, store_password

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from connector.clock import Clock
    from connector.source.roster import Person, Roster
    from connector.source.stored_password import StoredPassword

RULES = PasswordRules(min_length=8, history_count=3, is_complex=True)
_SALT_BYTES = 16


class FilePasswordCheck:
    """Checks passwords by the hashes in a file, which is read anew each time and never written.

    What people choose is kept in a file beside it. Safe to use from threads and processes.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._random = random
        self._chosen = ChosenPasswords(path)

    def prepare(self) -> None:
        """Nothing has to be opened."""

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
        chosen = self._chosen.of(person.login, _written(roster, person))
        used = chosen or _first(roster, person)
        # In any case, or the time would tell that somebody is locked, or has none.
        is_right = _matches_any(password, used[:1] or _some(roster)) and bool(used)
        # As in AD: a locked account says so, whatever the password.
        if person.locked:
            return PasswordVerdict.LOCKED_OUT
        if not is_right:
            return PasswordVerdict.WRONG_PASSWORD
        return _verdict(person, self._clock.now(), is_changed=bool(chosen))

    def refuse(self) -> None:
        """Take as long as a wrong password does: somebody's is compared, and nothing said.

        Raises:
            SourceUnavailable: as `check`.

        """
        _matches_any("of nobody", _some(read_roster(self._path)))

    def change(self, external_id: str, bind_name: str, old: str, new: str) -> PasswordChange:
        """Change a password, by the rules that `rules` gives.

        Args:
            external_id: Not needed here.
            bind_name: Whose password it is.
            old: The password until now.
            new: The password from now on.

        Raises:
            SourceUnavailable: if the files cannot be used or anything in them is wrong.

        """
        del external_id
        roster = read_roster(self._path)
        person = _find_person(roster, bind_name)
        if person is None:
            return PasswordChange(ChangeVerdict.WRONG_PASSWORD)
        written = _written(roster, person)
        used = self._chosen.of(person.login, written) or _first(roster, person)
        if not used or not matches(old, used[0]):
            return PasswordChange(ChangeVerdict.WRONG_PASSWORD)
        owner = Owner(person.login, person.shown_name)
        broken = find_broken_rule(new, RULES, owner, self._clock.now())
        if broken is not None:
            return PasswordChange(broken)
        if any(matches(new, one) for one in used):
            return PasswordChange(ChangeVerdict.USED_BEFORE)
        chosen = (store_password(new, self._random(_SALT_BYTES)), *used)
        self._chosen.keep(person.login, written, chosen[: RULES.history_count])
        return PasswordChange(ChangeVerdict.CHANGED, sign_in=self.check(bind_name, new))

    def rules(self, external_id: str) -> PasswordRules:
        """Return what a new password must be like."""
        del external_id
        return RULES


def _some(roster: Roster) -> tuple[StoredPassword, ...]:
    """Return what the file keeps of the first password in it, whosever it is."""
    found = (roster.password, *(person.password for person in roster.person))
    return tuple(parse_stored_password(stored) for stored in found if stored)[:1]


def _matches_any(password: str, stored: Sequence[StoredPassword]) -> bool:
    return any(matches(password, one) for one in stored)


def _written(roster: Roster, person: Person) -> str:
    """Return what the file says of somebody's password; once it says otherwise, that holds."""
    stored = person.password or roster.password
    return f"{stored} {person.must_change} {person.password_expired}"


def _first(roster: Roster, person: Person) -> tuple[StoredPassword, ...]:
    stored = person.password or roster.password
    return (parse_stored_password(stored),) if stored else ()


def _find_person(roster: Roster, bind_name: str) -> Person | None:
    folded = bind_name.casefold()
    for person in roster.person:
        if folded and folded in {person.login.casefold(), roster.bind_name_of(person).casefold()}:
            return person
    return None


def _verdict(person: Person, now: datetime, *, is_changed: bool) -> PasswordVerdict:
    ends_at = account_ends_at(person.expires)
    if person.disabled:
        return PasswordVerdict.ACCOUNT_DISABLED
    if ends_at is not None and ends_at <= now:
        return PasswordVerdict.ACCOUNT_EXPIRED
    if person.password_expired and not is_changed:
        return PasswordVerdict.PASSWORD_EXPIRED
    if person.must_change and not is_changed:
        return PasswordVerdict.MUST_CHANGE_PASSWORD
    return PasswordVerdict.ACCEPTED
