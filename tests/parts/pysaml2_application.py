"""A real SAML application: pysaml2 (which runs xmlsec1), behind a small server.

It asks by redirect or post, takes plain and encrypted assertions, and signs out both ways by
redirect, post and SOAP. It looks sessions up by NameID and SessionIndex, as it must by SOAP.
"""

from __future__ import annotations

import html
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree as ET

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, BINDING_SOAP, SAMLError
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from saml2.saml import NameID
    from starlette.requests import Request

XMLSEC1 = "/usr/bin/xmlsec1"
BINDINGS = {
    "redirect": BINDING_HTTP_REDIRECT,
    "post": BINDING_HTTP_POST,
    "soap": BINDING_SOAP,
}
COOKIE = "pysaml2-session"
# pysaml2 writes a SOAP body anew before it verifies it, with prefixes of its own: so no signature
# of anybody else would hold. An application that is to take any registers the usual ones.
for _prefix, _namespace in {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}.items():
    ET.register_namespace(_prefix, _namespace)


class Session(NamedTuple):
    """Somebody is signed in here."""

    name_id: NameID
    session_index: str


class _Client(Saml2Client):
    """pysaml2, which finds a ".test" host on this machine, as the browsers of the tests do."""

    def send(self, url: str, method: str = "GET", **kwargs: Any) -> Any:
        parts = urlsplit(url)
        if (parts.hostname or "").endswith(".test"):
            local = parts._replace(netloc=f"127.0.0.1:{parts.port}")
            url = urlunsplit(local)
        if isinstance(kwargs.get("headers"), list):
            kwargs["headers"] = dict(kwargs["headers"])
        return super().send(url, method, **kwargs)


