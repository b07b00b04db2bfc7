"""Somebody who signs in with a second factor: an app, a passkey, a sheet of codes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp

from connector.idp.factor_forms import Form
from connector.idp.first_factor import PasskeyAnswer
from connector.idp.flow import Visit
from connector.idp.moment import to_timestamp
from connector.idp.view import AskPasskeyEnrolment, AskTotpEnrolment, SendHome, SendResponse
from tests.idp.bench import ADDRESS, an_application, authn_request, redirected
from tests.parts.software_authenticator import SoftwareAuthenticator

if TYPE_CHECKING:
    from connector.idp.policy import Policies
    from connector.idp.xmldsig import Element
    from tests.idp.bench import SignOnBench

EMAIL, PASSWORD = "ann.lind@corp.example", "Right-1"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"
# A second application beside the intranet, open to the same people.
WIKI = an_application(
    name="Wiki",
    slug="wiki",
    service_provider=replace(
        an_application().service_provider, entity_id="https://wiki.corp.example/saml/metadata"
    ),
)


@dataclass
class Person:
    """One person at one browser.

    Attributes:
        bench: The identity provider.
        transaction: The login that goes on.
        sso: Value of the session's cookie.
        device: Value of the cookie of a remembered device.
        view: What is seen.
        seed: Of their authenticator app.
        codes: Their recovery codes.

    """

    bench: SignOnBench
    transaction: str = ""
    browser: str | None = None
    sso: str | None = None
    device: str | None = None
    address: str = ADDRESS
    view: Any = None
    seed: str = ""
    codes: tuple[str, ...] = ()
    authenticator: SoftwareAuthenticator = field(default_factory=SoftwareAuthenticator)

    @property
    def visit(self) -> Visit:
        return Visit(self.address, BROWSER, self.device)

    @property
    def form(self) -> Form:
        return Form(self.transaction, self.browser, self.view.step_token)

    def arrive(self, *children: Element, **changes: Any) -> Any:
        """Come from the intranet; go on with what is seen then."""
        now = to_timestamp(self.bench.parts.clock.now())
        message = redirected(authn_request(*children, IssueInstant=now, **changes))
        begun = self.bench.flow.begin(message, self.visit, self.sso)
        return self._go_on(begun)

    def open(self, slug: str) -> Any:
        """Open an application at the portal."""
        return self._go_on(self.bench.flow.begin_at_portal(slug, self.visit, self.sso))

    def decide_by(self, policies: Policies) -> None:
        """Let other policies hold from now on."""
        catalogue = self.bench.parts.catalogue
        catalogue.replace(replace(catalogue.registry, policies=policies))

    def visit_home(self, path: str = "/keys", *, adds_factor: bool = False) -> Any:
        return self._go_on(self.bench.flow.begin_at_home(path, adds_factor=adds_factor))

    def look(self) -> Any:
        """See what comes next, and keep the cookies that come with it."""
        self.view = self.bench.flow.next_step(self.transaction, self.browser, self.sso, self.visit)
        return self._keep_cookies()

    def type_password(self, email: str = EMAIL, password: str = PASSWORD) -> Any:
        first = self.bench.flow.first
        first.submit_email(self.transaction, self.browser, self.view.step_token, email)
        token = self.look().step_token
        first.submit_password(self.transaction, self.browser, token, password, self.visit)
        return self.look()

    def sign_in(self, **changes: Any) -> Any:
        """Come, and type e-mail address and password."""
        self.arrive(**changes)
        return self.type_password()

    def use_passkey_first(self) -> Any:
        """Sign in by a passkey alone."""
        answer = self._answer(self.view.passkey)
        token = self.view.step_token
        self.bench.flow.first.submit_passkey(
            self.transaction, self.browser, token, answer, self.visit
        )
        return self.look()

    def use_passkey(self, *, remembers: bool = False) -> Any:
        answer = self._answer(self.view.passkey)
        self.bench.flow.second.submit_passkey(self.form, self.visit, answer, remembers=remembers)
        return self.look()

    def choose(self, kind: str) -> Any:
        self.bench.flow.second.choose(self.form, self.visit, kind)
        return self.look()

    def type_code(self, code: str, kind: str = "totp", *, remembers: bool = False) -> Any:
        self.bench.flow.second.submit_code(self.form, self.visit, kind, code, remembers=remembers)
        return self.look()

    def code(self, steps: int = 0) -> str:
        """Return what the app shows now, or showed or will show so many steps away."""
        now = self.bench.parts.clock.now()
        return pyotp.TOTP(self.seed).at(int(now.timestamp()) + 30 * steps)

    def begin_enrolment(self, kind: str) -> Any:
        self.bench.flow.second.begin_enrolment(self.form, self.visit, kind)
        return self.look()

    def enrol_totp(self, name: str = "My telephone") -> Any:
        """Add an app; keep the codes that are shown then."""
        assert isinstance(self.begin_enrolment("totp"), AskTotpEnrolment)
        self.seed = self.view.spelled.replace(" ", "")
        code = self.code()
        self.bench.flow.second.enrol_totp(self.form, self.visit, code, name)
        return self._keep_codes()

    def enrol_passkey(self, name: str = "My laptop") -> Any:
        """Add a passkey; keep the codes that are shown then."""
        assert isinstance(self.begin_enrolment("passkey"), AskPasskeyEnrolment)
        made = self.authenticator.create(self.view.passkey.options)
        answer = PasskeyAnswer(made, self.view.passkey.asked_at)
        self.bench.flow.second.enrol_passkey(self.form, self.visit, answer, name)
        return self._keep_codes()

    def pass_time(self, **time: float) -> None:
        self.bench.parts.clock.moment += timedelta(**time)

    def _answer(self, question: Any) -> PasskeyAnswer:
        return PasskeyAnswer(self.authenticator.get(question.options), question.asked_at)

    def _keep_codes(self) -> Any:
        self.look()
        if hasattr(self.view, "codes"):
            self.codes = self.view.codes
            self.bench.flow.second.finish_enrolment(self.form, self.visit)
            self.look()
        return self.view

    def _go_on(self, begun: str | SendResponse) -> Any:
        if isinstance(begun, str):
            self.transaction = begun
            self.browser = self.bench.flow.bind_browser(begun, self.browser)
            return self.look()
        self.view = begun
        return begun

    def _keep_cookies(self) -> Any:
        if isinstance(self.view, SendResponse | SendHome):
            self.sso = self.view.sso_cookie or self.sso
            self.device = self.view.device.value if self.view.device else self.device
        return self.view
