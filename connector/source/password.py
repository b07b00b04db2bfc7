"""What the source says about a password: AD's sub-codes as words. Knows no LDAP library."""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType

from connector.errors import SourceUnavailable

# AcceptSecurityContext error, data 52e, v4563
_SUB_CODE = re.compile(r"\bdata ([0-9a-f]+)\b", re.IGNORECASE)


class PasswordUnanswered(SourceUnavailable):
    """A password was sent and no answer came: it may have been counted, so nobody else is asked."""


class PasswordVerdict(StrEnum):
    """What the source says: accepted, or AD's sub-code of invalidCredentials in hexadecimal.

    AD looks at the state of the account only once the password is right, so that each code but
    the first two means that the person knows the password. LOCKED_OUT is the exception.
    """

    ACCEPTED = "accepted"
    UNKNOWN_USER = "525"
    WRONG_PASSWORD = "52e"
    LOGON_HOURS = "530"
    WORKSTATION = "531"
    PASSWORD_EXPIRED = "532"
    ACCOUNT_DISABLED = "533"
    ACCOUNT_EXPIRED = "701"
    MUST_CHANGE_PASSWORD = "773"
    LOCKED_OUT = "775"
    UNRECOGNISED = "unrecognised"


_BY_SUB_CODE = MappingProxyType({verdict.value: verdict for verdict in PasswordVerdict})


def parse_verdict(diagnostic_message: str) -> PasswordVerdict:
    """Return the verdict that came with invalidCredentials (RFC 4511 appendix A.2).

    A message without any sub-code is that of a server which only says right or wrong.

    >>> parse_verdict("80090308: LdapErr: DSID-0C0903A9, comment: ... error, data 775, v1db1")
    <PasswordVerdict.LOCKED_OUT: '775'>
    >>> parse_verdict("80090308: LdapErr: DSID-0C0903A9, comment: ... error, data 999, v1db1")
    <PasswordVerdict.UNRECOGNISED: 'unrecognised'>

    """
    found = _SUB_CODE.search(diagnostic_message)
    if found is None:
        return PasswordVerdict.WRONG_PASSWORD
    return _BY_SUB_CODE.get(found[1].lower(), PasswordVerdict.UNRECOGNISED)
