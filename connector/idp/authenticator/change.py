"""Change a password that has expired, as the one who knows it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.errors import AuthenticationFailed, SourceUnavailable
from connector.idp.reason import Reason
from connector.source.password import PasswordUnanswered, PasswordVerdict
from connector.source.password_change import ChangeVerdict

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.authenticator.password import Claim, PasswordAuthenticator
    from connector.source.password_change import PasswordChange

_REASONS: Final = MappingProxyType(
    {
        ChangeVerdict.WRONG_PASSWORD: Reason.WRONG_PASSWORD,
        ChangeVerdict.LOCKED_OUT: Reason.LOCKED_OUT,
        ChangeVerdict.AGAINST_RULES: Reason.NEW_PASSWORD_AGAINST_RULES,
        ChangeVerdict.TOO_SHORT: Reason.NEW_PASSWORD_TOO_SHORT,
        ChangeVerdict.TOO_LONG: Reason.NEW_PASSWORD_TOO_LONG,
        ChangeVerdict.NOT_COMPLEX: Reason.NEW_PASSWORD_NOT_COMPLEX,
        ChangeVerdict.CONTAINS_NAME: Reason.NEW_PASSWORD_CONTAINS_NAME,
        ChangeVerdict.USED_BEFORE: Reason.NEW_PASSWORD_USED_BEFORE,
        ChangeVerdict.NOT_SENDABLE: Reason.NEW_PASSWORD_NOT_SENDABLE,
        ChangeVerdict.TOO_YOUNG: Reason.PASSWORD_TOO_YOUNG,
        ChangeVerdict.NOT_ALLOWED: Reason.PASSWORD_NOT_CHANGEABLE,
    }
)
# What the directory counts, too.
_COUNTED: Final = frozenset({ChangeVerdict.WRONG_PASSWORD, ChangeVerdict.LOCKED_OUT})


def change_password(
    authenticator: PasswordAuthenticator, claim: Claim, user: DirectoryUser, new: str, now: datetime
) -> PasswordVerdict | None:
    """Change a password; return what the directory says to the new one, None if it did not say.

    The old one is counted as at a sign-in, before it is sent; and once it is given up, it is a
    wrong one here, even while domain controllers still take it.

    Args:
        authenticator: Counts, and asks the directory.
        claim: With the old password.
        user: Whose it is.
        new: The password from now on.
        now: The present moment.

    Raises:
        AuthenticationFailed: with the reason; the password is as it was, except that nobody
            knows after CHANGE_UNANSWERED.

    """
    taken = authenticator.take(claim, now)
    made = _ask(authenticator, claim, user, new, taken)
    if made.verdict is ChangeVerdict.CHANGED:
        authenticator.attempts.clear_attempts(claim.account)
        authenticator.attempts.keep_spent(claim.account, authenticator.mac(claim), now)
        return made.sign_in
    if made.verdict is ChangeVerdict.WRONG_PASSWORD:
        authenticator.attempts.mark_wrong(taken, authenticator.mac(claim))
    elif made.verdict not in _COUNTED:
        authenticator.attempts.forget_attempt(taken)
    raise AuthenticationFailed(_REASONS.get(made.verdict, Reason.UNRECOGNISED), made.words)


def _ask(
    authenticator: PasswordAuthenticator, claim: Claim, user: DirectoryUser, new: str, taken: int
) -> PasswordChange:
    check = authenticator.check
    try:
        return check.change(user.external_id, user.bind_name, claim.password, new)
    except PasswordUnanswered as error:
        raise AuthenticationFailed(Reason.CHANGE_UNANSWERED, str(error)) from error
    except SourceUnavailable as error:
        authenticator.attempts.forget_attempt(taken)
        raise AuthenticationFailed(Reason.SOURCE_UNAVAILABLE, str(error)) from error
