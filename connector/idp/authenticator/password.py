"""Check a password at the source directory, never more often than the directory can bear."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from connector.errors import AuthenticationFailed, SourceUnavailable
from connector.idp.authenticator.onset import Onsets
from connector.idp.lockout import LIMITS, Attempt, mac_of, network_of
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from connector.source.password import PasswordUnanswered, PasswordVerdict

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.lockout import LockoutPolicy
    from connector.idp.store.attempts import AttemptStore
    from connector.idp.store.devices import DeviceStore
    from connector.source.password_change import PasswordChange
    from connector.source.password_rules import PasswordRules

_REASONS = MappingProxyType(
    {
        PasswordVerdict.UNKNOWN_USER: Reason.UNKNOWN_USER,
        PasswordVerdict.WRONG_PASSWORD: Reason.WRONG_PASSWORD,
        PasswordVerdict.LOGON_HOURS: Reason.LOGON_HOURS,
        PasswordVerdict.WORKSTATION: Reason.WORKSTATION,
        PasswordVerdict.PASSWORD_EXPIRED: Reason.PASSWORD_EXPIRED,
        PasswordVerdict.ACCOUNT_DISABLED: Reason.ACCOUNT_DISABLED,
        PasswordVerdict.ACCOUNT_EXPIRED: Reason.ACCOUNT_EXPIRED,
        PasswordVerdict.MUST_CHANGE_PASSWORD: Reason.MUST_CHANGE_PASSWORD,
        PasswordVerdict.LOCKED_OUT: Reason.LOCKED_OUT,
    }
)
# The password was right, and is good for nothing but choosing another one.
_TO_BE_CHANGED: Final = frozenset({Reason.PASSWORD_EXPIRED, Reason.MUST_CHANGE_PASSWORD})


class PasswordCheck(Protocol):
    """Asks the source directory about a password.

    All but `prepare` raise SourceUnavailable if it says nothing; PasswordUnanswered, which is one,
    if it was sent a password and said nothing.
    """

    def prepare(self) -> None:
        """Expect to be asked soon."""
        ...

    def check(self, bind_name: str, password: str) -> PasswordVerdict:
        """Return what the directory says."""
        ...

    def refuse(self) -> None:
        """Take as long as to refuse a password, whosever it is: nobody has the name."""
        ...

    def change(self, external_id: str, bind_name: str, old: str, new: str) -> PasswordChange:
        """Change a password, and return what came of it; a wrong old one counts like a check."""
        ...

    def rules(self, external_id: str) -> PasswordRules | None:
        """Return what a new password must be like, or None if that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Verified:
    """The person is who they say."""

    external_id: str


