"""A real SAML identity provider: pysaml2 (which runs xmlsec1), behind a small server.

It asks for a name and a password, keeps people signed in by a cookie, and honours ForceAuthn and
IsPassive. What it was asked last is kept for the test to read.
"""

from __future__ import annotations

import base64
import html
import secrets
import time
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.utils import CryptographyDeprecationWarning
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.samlp import STATUS_AUTHN_FAILED, STATUS_NO_PASSIVE
from saml2.sigver import pre_encryption_part
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

with warnings.catch_warnings():
    # It names a cipher that `cryptography` is about to move, though it is never used here.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from saml2.server import Server

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.parts.key_pair import KeyPair

XMLSEC1 = "/usr/bin/xmlsec1"
AES_256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
TIMESYNC = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"
PASSWORD = "Upstream-1!"
_COOKIE = "pysaml2-idp"
_BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}


class _Server(Server):
    """pysaml2 with AES-GCM; by itself it encrypts by Triple DES in CBC."""

    def _encrypt_assertion(self, encrypt_cert, sp_entity_id, response, node_xpath=None):
        ((_, certificate), *_) = self.metadata.certs(sp_entity_id, "any", "encryption")
        pem = f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----"
        file = Path(self.config.key_file).with_suffix(".encryption")
        file.write_text(pem)
        template = pre_encryption_part(msg_enc=AES_256_GCM)
        return self.sec.encrypt_assertion(
            response, str(file), template, key_type="aes-256", node_xpath=node_xpath
        )


