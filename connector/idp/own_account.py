"""What people see and change of their own account: factors, devices, sessions, sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import PolicyDenied, RequestRefused
from connector.idp.entry import require_entry
from connector.idp.evidence import of_session
from connector.idp.factor import FactorKind, clean_name
from connector.idp.happening import occasion, tell
from connector.idp.home import home
from connector.idp.logout.ending import Occasion, end_sessions, new_logout
from connector.idp.logout_transaction import Cause
from connector.idp.portal import find_session
from connector.idp.reason import Reason
from connector.idp.second_factor import FRESH
from connector.idp.store.logouts import Ends
from connector.idp.transaction import is_own_token, own_token
from connector.mail.notice import FactorRemoved, FactorRenamed

if TYPE_CHECKING:
    from connector.audit import AuditEvent
    from connector.idp.factor import EnrolledFactor
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession
    from connector.idp.store.devices import RememberedDevice
    from connector.idp.visit import Visit

_SIGN_INS_AT_MOST = 50
_EVENTS_LOOKED_AT = 500
_SIGN_IN_EVENTS = frozenset({"login.succeeded", "login.failed", "login.denied", "factor.refused"})


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """What guards an account.

    Attributes:
        email: Whose it is.
        form_token: Every form of the page sends it back.
        factors: What the person has, the strongest first.
        devices: Those that are remembered, who was used last first.
        lacks_way_back: Whether the loss of one thing would keep them out.

    """

    email: str
    form_token: str
    factors: tuple[EnrolledFactor, ...]
    devices: tuple[RememberedDevice, ...]
    lacks_way_back: bool


@dataclass(frozen=True, slots=True)
class OwnSignIns:
    """Where somebody is signed in, and has been.

    Attributes:
        email: Who.
        form_token: Every form of the page sends it back.
        sessions: That still let in, the latest first.
        current: Index of the session of this browser.
        events: Of the audit, the latest first: sign-ins, good and bad.

    """

    email: str
    form_token: str
    sessions: tuple[SsoSession, ...]
    current: str
    events: tuple[AuditEvent, ...]


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One person's own account, seen and changed in a browser in which they are signed in.

    Attributes:
        logout: Parts of single logout, and of the logins.

    """

    logout: LogoutParts

    @property
    def parts(self) -> LoginParts:
        """Return the parts of the logins."""
        return self.logout.login

    def keys(self, sso_cookie: str | None) -> OwnKeys | None:
        """Return what guards the account; None if the person has to prove (again) who they are.

        Whoever has a factor must have proved one lately.
        """
        session = self._fresh_session(sso_cookie)
        if session is None:
            return None
        person, now = session.external_id, self.parts.clock.now()
        factors = self.parts.factors.store.of_person(person, now)
        return OwnKeys(
            session.email,
            own_token(self.parts.secret, session.cookie_digest),
            factors,
            self.parts.devices.of_person(person, now),
            _ways(factors) < 2,
        )

    def sign_ins(self, sso_cookie: str | None) -> OwnSignIns | None:
        """Return where the person is and was signed in; None if they are not here."""
        session = self._session(sso_cookie)
        if session is None:
            return None
        now, limits = self.parts.clock.now(), self.parts.settings.sessions
        sessions = self.parts.store.sessions_of(session.external_id)
        return OwnSignIns(
            session.email,
            own_token(self.parts.secret, session.cookie_digest),
            tuple(each for each in reversed(sessions) if each.is_alive(now, limits)),
            session.session_index,
            self._events(session.external_id),
        )

    def rename(
        self, sso_cookie: str | None, token: str, factor_id: str, name: str, visit: Visit
    ) -> None:
        """Give a factor another name.

        Raises:
            RequestRefused: if the person has to prove anew who they are, or it is not theirs.

        """
        session = self._require_fresh(sso_cookie, token, visit)
        plain = clean_name(name, "")
        if not plain:
            return
        store, person, now = self.parts.factors.store, session.external_id, self.parts.clock.now()
        known = [each for each in store.of_person(person, now) if each.factor_id == factor_id]
        if not known or not store.rename(person, factor_id, plain):
            raise RequestRefused(Reason.FACTOR_UNKNOWN)
        (was,) = known
        when = occasion(self.parts, visit)
        tell(self.parts, person, FactorRenamed(when, was.kind, was.name, plain))

    def remove(self, sso_cookie: str | None, token: str, factor_id: str, visit: Visit) -> None:
        """Remove a factor; devices that were remembered by what the person had are forgotten.

        Raises:
            RequestRefused: as `rename` does.

        """
        session = self._require_fresh(sso_cookie, token, visit)
        person, now = session.external_id, self.parts.clock.now()
        removed = self.parts.factors.store.remove(person, factor_id, now)
        if removed is None:
            raise RequestRefused(Reason.FACTOR_UNKNOWN)
        self.parts.devices.forget(person)
        when = occasion(self.parts, visit)
        tell(self.parts, person, FactorRemoved(when, removed.kind, removed.name))

    def forget_device(
        self, sso_cookie: str | None, token: str, digest: bytes, visit: Visit
    ) -> None:
        """Forget a remembered device.

        Raises:
            RequestRefused: as `rename` does.

        """
        session = self._require_fresh(sso_cookie, token, visit)
        if self.parts.devices.forget(session.external_id, digest):
            person = session.external_id
            self.parts.record("device.forgotten", actor=person, address=visit.address)

    def end(self, sso_cookie: str | None, token: str, session_index: str, visit: Visit) -> None:
        """End one of the person's sessions, in another browser.

        Raises:
            RequestRefused: if nobody is signed in here, or the form is not of this session.

        """
        session = self._require(self._session(sso_cookie), token, visit)
        theirs = self.parts.store.sessions_of(session.external_id)
        if session_index not in {each.session_index for each in theirs}:
            raise RequestRefused(Reason.TRANSACTION_ENDED)
        self._end(session.external_id, Ends(sso_indexes=(session_index,)), visit)

    def end_everything(self, sso_cookie: str | None, token: str, visit: Visit) -> None:
        """End everything that the person is signed on to.

        Raises:
            RequestRefused: if nobody is signed in here, or the form is not of this session.

        """
        session = self._require(self._session(sso_cookie), token, visit)
        self.parts.devices.forget(session.external_id)
        self._end(session.external_id, Ends(external_id=session.external_id), visit)

    def _end(self, external_id: str, ends: Ends, visit: Visit) -> None:
        """End sessions; applications that servers reach are told by the next cycle."""
        logout = new_logout(self.logout, Cause.PERSON, external_id)
        end_sessions(self.logout, logout, ends, Occasion(visit.address))

    def _events(self, external_id: str) -> tuple[AuditEvent, ...]:
        """Return the sign-ins of a person, not each application that a session opened."""
        recent = self.parts.audit.recent(_EVENTS_LOOKED_AT, actor=external_id)
        shown = [
            each
            for each in recent
            if each.event in _SIGN_IN_EVENTS and each.details.get("proof") != "session"
        ]
        return tuple(shown[:_SIGN_INS_AT_MOST])

    def _session(self, sso_cookie: str | None) -> SsoSession | None:
        return find_session(self.parts, sso_cookie)

    def _fresh_session(self, sso_cookie: str | None) -> SsoSession | None:
        """Return the session, if who has a factor has proved one lately."""
        session = self._session(sso_cookie)
        if session is None:
            return None
        now, strong_at = self.parts.clock.now(), of_session(session).strong_at
        if strong_at is not None and now - strong_at < FRESH:
            return session
        return None if self.parts.factors.usable_kinds(session.external_id, now) else session

    def _require_fresh(self, sso_cookie: str | None, token: str, visit: Visit) -> SsoSession:
        return self._require(self._fresh_session(sso_cookie), token, visit)

    def _require(self, session: SsoSession | None, token: str, visit: Visit) -> SsoSession:
        """Return the session, if the form was made for it and its person may still enter."""
        if session is None:
            raise RequestRefused(Reason.PROOF_MISSING)
        if reason := self._fault(session, token):
            person, address = session.external_id, visit.address
            self.parts.record("account.refused", reason, actor=person, address=address)
            raise RequestRefused(reason)
        return session

    def _fault(self, session: SsoSession, token: str) -> str:
        """Return why a form of that session is not taken; "" if it is."""
        if not is_own_token(token, self.parts.secret, session.cookie_digest):
            return Reason.STEP_TOKEN
        try:
            require_entry(self.parts, session.external_id, home(self.parts))
        except PolicyDenied as error:
            return error.reason
        return ""


def _ways(factors: tuple[EnrolledFactor, ...]) -> int:
    """Return how many things a person could lose one of; codes count as one."""
    usable = [each for each in factors if each.is_usable]
    codes = {each.kind for each in usable} & {FactorKind.RECOVERY_CODE}
    return sum(each.kind.is_enrolled_by_person for each in usable) + len(codes)
