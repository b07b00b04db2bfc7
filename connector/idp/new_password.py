"""The step of a login in which a password that has expired is changed.

The old one is asked for again rather than kept from the step before: nothing that signs anybody in
is ever stored, and who finds a browser left at this step cannot take the account over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.errors import AuthenticationFailed, PolicyDenied, SourceUnavailable
from connector.idp.authenticator.change import change_password
from connector.idp.authenticator.password import Claim
from connector.idp.entry import require_entry
from connector.idp.lockout import LIMITS
from connector.idp.reason import Reason
from connector.idp.view import AskNewPassword
from connector.source.password import PasswordVerdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.authenticator.password import MustChange
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction
    from connector.idp.visit import Visit
    from connector.source.password_rules import PasswordRules

# Keys of messages. Here the browser is told what the audit is: the person has proved the password.
DIFFERS = "new-differs"
EMPTY = "new-empty"
WRONG_OLD = "wrong-old"
FAILED = "failed"
TOO_MANY = "too-many"
_MESSAGES: Final = MappingProxyType(
    {
        Reason.PASSWORD_EMPTY: WRONG_OLD,
        Reason.WRONG_PASSWORD: WRONG_OLD,
        Reason.SAME_WRONG_PASSWORD: WRONG_OLD,
        **dict.fromkeys(LIMITS, TOO_MANY),
        Reason.SOURCE_UNAVAILABLE: "unavailable",
        Reason.LOCKED_OUT: FAILED,
        Reason.UNRECOGNISED: Reason.PASSWORD_NOT_CHANGEABLE,
    }
)
# After these the password until now is not the right question any more.
_ASK_ANEW: Final = frozenset({Reason.LOCKED_OUT, Reason.CHANGE_UNANSWERED})


@dataclass(frozen=True, slots=True)
class TypedPasswords:
    """What the form sends.

    Attributes:
        old: The password until now.
        new: The one from now on.
        repeated: The same once more.

    """

    old: str = field(repr=False)
    new: str = field(repr=False)
    repeated: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """This step of one login.

    Attributes:
        parts: Of the identity provider.
        transaction: The login.
        application: Where the person is going.
        visit: The browser that asks.
        end_sign_ons: Ends everything that somebody is signed on to, by external_id.

    """

    parts: LoginParts
    transaction: LoginTransaction
    application: Application
    visit: Visit
    end_sign_ons: Callable[[str], None]

    def begin(self, verified: MustChange) -> None:
        """Keep that the password was right, and has to be changed."""
        self.parts.store.set_person(
            self.transaction.transaction_id, verified.external_id, verified.reason
        )
        self._record("password.demanded", verified.external_id, because=verified.reason)

    def ask(self, step_token: str) -> AskNewPassword:
        """Return what to show."""
        return AskNewPassword(
            self.application.name,
            step_token,
            self.transaction.email,
            self._rules(),
            self.transaction.error,
            self._wait(),
        )

    def take(self, typed: TypedPasswords) -> None:
        """Change the password and let the person on, or keep why not.

        Raises:
            PolicyDenied: if the person may not enter any more.

        """
        if not typed.new:
            self._set_error(EMPTY)
        elif typed.new != typed.repeated:
            self._set_error(DIFFERS)
        else:
            self._change(typed)

    def _change(self, typed: TypedPasswords) -> None:
        now = self.parts.clock.now()
        user = self._user()
        try:
            said = change_password(
                self.parts.authenticator, self._claim(user, typed.old), user, typed.new, now
            )
        except AuthenticationFailed as error:
            self._refuse(user, error)
            return
        self._record("password.changed", user.external_id)
        # Whoever was signed in by the old one is not any more.
        self.end_sign_ons(user.external_id)
        self.parts.devices.forget(user.external_id)
        if said is not PasswordVerdict.ACCEPTED:
            # Nobody said that they may sign in, such as at this hour: the usual step finds out.
            self._ask_anew(Reason.CHANGED_ONLY)
            return
        require_entry(self.parts, user.external_id, self.application)
        self.parts.keep_identity(
            self.transaction,
            user.external_id,
            "password",
            self.application.name,
            self.visit.address,
        )

    def _refuse(self, user: DirectoryUser, error: AuthenticationFailed) -> None:
        reason = Reason(error.reason)
        message = _MESSAGES.get(reason, reason)
        if reason in _ASK_ANEW:
            self._ask_anew(message)
        else:
            self._set_error(message)
        self.parts.record(
            "password.refused",
            reason,
            actor=user.external_id,
            application=self.application.name,
            address=self.visit.address,
            details={"message": str(error)},
        )

    def _user(self) -> DirectoryUser:
        user = self.parts.directory.user(self.transaction.external_id)
        if user is None:  # gone since the step before
            raise PolicyDenied(Reason.UNKNOWN_USER)
        return user

    def _claim(self, user: DirectoryUser, password: str = "") -> Claim:
        name, visit = self.transaction.email.casefold(), self.visit
        return Claim(name, user, password, visit.address, visit.device)

    def _wait(self) -> timedelta:
        """Return how long nothing more is taken; zero unless that is what the page has to say."""
        if self.transaction.error != TOO_MANY:
            return timedelta(0)
        return self.parts.authenticator.wait(self._claim(self._user()), self.parts.clock.now())

    def _rules(self) -> PasswordRules | None:
        """Return the rules; the page is of use without them, and the change says why it fails."""
        try:
            return self.parts.authenticator.check.rules(self.transaction.external_id)
        except SourceUnavailable:
            return None

    def _set_error(self, message: str) -> None:
        person = self.transaction.external_id
        self.parts.store.set_person(self.transaction.transaction_id, person, message)

    def _ask_anew(self, message: str) -> None:
        self.parts.store.set_person(self.transaction.transaction_id, "", message)

    def _record(self, event: str, person: str, because: str = "") -> None:
        self.parts.record(
            event,
            actor=person,
            application=self.application.name,
            address=self.visit.address,
            details={"because": because} if because else {},
        )
