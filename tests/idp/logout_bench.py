"""Applications that take part in single logout, and what they send."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from lxml import etree

from connector.idp.application.service_provider import (
    AcsEndpoint,
    Application,
    ServiceProvider,
    SloEndpoint,
)
from connector.idp.binding import (
    BoundMessage,
    read_post,
    read_redirect,
    to_form_value,
    to_redirect_url,
)
from connector.idp.logout.view import SendMessage
from connector.idp.message.logout_response import SUCCESS, build_logout_response
from connector.idp.message.soap import read_envelope, to_envelope
from connector.idp.names import EMAIL_FORMAT, Binding, MessageKind
from connector.idp.xmldsig import Element, Rendered, SigningKey, render, sign_enveloped
from tests.idp.bench import (
    ADDRESS,
    ENDPOINTS,
    NOW,
    VISIT,
    SignOnBench,
    certificate_of,
    load_key,
    make_bench,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from connector.clock import Clock

ANN = "ann.lind@corp.example"
KINDS = tuple(MessageKind)
KEY = load_key("service_provider")
STRANGER = load_key("stranger")
_numbers = itertools.count(1)


def application(slug: str, *slo: tuple[str, Binding], has_key: bool = True) -> Application:
    """Return an application, open to everybody.

    Args:
        slug: Its entity ID is made of it.
        slo: Path and binding of each endpoint for logouts.
        has_key: Whether its metadata holds a certificate.

    """
    base = f"https://{slug}.corp.example"
    provider = ServiceProvider(
        f"{base}/metadata",
        (AcsEndpoint(f"{base}/acs"),),
        certificates=(certificate_of(KEY),) if has_key else (),
        slo_endpoints=tuple(SloEndpoint(f"{base}{path}", binding) for path, binding in slo),
    )
    return Application(slug.title(), slug, provider, admits_everybody=True)


INTRANET = application("intranet", ("/slo", Binding.REDIRECT))
PAYROLL = application("payroll", ("/slo/post", Binding.POST))
MAIL = application("mail", ("/soap", Binding.SOAP))
BOTH = application("both", ("/soap", Binding.SOAP), ("/slo", Binding.REDIRECT))
WIKI = application("wiki")
KEYLESS = application("keyless", ("/slo", Binding.REDIRECT), has_key=False)
ALL = (INTRANET, PAYROLL, MAIL, BOTH, WIKI, KEYLESS)
SOAP_URLS = {slug: f"https://{slug}.corp.example/soap" for slug in ("mail", "both")}


@dataclass
class LogoutBench:
    """An identity provider, and somebody's browser.

    Attributes:
        sso: The cookie of the sign-on.
        browser: The browser's cookie.

    """

    bench: SignOnBench
    sso: str = ""
    browser: str = ""

    @property
    def flow(self):
        return self.bench.logout

    @property
    def parts(self):
        return self.bench.logout.parts

    def sign_in(self, *slugs: str, email: str = ANN, password: str = "Right-1") -> LogoutBench:
        """Sign in by the first application, open the others; return the same."""
        first, *others = slugs
        begun = self.bench.flow.begin_at_portal(first, VISIT)
        browser = self.bench.flow.bind_browser(begun, None)
        self.bench.type_email(begun, browser, email)
        self.sso = self.bench.type_password(begun, browser, password).sso_cookie
        for slug in others:
            self.open(slug)
        return self

    def open(self, slug: str) -> None:
        self.bench.flow.begin_at_portal(slug, VISIT, self.sso)

    def sign_out(self):
        """Sign out at the portal; return the first view."""
        logout_id, self.browser = self.flow.begin_at_portal(self.sso, None, ADDRESS)
        return self.step(logout_id)

    def step(self, logout_id: str, **options):
        return self.flow.next_step(logout_id, self.browser, self.sso, ADDRESS, **options)

    def take(self, message: BoundMessage):
        """Take what this browser brings; return the logout's id and what it sees."""
        logout_id = self.flow.take(message, ADDRESS)
        self.browser = self.flow.bind_browser(logout_id, self.browser or None, self.sso)
        return logout_id, self.step(logout_id)

    def answer(self, view: SendMessage, *, status: str = SUCCESS, key: SigningKey | None = KEY):
        """Answer as the application would to which the browser was sent; return what follows."""
        assert isinstance(view, SendMessage), view
        request = request_in(view)
        message = answered(request, status=status, key=key)
        logout_id = self.flow.take(message, ADDRESS)
        return self.step(logout_id)

    def participants(self) -> dict[str, object]:
        """Return who was told of Ann, by slug."""
        found = self.parts.participants.of_person("ann-1")
        return {each.application: each for each in found}

    def is_signed_in(self) -> bool:
        return self.bench.flow.session_of(self.sso) is not None

    def events(self, *names: str):
        """Return the events of these names, the oldest first."""
        found = reversed(self.bench.parts.audit.recent())
        return [event for event in found if event.event in names]

    def another_browser(self) -> LogoutBench:
        return LogoutBench(self.bench)


