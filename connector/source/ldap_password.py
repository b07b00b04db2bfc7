"""Ask the source about passwords, and change them, for people who sign in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.clock import SystemClock
from connector.errors import SourceUnavailable
from connector.source.connecting import QUICK_SECONDS, LoginServers, introduce_ourselves
from connector.source.domain import read_rules
from connector.source.ldap_tls import to_servers
from connector.source.pace import Pace
from connector.source.password import PasswordVerdict
from connector.source.password_change import ChangeVerdict, PasswordChange
from connector.source.password_rules import find_broken_rule
from connector.source.spare import Spare

if TYPE_CHECKING:
    from connector.clock import Clock
    from connector.settings import SourceSettings
    from connector.source.ldap import LdapConnection
    from connector.source.ldap_tls import Endpoint
    from connector.source.password_rules import PasswordRules
_RULES_SECONDS = 1.0


class LdapPasswordCheck:
    """Asks about passwords, each time over a connection of its own; safe to use from threads."""

    def __init__(
        self, settings: SourceSettings, clock: Clock | None = None, pace: Pace | None = None
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            settings: Which servers.
            clock: Tells the time.
            pace: How long the servers take to refuse a password.

        Raises:
            ConfigurationError: if a password would go out in clear.

        """
        self._settings = settings
        self._clock = clock or SystemClock()
        self._pace = pace or Pace()
        servers = to_servers(settings)
        self._servers = LoginServers(servers)
        self._quick_servers = LoginServers(replace(servers, patience_seconds=_RULES_SECONDS))
        self._spare = Spare(lambda: self._servers.connect(lambda _: None)[0])

    def prepare(self) -> None:
        """Open a connection in the background: somebody is about to type a password."""
        self._spare.prepare()

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        """Return what the first server that can be spoken to says; no second one is asked.

        A bind without a password succeeds and proves nothing (RFC 4513 section 5.1.2), and some
        servers end a text at its first NUL, so neither is ever sent.

        Raises:
            PasswordUnanswered: if the password was sent, and no answer came.
            SourceUnavailable: if no server says anything.

        """
        if not _is_sendable(bind_name.strip()) or not _is_sendable(password):
            self.refuse()
            return PasswordVerdict.WRONG_PASSWORD

        def ask(connection: LdapConnection) -> PasswordVerdict:
            begun = self._pace.begin()
            verdict = connection.bind(bind_name, password)
            if verdict is not PasswordVerdict.ACCEPTED:
                self._pace.refused(begun)
            return verdict

        connection, verdict = self._servers.connect(ask, self._take_spare())
        connection.close()
        return verdict

    def refuse(self) -> None:
        """Take as long as a wrong password does, without one: nobody has the name.

        Raises:
            SourceUnavailable: as `check`, or an outage would tell who exists.

        """
        connection, _ = self._servers.connect(lambda _: self._pace.pretend(), self._take_spare())
        connection.close()

    def change(self, external_id: str, bind_name: str, old: str, new: str) -> PasswordChange:
        """Change a password as its owner does, who must know the old one.

        The owner of an expired password cannot bind, so we do, as the account that reads. It needs
        no right for that: the domain controller asks for the old password, and for the right to
        change it, which by default everybody has.

        Args:
            external_id: The person's objectGUID.
            bind_name: Who says afterwards that the new password works.
            old: The password until now. A wrong one counts like a bind with it.
            new: The password from now on.

        Raises:
            PasswordUnanswered: if it was sent and no answer came; it may have been changed.
            SourceUnavailable: if no server could be asked.

        """
        if not _is_sendable(old):
            return PasswordChange(ChangeVerdict.WRONG_PASSWORD)
        if not _is_sendable(new):
            return PasswordChange(ChangeVerdict.NOT_SENDABLE)
        connection, made = self._servers.connect(
            lambda connection: self._change(connection, f"<GUID={external_id}>", old, new)
        )
        connection.close()
        if made.verdict is ChangeVerdict.CHANGED:
            made = replace(made, sign_in=self._sign_in(connection.endpoint, bind_name, new))
        return made

    def rules(self, external_id: str) -> PasswordRules | None:
        """Return the rules for somebody's new password, or None if we may not read them.

        Raises:
            SourceUnavailable: if no server answers soon; a page is not to wait for it.

        """

        def read(connection: LdapConnection) -> PasswordRules | None:
            introduce_ourselves(connection, self._settings)
            return read_rules(connection, f"<GUID={external_id}>")[0]

        connection, rules = self._quick_servers.connect(read)
        connection.close()
        return rules

    def close(self) -> None:
        """Hang up."""
        self._spare.close()

    def _take_spare(self) -> LdapConnection | None:
        spare = self._spare.take()
        if spare is None or spare.is_answered(QUICK_SECONDS):
            return spare
        spare.close()
        self._servers.note_failure(spare.endpoint)
        return None

    def _change(self, connection: LdapConnection, name: str, old: str, new: str) -> PasswordChange:
        introduce_ourselves(connection, self._settings)
        made = connection.change_password(name, _to_unicode_pwd(old), _to_unicode_pwd(new))
        if made.verdict is not ChangeVerdict.AGAINST_RULES:
            return made
        rules, owner = read_rules(connection, name)
        if rules is None:
            return made
        broken = find_broken_rule(new, rules, owner, self._clock.now())
        return replace(made, verdict=broken or ChangeVerdict.USED_BEFORE)

    def _sign_in(self, endpoint: Endpoint, bind_name: str, password: str) -> PasswordVerdict | None:
        """Return what the server that changed a password says to it; others may not know it yet."""
        try:
            connection = self._servers.connect_again(endpoint)
            try:
                return connection.bind(bind_name, password)
            finally:
                connection.close()
        except SourceUnavailable:  # the change was made all the same, which is what counts
            return None


def _to_unicode_pwd(password: str) -> bytes:
    """Return a password as AD takes it (MS-ADTS section 3.1.1.3.1.5.1)."""
    return f'"{password}"'.encode("utf-16-le")


def _is_sendable(text: str) -> bool:
    """Return whether a text has an unambiguous form on the wire."""
    try:
        return bool(text) and b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
