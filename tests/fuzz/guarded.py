"""People who have second factors, or have to enrol one: what their logins and pages take in.

Each time that something is thrown at them they are first put back to where it is taken in.
"""

from __future__ import annotations

import json
import secrets
import ssl
from base64 import b32encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pyotp

from connector.audit import AuditEvent
from connector.idp import duo_trip, enrolment
from connector.idp.authenticator.duo import DuoFactor
from connector.idp.authenticator.duo_client import DuoClient
from connector.idp.authenticator.duo_token import DuoApplication
from connector.idp.challenge import Purpose, challenge, stamp
from connector.idp.enrolment import CHOOSE, CODES
from connector.idp.factor import FactorKind
from connector.idp.policy.points import Authentication, Remembering
from connector.idp.session import SsoSession
from connector.idp.store.devices import RememberedDevice
from connector.idp.store.sign_ons import Ending
from connector.idp.transaction import Step, digest_of, own_token, step_token
from tests.fuzz.passkeys import CHALLENGE
from tests.fuzz.surface import FORM, OURS
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET
from tests.parts.policies import policies
from tests.parts.software_authenticator import SoftwareAuthenticator, to_text

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction
    from tests.fuzz.surface import Surface

APPLICATIONS: Final = ("Guarded", "Enrolling")
# Whoever comes to these proves a second factor; everybody else is asked nothing more. Duo is
# everybody's, so whoever has to enrol something comes where it does not count.
POLICIES = policies(
    {
        "guarded": {"authentication": Authentication.ENFORCE},
        "enrolling": {
            "authentication": Authentication.ENFORCE,
            "factors": frozenset({FactorKind.PASSKEY, FactorKind.TOTP, FactorKind.RECOVERY_CODE}),
        },
    },
    authentication=Authentication.BYPASS,
    remembered_devices=Remembering.SHARED,
)
OWNER, NEWCOMER = "bella", "carol"
SEED: Final = bytes(range(20))
APP: Final = pyotp.TOTP(b32encode(SEED).decode())
# Where people may be while they enrol, and what the login remembers meanwhile.
ENROLLING: Final = {
    "": b"",
    CHOOSE: b"",
    FactorKind.TOTP: SEED,
    FactorKind.PASSKEY: b"",
    CODES: json.dumps(["CODE"]).encode(),
}


def silent_duo(base_url: str) -> DuoFactor:
    """Return a Duo that nobody answers for."""
    application = DuoApplication("127.0.0.1:9", CLIENT_ID, CLIENT_SECRET)
    client = DuoClient(application, secrets.token_bytes, ssl.create_default_context())
    return DuoFactor(client, f"{base_url}/login/duo")


@dataclass
class Login:
    """A login of one person, which is put back to where it was as often as wanted.

    Attributes:
        parts: Of the identity provider.
        surface: Its web application.
        now: The present moment, which never passes.
        slug: Where the person goes.
        person: Their external_id.

    """

    parts: LoginParts
    surface: Surface
    now: datetime
    slug: str
    person: str
    _path: str = ""
    _browser: str = ""

    def put(
        self,
        enrolling: str = "",
        pending: bytes = b"",
        *,
        second: str = "",
        purpose: str = enrolment.PURPOSE,
    ) -> LoginTransaction:
        """Let the person have proved the password, and be at some step of an enrolment."""
        transaction_id = self._begin().transaction_id
        close = self.parts.factors.close
        self.parts.store.set_stage(
            transaction_id,
            external_id=self.person,
            email=f"{self.person}@corp.test",
            verified_at=self.now,
            first="password",
            second=second,
            second_at=self.now if second else None,
            error="",
            chosen="",
            upgrades=b"",
            tries=0,
            remember_seconds=0,
            enrolling=enrolling,
            pending=close(pending, transaction_id, purpose) if pending else b"",
        )
        return self._load_known()

    def post(self, login: LoginTransaction, step: Step, name: str, body: bytes) -> None:
        """Send a form, and look at what comes of it."""
        token = step_token(self.parts.secret, login, step).encode()
        fields = b"step_token=" + token + b"&" + body
        self.surface.post(f"{self._path}/{name}", fields, (FORM, OURS, self.cookie))
        self.look()

    def look(self) -> None:
        """See the page that comes next, by which the login may end."""
        self.surface.get(self._path, b"", (self.cookie,))

    @property
    def cookie(self) -> tuple[bytes, bytes]:
        return b"cookie", b"__Host-browser=" + self._browser.encode()

    def _begin(self) -> LoginTransaction:
        """Return the login; a new one if it has ended."""
        found = self._load()
        if found is not None and found.answered_at is None:
            return found
        begun = self.surface.get(f"/open/{self.slug}")
        self._path = begun.headers[b"location"].decode()
        page = self.surface.get(self._path)
        cookie = page.headers[b"set-cookie"].partition(b";")[0].decode()
        self._browser = cookie.partition("=")[2]
        return self._load_known()

    def _load(self) -> LoginTransaction | None:
        return self.parts.store.transaction(self._path.rpartition("/")[2], self.now)

    def _load_known(self) -> LoginTransaction:
        found = self._load()
        assert found is not None
        return found


