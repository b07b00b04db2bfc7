"""Signatures of the wrong key, by the wrong algorithm, or none where one is demanded."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.service_provider import AcsEndpoint, Registry, ServiceProvider
from connector.idp.binding import read_redirect, to_redirect_url
from connector.idp.message.authn_request import AuthnRequest, parse_authn_request
from connector.idp.reason import Reason
from tests.idp.bench import (
    ACS_URL,
    ENDPOINTS,
    NOW,
    SP_ENTITY_ID,
    an_application,
    authn_request,
    certificate_of,
    load_key,
    posted,
    redirected,
)

KEY, STRANGER = load_key("service_provider"), load_key("stranger")
SHA256_RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA1_RSA = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
HMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


def parse(message, *, demanded: bool = True) -> AuthnRequest:
    service_provider = ServiceProvider(
        SP_ENTITY_ID, (AcsEndpoint(ACS_URL),), (certificate_of(KEY),), demanded
    )
    registry = Registry((an_application(service_provider=service_provider),))
    return parse_authn_request(message, registry, now=NOW, endpoints=ENDPOINTS)


def reason_of(message, *, demanded: bool = True) -> str:
    with pytest.raises(RequestRefused) as refused:
        parse(message, demanded=demanded)
    return refused.value.reason


def signed_redirect(document: str, *, key=KEY, algorithm: str = SHA256_RSA, relay_state: str = "r"):
    url = to_redirect_url(ENDPOINTS.sso_url, "SAMLRequest", document, relay_state)
    octets = f"{url.partition('?')[2]}&SigAlg={quote(algorithm, safe='')}".encode()
    digest = SHA1() if algorithm == SHA1_RSA else SHA256()
    value = key.private_key.sign(octets, PKCS1v15(), digest)
    return octets, quote(b64encode(value), safe="").encode()


def read(octets: bytes, signature: bytes):
    return read_redirect(octets + b"&Signature=" + signature)


def test_a_signed_redirect_is_taken():
    assert parse(read(*signed_redirect(authn_request()))).is_signed


@pytest.mark.parametrize("bind", [redirected, posted])
def test_an_unsigned_request_is_refused_where_the_metadata_says_all_are_signed(bind):
    assert reason_of(bind(authn_request())) == Reason.SIGNATURE_MISSING


@pytest.mark.parametrize("demanded", [True, False])
def test_another_key_is_refused_although_its_certificate_is_in_the_message(demanded: bool):
    document = authn_request(key=STRANGER)

    assert reason_of(posted(document), demanded=demanded) == Reason.SIGNATURE_INVALID


def test_a_redirect_by_another_key_is_refused():
    message = read(*signed_redirect(authn_request(), key=STRANGER))

    assert reason_of(message) == Reason.SIGNATURE_INVALID


def test_a_key_that_the_message_brings_as_a_value_is_not_used():
    root = etree.fromstring(authn_request(key=STRANGER).encode())
    numbers = STRANGER.private_key.public_key().public_numbers()
    key_info = root.find(f".//{DS}KeyInfo")
    key_info.clear()
    value = etree.SubElement(etree.SubElement(key_info, f"{DS}KeyValue"), f"{DS}RSAKeyValue")
    for name, number in (("Modulus", numbers.n), ("Exponent", numbers.e)):
        raw = number.to_bytes((number.bit_length() + 7) // 8)
        etree.SubElement(value, f"{DS}{name}").text = b64encode(raw).decode()

    assert reason_of(posted(etree.tostring(root).decode())) == Reason.SIGNATURE_INVALID


def test_a_redirect_by_sha1_is_refused_although_the_key_is_right():
    message = read(*signed_redirect(authn_request(), algorithm=SHA1_RSA))

    assert reason_of(message) == Reason.SIGNATURE_ALGORITHM


@pytest.mark.parametrize("algorithm", [HMAC, "", "none"])
def test_a_redirect_by_another_algorithm_is_refused(algorithm: str):
    assert reason_of(read(*signed_redirect(authn_request(), algorithm=algorithm))) == (
        Reason.SIGNATURE_ALGORITHM
    )


def test_a_post_by_sha1_is_refused_although_the_key_is_right():
    assert reason_of(posted(_signed_anew(SHA1_RSA))) == Reason.SIGNATURE_INVALID


def test_a_mac_keyed_with_the_public_certificate_is_refused():
    """HMAC confusion: the verifier takes the certificate for a shared secret."""
    assert reason_of(posted(_signed_anew(HMAC))) == Reason.SIGNATURE_INVALID


def _signed_anew(algorithm: str) -> str:
    """Return a request whose signature is computed by the algorithm that it names."""
    root = etree.fromstring(authn_request(key=KEY).encode())
    root.find(f".//{DS}SignatureMethod").set("Algorithm", algorithm)
    signed_info = root.find(f".//{DS}SignedInfo")
    octets = etree.tostring(signed_info, method="c14n", exclusive=True)
    if algorithm == SHA1_RSA:
        value = KEY.private_key.sign(octets, PKCS1v15(), SHA1())
    else:
        value = hmac.new(KEY.certificate.encode(), octets, hashlib.sha256).digest()
    root.find(f".//{DS}SignatureValue").text = b64encode(value).decode()
    return etree.tostring(root).decode()


def test_a_digest_by_sha1_is_refused():
    root = etree.fromstring(authn_request(key=KEY).encode())
    root.find(f".//{DS}DigestMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
    signed_info = root.find(f".//{DS}SignedInfo")
    octets = etree.tostring(signed_info, method="c14n", exclusive=True)
    value = KEY.private_key.sign(octets, PKCS1v15(), SHA256())
    root.find(f".//{DS}SignatureValue").text = b64encode(value).decode()

    assert reason_of(posted(etree.tostring(root).decode())) == Reason.SIGNATURE_INVALID


def test_a_signed_redirect_with_another_relay_state_is_refused():
    octets, signature = signed_redirect(authn_request(), relay_state="honest")

    message = read(octets.replace(b"honest", b"forged"), signature)

    assert reason_of(message) == Reason.SIGNATURE_INVALID


def test_a_signed_redirect_without_its_relay_state_is_refused():
    octets, signature = signed_redirect(authn_request())

    assert reason_of(read(octets.replace(b"&RelayState=r", b""), signature)) == (
        Reason.SIGNATURE_INVALID
    )


def test_a_stripped_signature_is_missing():
    root = etree.fromstring(authn_request(key=KEY).encode())
    root.remove(root.find(f"{DS}Signature"))

    assert reason_of(posted(etree.tostring(root).decode())) == Reason.SIGNATURE_MISSING


@pytest.mark.parametrize("destination", [None, "https://other.example/sso"])
def test_a_signed_request_must_say_that_it_is_for_us(destination: str | None):
    """Else another identity provider could pass it on (Bindings section 3.5.5.2)."""
    document = authn_request(key=KEY, Destination=destination)

    assert reason_of(posted(document)) == Reason.DESTINATION_WRONG
