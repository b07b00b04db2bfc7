"""What takes bytes from the network, one function a door, with what must always hold behind it.

Nothing here may answer with 5xx (see `surface`), raise, or take long; besides, what an application
signed must be what is taken for signed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector.errors import ConfigurationError, FactorRefused, RequestRefused, UpstreamRefused
from connector.idp.application.metadata import parse_service_provider
from connector.idp.authenticator.duo_answer import read_callback
from connector.idp.authenticator.duo_token import DuoApplication, ExpectedToken, verify_token
from connector.idp.authenticator.webauthn_library import verify_assertion, verify_new_credential
from connector.idp.authenticator.webauthn_message import parse_assertion, parse_new_credential
from connector.idp.binding import read_post, read_redirect
from connector.idp.factor import FactorKind
from connector.idp.message.authn_request import parse_authn_request
from connector.idp.message.logout_request import parse_logout_request
from connector.idp.message.logout_response import parse_logout_response
from connector.idp.message.soap import read_envelope
from connector.idp.message.upstream_assertion import Expected
from connector.idp.message.upstream_response import parse_response
from connector.idp.names import MessageKind
from connector.idp.upstream.metadata import parse_identity_provider
from connector.idp.vouched import Declined
from connector.idp.xmldsig import XmlRefused, parse_xml
from connector.idp.xmlenc.decrypt import decrypt_element
from connector.web.address import client_address
from tests.fuzz.guarded import ENROLLING
from tests.fuzz.passkeys import ASSERTION, CHALLENGE, NEW, PARTY, PUBLIC_KEY, SIGNED, within
from tests.fuzz.surface import FORM, OURS
from tests.fuzz.world import NOW, STRICT, as_form, as_redirect
from tests.idp.upstream_bench import ACS_URL, DECRYPTION_KEY, an_upstream
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET, signed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.idp.binding import BoundMessage
    from tests.fuzz.world import World


EXPECTED = Expected(an_upstream(), ACS_URL, "_request", NOW, NOW)
DUO = DuoApplication("api.duo.example", CLIENT_ID, CLIENT_SECRET)
OF_DUO = ExpectedToken("alice", "a-nonce-of-20-letters")

FACTOR_FORMS = ("choose", "code", "factor-passkey", "duo")
STEPS = tuple(ENROLLING)
ENROLMENT_FORMS = ("enrol", "enrol-totp", "enrol-passkey", "enrol-finish")
ACCOUNT_FORMS = (
    "/keys/rename",
    "/keys/remove",
    "/keys/forget",
    "/keys/add",
    "/sign-ins/end",
    "/sign-ins/end-all",
    "/sign-in",
)
HEADERS = (
    b"cookie",
    b"x-forwarded-for",
    b"origin",
    b"content-type",
    b"content-length",
    b"user-agent",
    b"accept-language",
)

# Quick ones: what reads the bytes is called itself.


def query_of_a_redirect(world: World, data: bytes) -> None:
    with suppress(RequestRefused):
        _take(world, read_redirect(data))


def document_of_a_redirect(world: World, data: bytes) -> None:
    query_of_a_redirect(world, as_redirect(data))


def document_of_a_post(world: World, data: bytes) -> None:
    with suppress(RequestRefused):
        _take(world, read_post({"SAMLRequest": b64encode(data).decode()}))


def _take(world: World, message: BoundMessage) -> None:
    parts = world.parts
    request = parse_authn_request(
        message, parts.registry, now=NOW, endpoints=parts.settings.endpoints
    )
    assert request.application != "strict" or request.request_id in world.signed_ids
    if request.is_signed:
        assert request.acs_url == f"{STRICT}/saml/acs"


def logout_by_redirect(world: World, data: bytes) -> None:
    with suppress(RequestRefused):
        _take_logout(world, read_redirect(data, tuple(MessageKind)))


def logout_by_post(world: World, data: bytes) -> None:
    for kind in MessageKind:
        with suppress(RequestRefused):
            _take_logout(world, read_post({kind: b64encode(data).decode()}, (kind,)))


def logout_by_soap(world: World, data: bytes) -> None:
    for kind in MessageKind:
        with suppress(RequestRefused):
            _take_logout(world, read_envelope(data, kind))


def _take_logout(world: World, message: BoundMessage) -> None:
    registry, endpoints = world.parts.registry, world.parts.settings.endpoints
    if message.kind is MessageKind.RESPONSE:
        response = parse_logout_response(message, registry, now=NOW, endpoints=endpoints)
        assert not response.is_signed
        return
    request = parse_logout_request(message, registry, now=NOW, endpoints=endpoints)
    # The strict application has a key, so nobody else speaks for it.
    assert not request.issuer.startswith(STRICT) or request.request_id in world.signed_ids


def metadata_of_a_service_provider(world: World, data: bytes) -> None:
    del world
    with suppress(ConfigurationError):
        parse_service_provider(data, "fuzz")


def response_of_an_upstream(world: World, data: bytes) -> None:
    del world
    with suppress(UpstreamRefused):
        answer = parse_response(data, EXPECTED, (DECRYPTION_KEY,))
        assert isinstance(answer, Declined) or answer.vouched.person == "pat@partner.example"


def what_an_upstream_encrypted(world: World, data: bytes) -> None:
    del world
    with suppress(XmlRefused):
        decrypt_element(parse_xml(data), (DECRYPTION_KEY,))


def metadata_of_an_identity_provider(world: World, data: bytes) -> None:
    del world
    with suppress(ConfigurationError):
        parse_identity_provider(data, "fuzz")


def passkey_that_was_made(world: World, data: bytes) -> None:
    del world
    with suppress(FactorRefused):
        new = parse_new_credential(data.decode("latin-1"))
        verify_new_credential(new, PARTY, CHALLENGE)


def attestation_of_a_passkey(world: World, data: bytes) -> None:
    passkey_that_was_made(world, within(NEW, "attestationObject", data))


def passkey_that_has_signed(world: World, data: bytes) -> None:
    del world
    with suppress(FactorRefused):
        assertion = parse_assertion(data.decode("latin-1"))
        verify_assertion(assertion, PARTY, CHALLENGE, PUBLIC_KEY)
        assert assertion.authenticator.raw in SIGNED


def data_of_an_authenticator(world: World, data: bytes) -> None:
    passkey_that_has_signed(world, within(ASSERTION, "authenticatorData", data))


def data_of_a_browser(world: World, data: bytes) -> None:
    passkey_that_was_made(world, within(NEW, "clientDataJSON", data))
    passkey_that_has_signed(world, within(ASSERTION, "clientDataJSON", data))


def answer_of_duo(world: World, data: bytes) -> None:
    del world
    with suppress(RequestRefused):
        answer = read_callback(data)
        assert bool(answer.code) != bool(answer.error)
        assert (answer.state + answer.code + answer.error + answer.words).isprintable()


def token_of_duo(world: World, data: bytes) -> None:
    """Header, line end, claims: as they are, and signed."""
    del world
    head, _, said = data.partition(b"\n")
    with suppress(FactorRefused):
        verify_token(DUO, data.decode("latin-1"), OF_DUO, NOW)
        raise AssertionError("not signed, and taken")
    with suppress(FactorRefused):
        verify_token(DUO, signed_bytes(head, said, CLIENT_SECRET), OF_DUO, NOW)
        claims = json.loads(said)
        assert claims["aud"] in (CLIENT_ID, [CLIENT_ID])
        assert claims["preferred_username"].lower() == "alice"
        assert claims["auth_result"]["result"] == "allow"


# Slow ones: the whole web application answers.


def request_by_redirect(world: World, data: bytes) -> None:
    world.surface.get("/saml/sso", data)
    world.surface.get("/saml/sso", data, ((b"cookie", world.session),))


def request_by_post(world: World, data: bytes) -> None:
    world.surface.post("/saml/sso", data, (FORM,))
    world.surface.post("/saml/sso", as_form(data), (FORM,))


def answer_by_post(world: World, data: bytes) -> None:
    world.surface.post("/saml/upstream/acs", data, (FORM,))
    world.surface.post("/saml/upstream/acs", as_form(data, "SAMLResponse"), (FORM,))


def logout(world: World, data: bytes) -> None:
    world.surface.get("/saml/slo", data)
    world.surface.post("/saml/slo", data, (FORM,))
    world.surface.post("/saml/slo", as_form(data), (FORM,))
    world.surface.post("/saml/slo", data, ((b"content-type", b"text/xml"),))
    world.surface.post(f"/logout/{data.hex()}/go-on", data, (FORM, OURS))


def path(world: World, data: bytes) -> None:
    world.surface.get("/" + data.decode("latin-1"))
    world.surface.get("/login/" + data.decode("latin-1"))
    world.surface.get("/open/" + data.decode("latin-1"))


def form_of_the_email_page(world: World, data: bytes) -> None:
    cookie = (b"cookie", world.browser)
    world.surface.post(f"{world.login}/email", data, (FORM, OURS, cookie))
    world.surface.post(f"{world.login}/password", data, (FORM, OURS, cookie))


def form_of_a_factor(world: World, data: bytes) -> None:
    """Which form, then its fields; and the same as what an authenticator says."""
    guarded, name = world.guarded, FACTOR_FORMS[data[0] % len(FACTOR_FORMS)]
    guarded.answer_factor(name, data[1:], STEPS[data[0] // len(FACTOR_FORMS) % len(STEPS)])
    guarded.answer_factor("code", b"kind=totp&code=" + quote(data[1:]).encode())
    guarded.answer_factor("factor-passkey", _said(world, data[1:]))


def form_of_an_enrolment(world: World, data: bytes) -> None:
    """Which form at which step, then its fields; and the same as what an authenticator says."""
    guarded, name = world.guarded, ENROLMENT_FORMS[data[0] % len(ENROLMENT_FORMS)]
    step = STEPS[data[0] // len(ENROLMENT_FORMS) % len(STEPS)]
    guarded.answer_enrolment(name, step, data[1:])
    guarded.answer_enrolment("enrol-passkey", FactorKind.PASSKEY, _said(world, data[1:]))
    guarded.answer_enrolment("enrol-totp", FactorKind.TOTP, b"name=x&code=" + data[1:])


def _said(world: World, data: bytes) -> bytes:
    response, asked_at = quote(data).encode(), world.guarded.asked_at().encode()
    return b"name=x&asked_at=" + asked_at + b"&response=" + response


def form_of_the_own_account(world: World, data: bytes) -> None:
    """Which form, then its fields, which stand for what the browser calls itself, too."""
    path = ACCOUNT_FORMS[data[0] % len(ACCOUNT_FORMS)]
    world.guarded.change_account(path, data[1:], data[1:])


def way_back_from_duo(world: World, data: bytes) -> None:
    guarded = world.guarded
    guarded.come_from_duo(data)
    state = guarded.state()
    for step in STEPS:
        guarded.come_from_duo(b"state=" + state.encode() + b"&" + data, enrolling=step)
    with suppress(UnicodeDecodeError):
        guarded.come_from_duo(b"duo_code=x&state=" + state.encode(), data.decode())


def headers(world: World, data: bytes) -> None:
    value = data.replace(b"\r", b"").replace(b"\n", b"")
    for name in HEADERS:
        world.surface.get(world.login, b"", ((name, value),))
        world.surface.post("/saml/sso", b"SAMLRequest=x", ((name, value),))
    client_address("10.0.0.1", value.decode("latin-1"), ["10.0.0.0/8"])


QUICK: tuple[Callable[[World, bytes], None], ...] = (
    query_of_a_redirect,
    document_of_a_redirect,
    document_of_a_post,
    logout_by_redirect,
    logout_by_post,
    logout_by_soap,
    metadata_of_a_service_provider,
    response_of_an_upstream,
    what_an_upstream_encrypted,
    metadata_of_an_identity_provider,
    passkey_that_was_made,
    attestation_of_a_passkey,
    passkey_that_has_signed,
    data_of_an_authenticator,
    data_of_a_browser,
    answer_of_duo,
    token_of_duo,
)
SLOW: tuple[Callable[[World, bytes], None], ...] = (
    request_by_redirect,
    request_by_post,
    answer_by_post,
    logout,
    path,
    form_of_the_email_page,
    form_of_a_factor,
    form_of_an_enrolment,
    form_of_the_own_account,
    way_back_from_duo,
    headers,
)
# Of 256 first bytes; a slow door costs as much as a hundred quick ones.
SLOW_FROM = 250


def knock(world: World, data: bytes) -> None:
    """Give the bytes to the door that the first two name."""
    if len(data) > 2:
        doors = SLOW if data[0] >= SLOW_FROM else QUICK
        doors[data[1] % len(doors)](world, data[2:])


def addressed(door: Callable[[World, bytes], None], data: bytes) -> bytes:
    """Return bytes that `knock` gives to that door."""
    if door in SLOW:
        return bytes([SLOW_FROM, SLOW.index(door)]) + data
    return bytes([0, QUICK.index(door)]) + data