@dataclass
class Guarded:
    """Somebody who has factors, and somebody who has to enrol one.

    Attributes:
        parts: Of the identity provider.
        surface: Its web application.
        now: The present moment, which never passes.
        owner: The login of the first.
        newcomer: That of the second.
        device: Where the owner has a passkey.

    """

    parts: LoginParts
    surface: Surface
    now: datetime
    owner: Login = field(init=False)
    newcomer: Login = field(init=False)
    device: SoftwareAuthenticator = field(init=False)
    _session: str = ""

    def __post_init__(self) -> None:
        self.owner = Login(self.parts, self.surface, self.now, "guarded", OWNER)
        self.device = SoftwareAuthenticator(self.parts.factors.passkeys.party.origins[0])
        self.newcomer = Login(self.parts, self.surface, self.now, "enrolling", NEWCOMER)

    def answer_factor(self, name: str, body: bytes, enrolling: str = "") -> None:
        """Send a form of the question for a factor, maybe to who took long over an enrolment."""
        self._restore_factors()
        login = self.owner.put(enrolling, ENROLLING[enrolling])
        self.owner.post(login, Step.FACTOR, name, body)

    def answer_enrolment(self, name: str, enrolling: str, body: bytes) -> None:
        """Send a form of the enrolment, where it is at that step."""
        self.parts.factors.store.remove_all(NEWCOMER, self.now)
        # Whoever may have a factor at Duo proves that first.
        login = self.newcomer.put(enrolling, ENROLLING[enrolling], second=FactorKind.DUO)
        self.newcomer.post(login, Step.ENROL, name, body)

    def come_from_duo(self, query: bytes, state: str = "", enrolling: str = "") -> None:
        """Come back from Duo, to a login that waits for that with this state, or the honest one.

        If the person is enrolling a factor, it waits for something else.
        """
        self._restore_factors()
        kept = {"state": state or self.state(), "nonce": "n" * 22, "remembers": True}
        if enrolling:
            self.owner.put(enrolling, ENROLLING[enrolling])
        else:
            self.owner.put("", json.dumps(kept).encode(), purpose=duo_trip.PURPOSE)
        self.surface.get("/login/duo", query, (self.owner.cookie,))
        self.owner.look()

    def state(self) -> str:
        """Return what the browser brings back from Duo."""
        return self.owner.put().transaction_id + "s" * 22

    def asked_at(self) -> str:
        return stamp(self.now)

    def assertion(self) -> str:
        """Return what the owner's authenticator signs for the login that goes on."""
        self._restore_factors()
        asked_at = self.asked_at()
        asked = challenge(self.parts.secret, self.owner.put(), Purpose.SECOND_FACTOR, asked_at)
        return self.device.assertion(self.device.credentials[0], to_text(asked))

    def change_account(self, path: str, body: bytes, user_agent: bytes) -> None:
        """Send a form of the owner's own account, and look at its pages.

        What stands for a factor, a browser or a session in it becomes the name of one.
        """
        self._restore_factors()
        former = self._session
        cookie = self._sign_in(user_agent)
        names = {
            b"@factor": self.parts.factors.store.of_person(OWNER, self.now)[0].factor_id,
            b"@device": self._remember_device(user_agent).hex(),
            b"@session": former,
        }
        for mark, name in names.items():
            body = body.replace(mark, name.encode())
        token = own_token(self.parts.secret, digest_of(cookie))
        jar = (b"cookie", b"__Host-sso=" + cookie.encode())
        self.surface.post(path, b"form_token=" + token.encode() + b"&" + body, (FORM, OURS, jar))
        for page in ("/keys", "/sign-ins", "/"):
            self.surface.get(page, body, (jar,))

    def _sign_in(self, user_agent: bytes) -> str:
        """Return the cookie of a new session of the owner; all but the former one end."""
        cookie = secrets.token_hex(16)
        session = SsoSession(
            cookie_digest=digest_of(cookie),
            session_index=cookie,
            external_id=OWNER,
            email=f"{OWNER}@corp.test",
            address="192.0.2.7",
            authenticated_at=self.now,
            used_at=self.now,
            expires_at=self.now + timedelta(days=1),
            second=FactorKind.TOTP,
            second_at=self.now,
            user_agent=user_agent.decode("latin-1"),
        )
        event = AuditEvent(self.now, "login.succeeded", "success", actor=OWNER)
        known = [
            one.cookie_digest
            for one in self.parts.store.sessions_of(OWNER)
            if one.session_index != self._session
        ]
        ends = known[0] if known else None
        self.parts.store.answer(Ending(self.now, event, begins=session, ends=ends))
        self._session = cookie
        return cookie

    def _remember_device(self, user_agent: bytes) -> bytes:
        """Let the owner have a browser remembered; return its digest."""
        digest, until = digest_of("device"), self.now + timedelta(days=1)
        self.parts.devices.remember(
            RememberedDevice(
                digest, "", OWNER, FactorKind.TOTP, self.now, self.now, until, "192.0.2.7",
                user_agent.decode("latin-1"),
            )
        )  # fmt: skip
        return digest

    def _restore_factors(self) -> None:
        """Let the owner have an app, a passkey and codes that are unused, and nothing else."""
        factors = self.parts.factors
        self.parts.authenticator.attempts.clear_attempts(f"factor:{OWNER}")
        found = factors.store.of_person(OWNER, self.now)
        if len(found) == 3 and all(each.is_usable and each.used_at is None for each in found):
            return
        factors.store.remove_all(OWNER, self.now)
        # A while ago: the code of now has not been used.
        earlier = self.now - timedelta(minutes=5)
        factors.totp.enrol(OWNER, SEED, APP.at(earlier), "Telephone", earlier)
        self.device.credentials.clear()
        options = factors.passkeys.creation_options(OWNER, OWNER, OWNER, CHALLENGE)
        made = self.device.create(options)
        factors.passkeys.enrol(OWNER, made, CHALLENGE, "Laptop", self.now)
        factors.recovery_codes.issue(OWNER, self.now)