@dataclass(frozen=True, slots=True)
class MustChange:
    """The person is who they say, and has to choose a new password first.

    Attributes:
        external_id: The person.
        reason: PASSWORD_EXPIRED or MUST_CHANGE_PASSWORD.

    """

    external_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says who they are.

    Attributes:
        name: As typed, casefolded.
        user: Whom the directory knows by that name, or None.
        password: The proof.
        address: Where the browser is.
        device: Value of the cookie of a remembered device, or None.

    """

    name: str
    user: DirectoryUser | None
    password: str
    address: str
    device: str | None = None

    @property
    def account(self) -> str:
        """Return what failures are counted under: the person, whichever name they use."""
        return self.user.external_id if self.user else f"name:{self.name}"


@dataclass(frozen=True, slots=True)
class PasswordAuthenticator:
    """Checks passwords.

    Attributes:
        check: Asks the directory.
        attempts: Counts them.
        lockout: The limits.
        secret: Keys what is kept of wrong passwords.
        devices: Those that are remembered.
        onsets: Says when a limit begins to hold.

    """

    check: PasswordCheck
    attempts: AttemptStore
    lockout: LockoutPolicy
    secret: bytes
    devices: DeviceStore
    onsets: Onsets = field(default_factory=Onsets)

    def authenticate(self, claim: Claim, now: datetime) -> Verified | MustChange:
        """Return that the password is right.

        Raises:
            AuthenticationFailed: with the reason, for the audit only.
            StateError: if attempts cannot be counted; then none is made.

        """
        taken = self.take(claim, now)
        verdict = self._ask(claim, taken)
        reason = _REASONS.get(verdict, Reason.UNRECOGNISED)
        if verdict is PasswordVerdict.ACCEPTED and claim.user is not None:
            self.attempts.clear_attempts(claim.account)
            return Verified(claim.user.external_id)
        if reason in _TO_BE_CHANGED and claim.user is not None:
            self.attempts.clear_attempts(claim.account)
            return MustChange(claim.user.external_id, reason)
        if reason in {Reason.WRONG_PASSWORD, Reason.UNKNOWN_USER}:
            self.attempts.mark_wrong(taken, self.mac(claim))
        raise AuthenticationFailed(reason)

    def take(self, claim: Claim, now: datetime) -> int:
        """Count an attempt before it is made, and return its number.

        Raises:
            AuthenticationFailed: if it is not to be made.

        """
        if not claim.password:
            # A bind with an empty password succeeds for everybody (RFC 4513 section 5.1.2).
            raise AuthenticationFailed(Reason.PASSWORD_EMPTY)
        attempt = self._attempt(claim, now)
        taken = self.attempts.take_attempt(attempt, self.lockout)
        if isinstance(taken, Reason) and taken in LIMITS:
            self._note(taken, attempt, claim)
            if self._is_owner(claim, now):
                taken = self.attempts.take_attempt(attempt, self.lockout.for_owner())
        if isinstance(taken, Reason):
            raise AuthenticationFailed(taken)
        return taken

    def wait(self, claim: Claim, now: datetime) -> timedelta:
        """Return how long it takes until an attempt may be made; whatever the password is."""
        policy = self.lockout.for_owner() if self._is_owner(claim, now) else self.lockout
        open_at = self.attempts.open_at(self._attempt(claim, now), policy)
        return open_at - now if open_at else timedelta(0)

    def _attempt(self, claim: Claim, now: datetime) -> Attempt:
        return Attempt(claim.account, network_of(claim.address), now, self.mac(claim))

    def _is_owner(self, claim: Claim, now: datetime) -> bool:
        """Return whether the claim comes from a device that the person had remembered."""
        # Nobody's is looked for, too: otherwise the time would tell who exists.
        external_id = claim.user.external_id if claim.user else ""
        if not claim.device:
            return False
        return self.devices.is_of(digest_of(claim.device), external_id, now)

    def _note(self, limit: Reason, attempt: Attempt, claim: Claim) -> None:
        """Say in the log that a limit holds; names that nobody has are not to fill it."""
        window = self.lockout.window
        if limit is Reason.TOO_MANY_ATTEMPTS and claim.user is None:
            return
        subject = {Reason.TOO_MANY_ATTEMPTS: attempt.account, Reason.TOO_MANY_OVERALL: ""}
        self.onsets.note(limit, subject.get(limit, attempt.network), attempt.at, window)

    def mac(self, claim: Claim) -> bytes:
        """Return what is kept of a claim's password if it is wrong."""
        return mac_of(self.secret, claim.account, claim.password)

    def _ask(self, claim: Claim, attempt_id: int) -> PasswordVerdict:
        try:
            if claim.user is not None and claim.user.bind_name:
                return self.check.check(claim.user.bind_name, claim.password)
            self.check.refuse()
        except PasswordUnanswered as error:
            # The directory may have counted it, so we do.
            raise AuthenticationFailed(Reason.PASSWORD_UNANSWERED, str(error)) from error
        except SourceUnavailable as error:
            self.attempts.forget_attempt(attempt_id)
            raise AuthenticationFailed(Reason.SOURCE_UNAVAILABLE, str(error)) from error
        return PasswordVerdict.UNKNOWN_USER
