"""Check a password at the source directory, never more often than the directory can bear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from connector.errors import AuthenticationFailed, SourceUnavailable
from connector.idp.lockout import Attempt, LockoutPolicy, mac_of, network_of
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from connector.source.password import PasswordUnanswered, PasswordVerdict

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.authenticator.pace import Pace
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
# So many tries a person has in remembered devices, beyond those that everybody shares.
DEVICE_COUNT: Final = 1
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

    @property
    def own_account(self) -> str:
        """Return what failures in remembered devices are counted under, all of a person together.

        The directory counts those with all others; so many devices are no more tries than one.
        """
        return f"devices:{self.account}"


@dataclass(frozen=True, slots=True)
class PasswordAuthenticator:
    """Checks passwords.

    Attributes:
        check: Asks the directory.
        attempts: Counts them.
        lockout: The limits.
        secret: Keys what is kept of wrong passwords.
        pace: Hides that a name is unknown.
        devices: Those that are remembered.

    """

    check: PasswordCheck
    attempts: AttemptStore
    lockout: LockoutPolicy
    secret: bytes
    pace: Pace
    devices: DeviceStore

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
            self.clear(claim)
            return Verified(claim.user.external_id)
        if reason in _TO_BE_CHANGED and claim.user is not None:
            self.clear(claim)
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
        attempt = Attempt(claim.account, network_of(claim.address), now, self.mac(claim))
        taken = self.attempts.take_attempt(attempt, self.lockout)
        if taken is Reason.TOO_MANY_ATTEMPTS and self._is_own_device(claim, now):
            # Whoever tries passwords elsewhere cannot keep the owner out.
            own = replace(attempt, account=claim.own_account, network=claim.own_account)
            limit = LockoutPolicy(DEVICE_COUNT, DEVICE_COUNT, self.lockout.window)
            taken = self.attempts.take_attempt(own, limit)
        if isinstance(taken, Reason):
            raise AuthenticationFailed(taken)
        return taken

    def clear(self, claim: Claim) -> None:
        """Forget the failures of an account whose password was right; the directory does, too."""
        self.attempts.clear_attempts(claim.account)
        if claim.device:
            self.attempts.clear_attempts(claim.own_account)

    def _is_own_device(self, claim: Claim, now: datetime) -> bool:
        """Return whether it is a device that the person had remembered."""
        if claim.user is None or not claim.device:
            return False
        return self.devices.is_of(digest_of(claim.device), claim.user.external_id, now)

    def mac(self, claim: Claim) -> bytes:
        """Return what is kept of a claim's password if it is wrong."""
        return mac_of(self.secret, claim.account, claim.password)

    def _ask(self, claim: Claim, attempt_id: int) -> PasswordVerdict:
        if claim.user is None or not claim.user.bind_name:
            self.pace.pretend()
            return PasswordVerdict.UNKNOWN_USER
        begun = self.pace.begin()
        try:
            verdict = self.check.check(claim.user.bind_name, claim.password)
        except PasswordUnanswered as error:
            # The directory may have counted it, so we do.
            raise AuthenticationFailed(Reason.PASSWORD_UNANSWERED, str(error)) from error
        except SourceUnavailable as error:
            self.attempts.forget_attempt(attempt_id)
            raise AuthenticationFailed(Reason.SOURCE_UNAVAILABLE, str(error)) from error
        if verdict is not PasswordVerdict.ACCEPTED:
            self.pace.refused(begun)
        return verdict
