"""A real SAML application: python3-saml, strict, with signed requests, behind a small server.

It signs out both ways by redirect, which is all that it can.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xmlsec
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
COOKIE = "python3-saml-session"


class Session(NamedTuple):
    """Somebody is signed in here."""

    name_id: str
    name_id_format: str
    session_index: str


@dataclass
class ServiceProvider:
    """The application; what it thought of the last Response is kept for the test to read.

    Attributes:
        base_url: Its address; "/" sends the browser to sign in.
        certificate: PEM of the certificate that it signs with.
        key: PEM of its key (RSA).
        idp_metadata: The identity provider's; set before the first sign-in.
        errors: Why the last Response was refused; empty: it was accepted.
        attributes: What the last accepted one said.
        sessions: Who is signed in, by the value of the cookie.
        logout_errors: Why the last LogoutRequest or LogoutResponse was refused.

    """

    base_url: str
    certificate: str
    key: str
    idp_metadata: bytes = b""
    errors: list[str] = field(default_factory=list)
    name_id: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    request_id: str | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    logout_errors: list[str] = field(default_factory=list)

    @property
    def acs_url(self) -> str:
        return f"{self.base_url}/acs"

    def metadata(self) -> bytes:
        """Return its SAML metadata, as python3-saml makes it."""
        settings = OneLogin_Saml2_Settings(self._settings(), sp_validation_only=True)
        return settings.get_sp_metadata()

    def take(self, saml_response: str, request_id: str | None = None) -> list[str]:
        """Give it a Response, base64; return why it refuses, or nothing."""
        auth = OneLogin_Saml2_Auth(
            self._request({"SAMLResponse": saml_response}), self._all_settings()
        )
        try:
            auth.process_response(request_id=request_id or self.request_id)
        except xmlsec.Error as error:  # what it cannot decrypt, it does not refuse in words
            self.errors = [str(error)]
            return self.errors
        self.errors = [*auth.get_errors(), *filter(None, [auth.get_last_error_reason()])]
        if not self.errors:
            self.name_id, self.attributes = auth.get_nameid(), auth.get_attributes()
            self._last = Session(
                self.name_id, auth.get_nameid_format(), auth.get_session_index() or ""
            )
        return self.errors

    def sign_in_url(self, relay_state: str = "/deep/link", *, force_authn: bool = False) -> str:
        """Return where it sends a browser: a signed AuthnRequest by redirect."""
        auth = OneLogin_Saml2_Auth(self._request({}), self._all_settings())
        url = auth.login(relay_state, force_authn=force_authn)
        self.request_id = auth.get_last_request_id()
        return url

    def sign_out_url(self, session: Session, relay_state: str = "/farewell") -> str:
        """Return where it sends a browser: a signed LogoutRequest by redirect."""
        auth = OneLogin_Saml2_Auth(self._request({}), self._all_settings())
        return auth.logout(
            relay_state,
            name_id=session.name_id,
            name_id_format=session.name_id_format,
            session_index=session.session_index,
        )

    def take_logout(self, query: dict[str, str], cookie: str) -> str | None:
        """Take a LogoutRequest or LogoutResponse; return where to send the browser, if anywhere."""
        request = self._request({}) | {"get_data": query, "script_name": "/sls"}
        auth = OneLogin_Saml2_Auth(request, self._all_settings())
        url = auth.process_slo(delete_session_cb=lambda: self.sessions.pop(cookie, None))
        self.logout_errors = [*auth.get_errors(), *filter(None, [auth.get_last_error_reason()])]
        return url

    def app(self) -> Starlette:
        """Return it as a web application."""

        def start(request) -> Response:
            return RedirectResponse(self.sign_in_url(request.query_params.get("to", "/deep/link")))

        async def acs(request) -> Response:
            form = await request.form()
            errors = self.take(form["SAMLResponse"])
            if errors:
                return HTMLResponse(f"<h1>Refused</h1><p>{errors}</p>", 403)
            cookie = secrets.token_hex(16)
            self.sessions[cookie] = self._last
            response = _inside(self.name_id, form.get("RelayState", ""))
            response.set_cookie(COOKIE, cookie, secure=True, httponly=True, samesite="lax")
            return response

        def inside(request) -> Response:
            session = self.sessions.get(request.cookies.get(COOKIE, ""))
            if session is not None:
                return _inside(session.name_id, "")
            return HTMLResponse(
                "<!doctype html><title>Outside</title><h1>Outside python3-saml</h1>"
            )

        def logout(request) -> Response:
            session = self.sessions.pop(request.cookies.get(COOKIE, ""))
            return RedirectResponse(self.sign_out_url(session), 303)

        def sls(request) -> Response:
            cookie = request.cookies.get(COOKIE, "")
            url = self.take_logout(dict(request.query_params), cookie)
            if self.logout_errors:
                return HTMLResponse(f"<h1>Refused</h1><p>{self.logout_errors}</p>", 403)
            if "SAMLRequest" in request.query_params:
                return RedirectResponse(url, 303)
            to = request.query_params.get("RelayState", "")
            return HTMLResponse(
                f"<!doctype html><title>Farewell</title><h1>Farewell</h1><p id=to>{to}</p>"
            )

        return Starlette(
            routes=[
                Route("/", start),
                Route("/acs", acs, methods=["POST"]),
                Route("/inside", inside),
                Route("/logout", logout),
                Route("/sls", sls),
            ]
        )

    def _request(self, post: dict[str, str]) -> dict[str, Any]:
        scheme, _, host = self.base_url.partition("://")
        return {
            "https": "on" if scheme == "https" else "off",
            "http_host": host,
            "script_name": "/acs",
            "get_data": {},
            "post_data": post,
        }

    def _settings(self) -> dict[str, Any]:
        return {
            "strict": True,
            "sp": {
                "entityId": f"{self.base_url}/metadata",
                "assertionConsumerService": {"url": self.acs_url, "binding": _POST},
                "singleLogoutService": {"url": f"{self.base_url}/sls", "binding": _REDIRECT},
                "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
                "x509cert": self.certificate,
                "privateKey": self.key,
            },
            "security": {
                "authnRequestsSigned": True,
                "logoutRequestSigned": True,
                "logoutResponseSigned": True,
                "wantMessagesSigned": True,
                "wantAssertionsSigned": True,
                "wantNameId": True,
                "requestedAuthnContext": False,
                "rejectUnsolicitedResponsesWithInResponseTo": True,
                "rejectDeprecatedAlgorithm": True,
                "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "digestAlgorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
            },
        }

    def _all_settings(self) -> dict[str, Any]:
        parsed = OneLogin_Saml2_IdPMetadataParser.parse(self.idp_metadata)
        # Our metadata does not ask for signed requests; this application signs them all the same.
        parsed.pop("security", None)
        return OneLogin_Saml2_IdPMetadataParser.merge_settings(self._settings(), parsed)


def _inside(name_id: str, relay_state: str) -> Response:
    return HTMLResponse(
        "<!doctype html><title>Inside</title><h1>Inside python3-saml</h1>"
        f"<p id=who>{name_id}</p><p id=to>{relay_state}</p>"
    )
