"""What a domain demands of passwords, and when it locks an account (MS-SAMR section 3.1.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.source.decode import FIRST_MOMENT, text_of
from connector.source.password_rules import Owner, PasswordRules

if TYPE_CHECKING:
    from connector.source.ldap import LdapConnection
    from connector.source.ldap_decoder import RawEntry

_COMPLEX = 1  # DOMAIN_PASSWORD_COMPLEX
_TICKS_PER_MICROSECOND = 10
_OF_DOMAIN = (
    "minPwdLength",
    "pwdHistoryLength",
    "pwdProperties",
    "minPwdAge",
    "lockoutThreshold",
    "lockOutObservationWindow",
)
_OF_SETTINGS = (
    "msDS-MinimumPasswordLength",
    "msDS-PasswordHistoryLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-MinimumPasswordAge",
)
_OF_OWNER = ("sAMAccountName", "displayName", "pwdLastSet", "msDS-ResultantPSO")


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """What holds for everybody without settings of their own.

    Attributes:
        rules: What a new password must be like.
        lockout_count: Wrong passwords until an account is locked; 0 for never.
        lockout_window: How long a wrong password counts.

    """

    rules: PasswordRules
    lockout_count: int
    lockout_window: timedelta


def read_policy(connection: LdapConnection) -> DomainPolicy | None:
    """Return the policy of the server's domain, or None if we may not read it.

    Raises:
        SourceUnavailable: if the connection broke.

    """
    domain = text_of(connection.read("", ("defaultNamingContext",)), b"defaultNamingContext")
    entry = connection.read(domain, _OF_DOMAIN) if domain else None
    if entry is None or not text_of(entry, b"minPwdLength"):
        return None
    rules = PasswordRules(
        min_length=_number(entry, "minPwdLength"),
        history_count=_number(entry, "pwdHistoryLength"),
        is_complex=bool(_number(entry, "pwdProperties") & _COMPLEX),
        min_age=_interval(entry, "minPwdAge"),
    )
    window = _interval(entry, "lockOutObservationWindow")
    return DomainPolicy(rules, _number(entry, "lockoutThreshold"), window)


def read_rules(connection: LdapConnection, name: str) -> tuple[PasswordRules | None, Owner]:
    """Return the rules for somebody's password, None if we may not read them, and who that is.

    Args:
        connection: Bound as ourselves.
        name: Distinguished name, or <GUID=...>.

    Raises:
        SourceUnavailable: if the connection broke.

    """
    entry = connection.read(name, _OF_OWNER)
    set_at = _number(entry, "pwdLastSet") // _TICKS_PER_MICROSECOND
    owner = Owner(
        login=text_of(entry, b"sAMAccountName"),
        display_name=text_of(entry, b"displayName"),
        set_at=FIRST_MOMENT + timedelta(microseconds=set_at) if set_at else None,
    )
    own_settings = text_of(entry, b"msDS-ResultantPSO")
    if own_settings:
        return _rules_of(connection.read(own_settings, _OF_SETTINGS)), owner
    policy = read_policy(connection)
    return policy.rules if policy else None, owner


def _rules_of(entry: RawEntry | None) -> PasswordRules | None:
    """Return somebody's own rules; AD lets only administrators read them, unless told otherwise."""
    if entry is None or not text_of(entry, b"msDS-MinimumPasswordLength"):
        return None
    return PasswordRules(
        min_length=_number(entry, "msDS-MinimumPasswordLength"),
        history_count=_number(entry, "msDS-PasswordHistoryLength"),
        is_complex=text_of(entry, b"msDS-PasswordComplexityEnabled") == "TRUE",
        min_age=_interval(entry, "msDS-MinimumPasswordAge"),
    )


def _number(entry: RawEntry | None, name: str) -> int:
    text = text_of(entry, name.encode())
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _interval(entry: RawEntry, name: str) -> timedelta:
    """Return a time that AD writes as a negative number of 100 nanoseconds."""
    microseconds = abs(_number(entry, name)) // _TICKS_PER_MICROSECOND
    return timedelta(microseconds=min(microseconds, timedelta.max // timedelta(microseconds=1)))
