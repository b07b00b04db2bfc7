"""Honest messages for every door, from which the attacks are grown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector.demo.sample_saml import sp_metadata
from connector.idp.message.soap import to_envelope
from tests.fuzz import doors
from tests.fuzz.guarded import APP
from tests.fuzz.passkeys import ASSERTION, NEW
from tests.fuzz.world import NOW, STRICT, as_form, as_redirect, unsigned, unsigned_logout
from tests.idp.upstream_bench import DECRYPTION_KEY, Answer
from tests.parts.encryption import encrypted_assertion
from tests.parts.software_authenticator import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.world import World

_SECONDS = int(NOW.timestamp())
TOKEN_OF_DUO = b'{"alg": "HS512", "typ": "JWT"}\n' + json.dumps({
    "iss": doors.DUO.token_url, "aud": doors.DUO.client_id, "nonce": doors.OF_DUO.nonce,
    "preferred_username": "alice", "iat": _SECONDS, "exp": _SECONDS + 300, "auth_time": _SECONDS,
    "auth_result": {"result": "allow", "status_msg": "Login Successful"},
}).encode()  # fmt: skip
WORDS = (
    "AuthnRequest", "Assertion", "Response", "LogoutRequest", "LogoutResponse", "EncryptedAssertion",
    "ds:Signature", "ds:SignedInfo", "ds:Reference", "ds:Object", "ds:KeyInfo", "ds:Transforms",
    "ID=", "Destination=", "InResponseTo=", "xmlns:samlp=", "xmlns:saml=", "URI=", "Algorithm=",
    "http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1", "<!DOCTYPE", "<!ENTITY", "<!--", "-->", "<?", "<![CDATA[",
    "&#x0;", "&lt;", "SAMLRequest=", "SAMLResponse=", "RelayState=", "SigAlg=", "Signature=", "%00",
    "AssertionConsumerServiceURL=", "AssertionConsumerServiceIndex=", "NameIDPolicy", "RequestedAuthnContext",
    "NameID", "SessionIndex", "NotOnOrAfter=", "S:Envelope", "S:Body",
    "state=", "duo_code=", "error=", "error_description=", "preferred_username", "auth_result", "NaN", "1e999",
    "ForceAuthn=", "IsPassive=", "IssueInstant=", "2026-11-02T08:00:00Z", "entityID=", "validUntil=",
    "step_token=", "form_token=", "kind=", "totp", "recovery-code", "asked_at=", "response=", "remember=", "@factor", "@session",
    "clientDataJSON", "authenticatorData", "webauthn.get", "crossOrigin", "attestationObject", "authData",
)  # fmt: skip


def seeds(world: World) -> Iterator[bytes]:
    """Yield inputs for `doors.knock`."""
    signed, plain = world.sign("_signed"), unsigned("_plain")
    metadata = sp_metadata(STRICT).encode()
    response = Answer().write().encode()
    sealed = encrypted_assertion(Answer().assertion(), DECRYPTION_KEY.public_key()).encode()
    asked, farewell = world.sign_logout("_logout"), unsigned_logout("_logout-plain")
    for door, data in (
        (doors.query_of_a_redirect, as_redirect(plain)),
        (doors.document_of_a_redirect, plain.encode()),
        (doors.document_of_a_post, signed.encode()),
        (doors.document_of_a_post, plain.encode()),
        (doors.logout_by_redirect, as_redirect(farewell)),
        (doors.logout_by_post, asked.encode()),
        (doors.logout_by_soap, to_envelope(asked)),
        (doors.logout_by_soap, to_envelope(farewell)),
        (doors.metadata_of_a_service_provider, metadata),
        (doors.response_of_an_upstream, response),
        (doors.response_of_an_upstream, Answer(signed=("assertion",)).write().encode()),
        (doors.response_of_an_upstream, Answer(codes=("Responder", "NoPassive")).write().encode()),
        (doors.what_an_upstream_encrypted, sealed),
        (doors.metadata_of_an_identity_provider, world.metadata),
        (doors.passkey_that_was_made, NEW.encode()),
        (doors.attestation_of_a_passkey, _inner(NEW, "attestationObject")),
        (doors.passkey_that_has_signed, ASSERTION.encode()),
        (doors.data_of_an_authenticator, _inner(ASSERTION, "authenticatorData")),
        (doors.data_of_a_browser, _inner(NEW, "clientDataJSON")),
        (doors.data_of_a_browser, _inner(ASSERTION, "clientDataJSON")),
        (doors.answer_of_duo, b"state=0123456789abcdef&duo_code=xyz"),
        (doors.answer_of_duo, b"error=access_denied&error_description=no&state=0123456789abcdef"),
        (doors.token_of_duo, TOKEN_OF_DUO),
        (doors.answer_by_post, response),
        (doors.answer_by_post, as_form(response, "SAMLResponse")),
        (doors.request_by_redirect, as_redirect(plain)),
        (doors.request_by_post, signed.encode()),
        (doors.request_by_post, as_form(plain.encode())),
        (doors.logout, asked.encode()),
        (doors.logout, as_redirect(farewell)),
        (doors.logout, to_envelope(asked)),
        (doors.path, b"login/../static/app.css"),
        (doors.form_of_the_email_page, b"step_token=0&email=alice%40corp.test&password=x"),
        *_forms(world),
        (doors.headers, b"sso=x; browser=y, 10.0.0.1"),
    ):
        yield doors.addressed(door, data)


def _forms(world: World) -> Iterator[tuple[Callable[[World, bytes], None], bytes]]:
    """Yield what people send who have second factors."""
    guarded, code = world.guarded, APP.at(NOW)
    signed, asked_at = quote(guarded.assertion()), guarded.asked_at()
    of_a_factor = (
        (2, f"asked_at={asked_at}&response={signed}"),
        (0, "kind=recovery-code"),
        (1, f"kind=totp&code={code}&remember=yes"),
        *((3 + 4 * step, "remember=yes") for step in range(len(doors.STEPS))),
        (0, guarded.assertion()),
    )
    of_an_enrolment = (
        *((4 * step, "kind=totp") for step in range(len(doors.STEPS))),
        *((1 + 4 * step, f"code={code}&name=Telephone") for step in range(len(doors.STEPS))),
        *((2 + 4 * step, NEW) for step in range(len(doors.STEPS))),
        *((3 + 4 * step, "x=y") for step in range(len(doors.STEPS))),
    )
    of_the_account = (
        (0, "factor=@factor&name=New%20name"),
        (1, "factor=@factor"),
        (2, "device=@device"),
        (3, "q=guarded"),
        (4, "session=@session"),
        (5, "x=y"),
        (6, "x=y"),
    )
    for door, forms in (
        (doors.form_of_a_factor, of_a_factor),
        (doors.form_of_an_enrolment, of_an_enrolment),
        (doors.form_of_the_own_account, of_the_account),
    ):
        for number, fields in forms:
            yield door, bytes([number]) + fields.encode()
    yield doors.way_back_from_duo, b"duo_code=xyz"
    yield doors.way_back_from_duo, b"error=access_denied&error_description=no"


def _inner(message: str, name: str) -> bytes:
    return to_bytes(json.loads(message)["response"][name])
