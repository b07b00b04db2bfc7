"""An identity provider with an application that signs its requests, one that does not, one that asks
for a second factor, an upstream, and logins."""

from __future__ import annotations

import secrets
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector.audit import AuditEvent
from connector.clock import FixedClock
from connector.demo.sample_saml import sp_metadata
from connector.idp.binding import to_redirect_url
from connector.idp.moment import to_timestamp
from connector.idp.session import SsoSession
from connector.idp.store.sign_ons import Ending
from connector.idp.transaction import digest_of
from connector.idp.xmldsig import Element, Rendered, render, sign_enveloped
from connector.web.app import web_app
from tests.fuzz.guarded import APPLICATIONS, NEWCOMER, OWNER, POLICIES, Guarded, silent_duo
from tests.fuzz.surface import Surface
from tests.idp.bench import certificate_of, load_key
from tests.idp.upstream_bench import TO_PARTNER, an_upstream
from tests.parts.identity_provider import make_fast_lane, make_identity_provider
from tests.parts.states import new_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connector.idp.parts import LoginParts

BASE_URL = "https://sso.corp.test"
STRICT, LAX = "https://strict.corp.test", "https://lax.corp.test"
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


@dataclass
class World:
    """What is under attack.

    Attributes:
        parts: What its logins are made of.
        surface: Its web application.
        login: Path of a login in progress, bound to `browser`.
        browser: Its cookie.
        session: The cookie of somebody who is signed in.
        signed_ids: IDs of the requests that the strict application has signed.
        metadata: Its own, which is that of an identity provider.
        guarded: Those who have second factors.

    """

    parts: LoginParts
    surface: Surface
    login: str
    browser: bytes
    session: bytes
    signed_ids: set[str]
    metadata: bytes
    guarded: Guarded

    def sign(self, request_id: str) -> str:
        """Return a request of the strict application, signed."""
        self.signed_ids.add(request_id)
        return sign_enveloped(_request(STRICT, request_id), load_key("service_provider"))

    def sign_logout(self, request_id: str) -> Rendered:
        """Return a LogoutRequest of the strict application, signed."""
        self.signed_ids.add(request_id)
        return sign_enveloped(_logout(STRICT, request_id), load_key("service_provider"))


def _logout(base_url: str, request_id: str) -> Element:
    attributes = {
        "ID": request_id,
        "Version": "2.0",
        "IssueInstant": to_timestamp(NOW),
        "Destination": f"{BASE_URL}/saml/slo",
    }
    children = (
        Element("saml:Issuer", {}, (f"{base_url}/saml/metadata",)),
        Element("saml:NameID", {}, ("alice@corp.test",)),
        Element("samlp:SessionIndex", {}, ("_index",)),
    )
    return Element("samlp:LogoutRequest", attributes, children)


def unsigned_logout(request_id: str) -> Rendered:
    """Return a LogoutRequest of the application that does not sign."""
    return render(_logout(LAX, request_id))


def _request(base_url: str, request_id: str) -> Element:
    attributes = {
        "ID": request_id,
        "Version": "2.0",
        "IssueInstant": to_timestamp(NOW),
        "Destination": f"{BASE_URL}/saml/sso",
        "AssertionConsumerServiceURL": f"{base_url}/saml/acs",
    }
    issuer = Element("saml:Issuer", {}, (f"{base_url}/saml/metadata",))
    return Element("samlp:AuthnRequest", attributes, (issuer,))


def unsigned(request_id: str) -> str:
    """Return a request of the application that does not sign."""
    return render(_request(LAX, request_id))


def as_redirect(document: str | bytes) -> bytes:
    """Return the query that carries a document."""
    text = document if isinstance(document, str) else document.decode("latin-1")
    return to_redirect_url("https://x", "SAMLRequest", text).partition("?")[2].encode()


def as_form(document: bytes, name: str = "SAMLRequest") -> bytes:
    """Return the form that carries a document."""
    return f"{name}={quote(b64encode(document), safe='')}&RelayState=deep".encode()


def _sign_in(parts: LoginParts) -> str:
    """Return the cookie of a session of Alice's that has just begun."""
    alice = parts.directory.users["alice"]
    cookie = secrets.token_urlsafe(32)
    session = SsoSession(
        cookie_digest=digest_of(cookie),
        session_index="_alice",
        external_id=alice.external_id,
        email="alice@corp.test",
        address="192.0.2.7",
        authenticated_at=NOW,
        used_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    event = AuditEvent(NOW, "login.succeeded", "success", actor=alice.external_id)
    parts.store.answer(Ending(NOW, event, begins=session))
    return cookie


@contextmanager
def opened_world(folder: Path) -> Iterator[World]:
    """Yield an identity provider on a new state database."""
    engine = new_state(folder / "state.db", survives_power_loss=False)
    idp = make_identity_provider(engine, folder, BASE_URL, FixedClock(NOW))
    for name in ("alice", OWNER, NEWCOMER):
        idp.people.add(name)
    idp.policies, idp.duo = POLICIES, silent_duo(BASE_URL)
    idp.register("Lax", sp_metadata(LAX).encode())
    strict = idp.register("Strict", sp_metadata(STRICT).encode())
    certificate = certificate_of(load_key("service_provider"))
    service_provider = replace(
        strict.service_provider, certificates=(certificate,), signs_requests=True
    )
    idp.applications[-1] = replace(strict, service_provider=service_provider)
    for name in APPLICATIONS:
        idp.register(name, sp_metadata(f"https://{name.lower()}.corp.test").encode())
    idp.upstreams.append(an_upstream(entity_id=idp.endpoints.upstream_metadata_url))
    idp.rules.append(TO_PARTNER)
    flow = idp.flow()
    fast_lane = make_fast_lane(flow.parts, engine)
    surface = Surface(web_app(flow, idp.logout(flow), idp.site, idp.publication(), fast_lane))
    begun = surface.get("/saml/sso", as_redirect(unsigned(f"_{secrets.token_hex(8)}")))
    login = begun.headers[b"location"].decode()
    cookie = surface.get(login).headers[b"set-cookie"].partition(b";")[0]
    session = b"__Host-sso=" + _sign_in(flow.parts).encode()
    guarded = Guarded(flow.parts, surface, NOW)
    try:
        yield World(flow.parts, surface, login, cookie, session, set(), idp.metadata(), guarded)
    finally:
        surface.close()
        engine.dispose()