@dataclass
class Pysaml2Provider:
    """The identity provider.

    Attributes:
        base_url: Its address.
        keys: It signs with.
        sp_metadata: Of the service provider that may ask; set before the first question.
        bindings: By which it may be asked, names of "redirect" and "post".
        signs: What it signs: "assertion", "response", or both.
        is_encrypted: Assertions are encrypted.
        people: E-mail address to password.
        asked: The AuthnRequests so far, as pysaml2 read them.
        relay_states: What came with them.

    """

    base_url: str
    keys: KeyPair
    sp_metadata: bytes = b""
    bindings: tuple[str, ...] = ("redirect", "post")
    signs: tuple[str, ...] = ("assertion", "response")
    is_encrypted: bool = False
    people: dict[str, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    relay_states: list[str] = field(default_factory=list)
    signed_in: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def entity_id(self) -> str:
        return f"{self.base_url}/metadata"

    def metadata(self) -> bytes:
        """Return its SAML metadata, as pysaml2 makes it."""
        return str(entity_descriptor(self._config())).encode()

    @cached_property
    def server(self) -> Server:
        """The library; made when the service provider's metadata is known."""
        assert self.sp_metadata, "give it the service provider's metadata first"
        return _Server(config=self._config())

    def read(self, saml_request: str, binding: str, **signature: str) -> Any:
        """Return an AuthnRequest, whose signature pysaml2 has verified."""
        request = self.server.parse_authn_request(saml_request, _BINDINGS[binding], **signature)
        self.asked.append(request.message)
        return request.message

    def respond(self, request: Any, email: str, *, at: float | None = None) -> str:
        """Return the Response about a person, as XML; `at` is when they proved who they are."""
        instant = int(at or time.time())
        authn = {"class_ref": TIMESYNC, "authn_auth": self.entity_id, "authn_instant": instant}
        arguments = self.server.response_args(request)
        del arguments["binding"]
        return str(
            self.server.create_authn_response(
                {"mail": [email], "displayName": [email.title()]},
                name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=email),
                authn=authn,
                sign_assertion="assertion" in self.signs,
                sign_response="response" in self.signs,
                encrypt_assertion=self.is_encrypted,
                sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256,
                **{name: value for name, value in arguments.items() if name != "name_id_policy"},
            )
        )

    def decline(self, request: Any, status: str) -> str:
        """Return the Response that says that there is no assertion, as XML."""
        arguments = self.server.response_args(request)
        return str(
            self.server.create_error_response(
                arguments["in_response_to"], arguments["destination"], (status, "sorry"), sign=False
            )
        )

    def app(self) -> Starlette:
        """Return it as a web application."""

        async def ask(request: Request) -> Response:
            return await run_in_threadpool(self._ask, request, dict(request.query_params))

        async def ask_by_post(request: Request) -> Response:
            return await run_in_threadpool(self._ask, request, dict(await request.form()))

        async def sign_in(request: Request) -> Response:
            return await run_in_threadpool(self._sign_in, dict(await request.form()))

        return Starlette(
            routes=[
                Route("/sso", ask),
                Route("/sso", ask_by_post, methods=["POST"]),
                Route("/sign-in", sign_in, methods=["POST"]),
            ]
        )

    def _ask(self, request: Request, fields: dict[str, str]) -> Response:
        names = {"SigAlg": "sigalg", "Signature": "signature"}
        signature = {ours: fields[name] for name, ours in names.items() if name in fields}
        if signature:
            signature["relay_state"] = fields["RelayState"]
        binding = "redirect" if request.method == "GET" else "post"
        message = self.read(fields["SAMLRequest"], binding, **signature)
        self.relay_states.append(fields["RelayState"])
        known = self.signed_in.get(request.cookies.get(_COOKIE, ""))
        if known and message.force_authn != "true":
            email, at = known
            return self._hand_over(message, self.respond(message, email, at=at))
        if message.is_passive == "true":
            return self._hand_over(message, self.decline(message, STATUS_NO_PASSIVE))
        number = len(self.asked) - 1
        return HTMLResponse(
            "<!doctype html><title>Upstream</title><h1>Upstream sign-in</h1>"
            f"<form method=post action=/sign-in><input type=hidden name=number value={number}>"
            "<label>Name <input name=email></label>"
            "<label>Secret <input name=password type=password></label>"
            "<button>Enter</button><button name=cancel value=1>Cancel</button></form>"
        )

    def _sign_in(self, fields: dict[str, str]) -> Response:
        message = self.asked[int(fields["number"])]
        email = fields["email"]
        if "cancel" in fields or self.people.get(email) != fields["password"]:
            return self._hand_over(message, self.decline(message, STATUS_AUTHN_FAILED))
        response = self._hand_over(message, self.respond(message, email))
        token = secrets.token_urlsafe(16)
        self.signed_in[token] = (email, time.time())
        response.set_cookie(_COOKIE, token, secure=True, samesite="none")
        return response

    def _hand_over(self, message: Any, document: str) -> Response:
        """Return the page that posts a Response to where pysaml2 read that it goes."""
        url = self.server.response_args(message)["destination"]
        value = base64.b64encode(document.encode()).decode()
        relay_state = html.escape(self.relay_states[self.asked.index(message)])
        return HTMLResponse(
            f"<!doctype html><title>Back</title><form method=post action='{url}'>"
            f"<input type=hidden name=SAMLResponse value='{value}'>"
            f"<input type=hidden name=RelayState value='{relay_state}'><button>Back</button></form>"
            "<script>document.forms[0].submit()</script>"
        )

    def _config(self) -> IdPConfig:
        endpoints = [(f"{self.base_url}/sso", _BINDINGS[name]) for name in self.bindings]
        metadata = {"metadata": {"inline": [self.sp_metadata.decode()]}} if self.sp_metadata else {}
        return IdPConfig().load(
            {
                "entityid": self.entity_id,
                "key_file": str(self.keys.key_file),
                "cert_file": str(self.keys.certificate_file),
                "xmlsec_binary": XMLSEC1,
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": endpoints},
                        "want_authn_requests_signed": True,
                        "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
                        "policy": {"default": {"lifetime": {"minutes": 5}}},
                    }
                },
                **metadata,
            }
        )