@dataclass
class Pysaml2Application:
    """The application; what it thought of the last message is kept for the test to read.

    Attributes:
        base_url: Its address; "/" sends the browser to sign in ("?binding=post" for that one),
            "/logout" to sign out, "/inside" says who is signed in.
        key_file: PEM of the key that it signs with (RSA), and decrypts with.
        certificate_file: PEM of its certificate.
        is_encrypted: Its metadata holds a key for encryption; plain assertions are taken all the same.
        logout: The bindings by which it takes LogoutRequests, names of `BINDINGS`.
        back_channel_url: Where servers reach it, for SOAP; "" for `base_url`.
        authority: PEM of who vouches for the identity provider's TLS certificate, for SOAP.
        idp_metadata: The identity provider's; set before the first sign-in.
        errors: Why the last Response was refused; empty: it was accepted.
        name_id: Of whom the last accepted one spoke.
        attributes: What it said.
        sessions: Who is signed in, by the value of the cookie.
        told: Bindings by which LogoutRequests were taken, in order.
        logout_answers: Status of each LogoutResponse that was taken, in order.
        is_deaf: LogoutRequests are answered 500.

    """

    base_url: str
    key_file: Path
    certificate_file: Path
    is_encrypted: bool = False
    logout: tuple[str, ...] = ("redirect", "post", "soap")
    back_channel_url: str = ""
    authority: Path | None = None
    idp_metadata: bytes = b""
    errors: list[str] = field(default_factory=list)
    name_id: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    logout_answers: list[str] = field(default_factory=list)
    is_deaf: bool = False
    outstanding: dict[str, str] = field(default_factory=dict)

    @property
    def entity_id(self) -> str:
        return f"{self.base_url}/metadata"

    @property
    def acs_url(self) -> str:
        return f"{self.base_url}/acs"

    def metadata(self) -> bytes:
        """Return its SAML metadata, as pysaml2 makes it."""
        return str(entity_descriptor(self._config())).encode()

    @cached_property
    def client(self) -> Saml2Client:
        """The library; made when the identity provider's metadata is known."""
        assert self.idp_metadata, "give it the identity provider's metadata first"
        return _Client(self._config())

    # Signing in.

    def ask(
        self, binding: str = "redirect", relay_state: str = "/deep/link", **changes: Any
    ) -> Any:
        """Return the HTTP message of a signed AuthnRequest: "headers" to redirect, or "data"."""
        request_id, message = self.client.prepare_for_authenticate(
            relay_state=relay_state, binding=BINDINGS[binding], sign=True, **changes
        )
        self.outstanding[request_id] = relay_state
        return message

    def take(self, saml_response: str) -> list[str]:
        """Give it a Response, base64; return why it refuses, or nothing."""
        try:
            response = self.client.parse_authn_request_response(
                saml_response, BINDING_HTTP_POST, self.outstanding
            )
        except Exception as error:  # what it raises for a message that it refuses has no one kind
            self.errors = [f"{type(error).__name__}: {error}"]
            return self.errors
        self.errors = [] if response is not None else ["not a Response"]
        if response is not None:
            self.name_id, self.attributes = response.name_id.text, response.ava
            self._last = Session(response.name_id, response.session_info()["session_index"] or "")
        return self.errors

    # Signing out.

    def ask_logout(self, session: Session, binding: str, relay_state: str = "") -> Any:
        """Return the HTTP message of a signed LogoutRequest; by SOAP, the status of the answer."""
        entity_id = next(iter(self.client.metadata.with_descriptor("idpsso")))
        wanted = BINDINGS[binding]
        # Where servers ask is entered by hand: metadata that named it would make pysaml2 ask there
        # always, and applications that only a browser reaches would not be told.
        named = BINDING_HTTP_REDIRECT if binding == "soap" else wanted
        services = self.client.metadata.single_logout_service(entity_id, named, "idpsso")
        destination = services[0]["location"]
        is_redirect = binding == "redirect"
        request_id, request = self.client.create_logout_request(
            destination,
            entity_id,
            name_id=session.name_id,
            session_indexes=[session.session_index],
            sign=not is_redirect,
        )
        message = self.client.apply_binding(
            wanted, str(request), destination, relay_state, sign=is_redirect
        )
        self.outstanding[request_id] = relay_state
        if binding != "soap":
            return message
        return self.take_logout_answer(self.client.send(**message).text, binding)

    def take_logout_answer(self, message: str, binding: str) -> str:
        """Take a LogoutResponse; return its status, a word such as "Success"."""
        # pysaml2 raises for a status that is not Success, and names it in the error's class.
        try:
            self.client.parse_logout_request_response(message, BINDINGS[binding])
            status = "Success"
        except SAMLError as error:
            status = type(error).__name__.removeprefix("Status")
        self.logout_answers.append(status)
        return status

    def take_logout(self, fields: Mapping[str, str], binding: str) -> Any:
        """Take a LogoutRequest, end the sessions that it names, and return the answer to send."""
        message = fields["SAMLRequest"]
        signature = {
            "relay_state": fields.get("RelayState"),
            "sigalg": fields.get("SigAlg"),
            "signature": fields.get("Signature"),
        }
        request = self.client.parse_logout_request(message, BINDINGS[binding], **signature)
        indexes = {each.text for each in request.message.session_index}
        ended = [
            cookie
            for cookie, session in self.sessions.items()
            if session.name_id.text == request.message.name_id.text
            and (not indexes or session.session_index in indexes)
        ]
        name_id = self.sessions[ended[0]].name_id if ended else None
        for cookie in ended:
            del self.sessions[cookie]
        self.told.append(binding)
        return self.client.handle_logout_request(
            message, name_id, BINDINGS[binding], sign=True, **signature
        )

    # The web application.

    def app(self) -> Starlette:
        """Return it as a web application."""
        return Starlette(
            routes=[
                Route("/", self._start),
                Route("/acs", self._acs, methods=["POST"]),
                Route("/inside", self._inside),
                Route("/logout", self._logout),
                Route("/slo/redirect", self._slo),
                Route("/slo/post", self._slo, methods=["POST"]),
                Route("/slo/soap", self._slo_soap, methods=["POST"]),
            ]
        )

    async def _start(self, request: Request) -> Response:
        query = request.query_params
        binding, relay_state = query.get("binding", "redirect"), query.get("to", "/deep/link")
        return _to_response(await run_in_threadpool(self.ask, binding, relay_state))

    async def _acs(self, request: Request) -> Response:
        form = await request.form()
        if await run_in_threadpool(self.take, str(form["SAMLResponse"])):
            return HTMLResponse(f"<h1>Refused</h1><p>{html.escape(str(self.errors))}</p>", 403)
        cookie = secrets.token_hex(16)
        self.sessions[cookie] = self._last
        response = self._page(str(form.get("RelayState", "")))
        response.set_cookie(COOKIE, cookie, secure=True, httponly=True, samesite="lax")
        return response

    def _page(self, relay_state: str = "") -> Response:
        return HTMLResponse(
            "<!doctype html><title>Inside</title><h1>Inside pysaml2</h1>"
            f"<p id=who>{html.escape(self.name_id)}</p><p id=to>{html.escape(relay_state)}</p>"
        )

    async def _inside(self, request: Request) -> Response:
        if request.cookies.get(COOKIE) in self.sessions:
            return self._page()
        return HTMLResponse("<!doctype html><title>Outside</title><h1>Outside pysaml2</h1>")

    async def _logout(self, request: Request) -> Response:
        session = self.sessions.pop(request.cookies.get(COOKIE, ""), None)
        if session is None:
            return HTMLResponse("<h1>Nobody is signed in</h1>", 400)
        binding, relay_state = request.query_params.get("binding", "redirect"), "/farewell"
        asked = await run_in_threadpool(self.ask_logout, session, binding, relay_state)
        return _to_response(asked) if binding != "soap" else _farewell(asked, "")

    async def _slo(self, request: Request) -> Response:
        if self.is_deaf:
            return HTMLResponse("<h1>Out of order</h1>", 500)
        is_post = request.method == "POST"
        fields = await request.form() if is_post else request.query_params
        binding = "post" if is_post else "redirect"
        if "SAMLResponse" in fields:
            message = str(fields["SAMLResponse"])
            status = await run_in_threadpool(self.take_logout_answer, message, binding)
            return _farewell(status, str(fields.get("RelayState", "")))
        return _to_response(await run_in_threadpool(self.take_logout, dict(fields), binding))

    async def _slo_soap(self, request: Request) -> Response:
        if self.is_deaf:
            return Response("out of order", 500)
        fields = {"SAMLRequest": (await request.body()).decode()}
        message = await run_in_threadpool(self.take_logout, fields, "soap")
        return Response(message["data"], media_type="text/xml")

    def _config(self) -> SPConfig:
        assert Path(XMLSEC1).exists(), "missing Debian package: xmlsec1"
        server = self.back_channel_url or self.base_url
        places = {"redirect": self.base_url, "post": self.base_url, "soap": server}
        keys = {"key_file": str(self.key_file), "cert_file": str(self.certificate_file)}
        config = SPConfig().load(
            {
                "entityid": self.entity_id,
                "xmlsec_binary": XMLSEC1,
                **keys,
                "encryption_keypairs": [keys] if self.is_encrypted else None,
                "metadata_key_usage": "both" if self.is_encrypted else "signing",
                "accepted_time_diff": 60,
                "allow_unknown_attributes": True,
                "http_client_timeout": 20,
                "verify_ssl_cert": True,
                "ca_certs": str(self.authority) if self.authority else None,
                "metadata": {"inline": [self.idp_metadata.decode()]} if self.idp_metadata else {},
                "service": {
                    "sp": {
                        "endpoints": {
                            "assertion_consumer_service": [(self.acs_url, BINDING_HTTP_POST)],
                            "single_logout_service": [
                                (f"{places[name]}/slo/{name}", BINDINGS[name])
                                for name in self.logout
                            ],
                        },
                        "signing_algorithm": SIG_RSA_SHA256,
                        "digest_algorithm": DIGEST_SHA256,
                        "authn_requests_signed": True,
                        "logout_requests_signed": True,
                        "logout_responses_signed": True,
                        "want_assertions_signed": True,
                        "want_response_signed": True,
                        "allow_unsolicited": True,
                    }
                },
            }
        )
        # The library asks this setting of identity providers whether LogoutRequests must be
        # signed; without it, a redirect's signature is not even looked at.
        config.setattr("idp", "want_authn_requests_signed", True)
        return config


def _to_response(message: Mapping[str, Any]) -> Response:
    """Return an HTTP message of pysaml2 as an answer to a browser."""
    location = dict(message["headers"]).get("Location")
    if location:
        return RedirectResponse(location, 303)
    return HTMLResponse(message["data"])


def _farewell(status: str, relay_state: str) -> Response:
    return HTMLResponse(
        f"<!doctype html><title>Farewell</title><h1>Farewell</h1><p id=status>{status}</p>"
        f"<p id=to>{html.escape(relay_state)}</p>"
    )