def make_logout_bench(engine: Engine, clock: Clock, *applications: Application) -> LogoutBench:
    bench = make_bench(engine, clock, *(applications or ALL))
    for url in SOAP_URLS.values():
        bench.servers.answers[url] = server_answer()
    return LogoutBench(bench)


# What applications say.


def logout_request(
    slug: str = "intranet",
    *,
    name_id: str = ANN,
    session_index: str | None = None,
    extra: tuple[Element, ...] = (),
    **changes: str | None,
) -> Element:
    """Return a LogoutRequest of an application.

    Args:
        slug: Whose.
        name_id: Who; "" for no NameID.
        session_index: Which session; None for all.
        extra: More elements.
        changes: Attributes to set, or with None to leave out; `issuer`, `name_format` likewise.

    """
    issuer = changes.pop("issuer", f"https://{slug}.corp.example/metadata")
    name_format = changes.pop("name_format", EMAIL_FORMAT)
    qualifiers = {
        name: value
        for name in ("NameQualifier", "SPNameQualifier")
        if (value := changes.pop(name, None)) is not None
    }
    attributes = {
        "ID": f"_logout-{next(_numbers)}",
        "Version": "2.0",
        "IssueInstant": "2026-11-02T08:00:00Z",
        "Destination": ENDPOINTS.slo_url,
        **changes,
    }
    described = {"Format": name_format} if name_format else {}
    children = [Element("saml:Issuer", {}, (issuer,))]
    if name_id:
        children.append(Element("saml:NameID", described | qualifiers, (name_id,)))
    if session_index is not None:
        children.append(Element("samlp:SessionIndex", {}, (session_index,)))
    kept = {name: value for name, value in attributes.items() if value is not None}
    return Element("samlp:LogoutRequest", kept, (*children, *extra))


def by_redirect(
    element: Element,
    relay_state: str = "",
    *,
    key: SigningKey | None = KEY,
    kind: str = "SAMLRequest",
) -> BoundMessage:
    url = to_redirect_url(ENDPOINTS.slo_url, kind, render(element), relay_state, key)
    return read_redirect(url.partition("?")[2].encode(), KINDS)


def by_post(
    element: Element | Rendered,
    relay_state: str = "",
    *,
    key: SigningKey | None = KEY,
    kind: str = "SAMLRequest",
) -> BoundMessage:
    return read_post({kind: to_form_value(signed(element, key)), "RelayState": relay_state}, KINDS)


def by_soap(element: Element, *, key: SigningKey | None = KEY) -> bytes:
    return to_envelope(signed(element, key))


def signed(element: Element, key: SigningKey | None) -> Rendered:
    return render(element) if key is None else sign_enveloped(element, key)


def request_in(view: SendMessage) -> etree._Element:
    """Return the LogoutRequest or LogoutResponse that a browser was given."""
    return etree.fromstring(message_in(view).document)


def message_in(view: SendMessage) -> BoundMessage:
    if view.form_field:
        form = {view.form_field: view.value, "RelayState": view.relay_state}
        return read_post(form, KINDS)
    return read_redirect(urlsplit(view.url).query.encode(), KINDS)


def relay_state_in(view: SendMessage) -> str:
    query = parse_qs(urlsplit(view.url).query)
    return view.relay_state or query.get("RelayState", [""])[0]


def logout_response(
    request: etree._Element, *, status: str = SUCCESS, now: datetime = NOW, **changes: str
) -> Element:
    """Return the LogoutResponse of the application that a request went to."""
    host = urlsplit(request.get("Destination")).netloc
    values = {
        "response_id": f"_response-{next(_numbers)}",
        "issuer": f"https://{host}/metadata",
        "destination": ENDPOINTS.slo_url,
        "in_response_to": request.get("ID"),
    } | changes
    return build_logout_response(**values, status=(status,), now=now)


def answered(
    request: etree._Element, *, status: str = SUCCESS, key: SigningKey | None = KEY, **changes: str
) -> BoundMessage:
    """Return it as a browser brings it, by redirect."""
    now = _moment(request)
    response = logout_response(request, status=status, now=now, **changes)
    return by_redirect(response, key=key, kind="SAMLResponse")


def server_answer(
    *, status: str = SUCCESS, key: SigningKey | None = KEY, **changes: str
) -> Callable[[bytes], bytes]:
    """Return a server that answers every LogoutRequest like that."""

    def answer(envelope: bytes) -> bytes:
        request = etree.fromstring(read_envelope(envelope, MessageKind.REQUEST).document)
        values = {"destination": ""} | changes
        response = logout_response(request, status=status, now=_moment(request), **values)
        return by_soap(response, key=key)

    return answer


def _moment(request: etree._Element) -> datetime:
    return datetime.fromisoformat(request.get("IssueInstant"))


def status_in(element: etree._Element) -> tuple[str, ...]:
    """Return the last words of the status codes, the first level first."""
    codes = element.iterfind(".//{*}StatusCode")
    return tuple(code.get("Value").rpartition(":")[2] for code in codes)
