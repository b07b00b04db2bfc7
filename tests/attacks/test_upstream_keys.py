"""Responses of the wrong key, by the wrong algorithm, or with what honest SAML never holds."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from connector.errors import UpstreamRefused
from connector.idp.message.upstream_assertion import Expected
from connector.idp.message.upstream_response import parse_response
from connector.idp.reason import Reason
from connector.idp.upstream.identity_provider import IdentityProvider
from tests.idp.bench import NOW
from tests.idp.upstream_bench import ACS_URL, ISSUER, KEY, STRANGER, Answer, an_upstream
from tests.parts.key_pair import make_key_pair

DS = "{http://www.w3.org/2000/09/xmldsig#}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA1_RSA = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
EXPECTED = Expected(an_upstream(), ACS_URL, "_request", NOW, NOW)
PLACES = {"response": ".", "assertion": f"{SAML}Assertion"}


def parse(document: str | bytes | etree._Element, expected: Expected = EXPECTED):
    if isinstance(document, etree._Element):
        document = etree.tostring(document)
    if isinstance(document, str):
        document = document.encode()
    return parse_response(document, expected, ())


def reason_of(document, expected: Expected = EXPECTED) -> str:
    with pytest.raises(UpstreamRefused) as refused:
        parse(document, expected)
    return refused.value.reason


def sign_anew(root: etree._Element, place: str, method: str, value) -> etree._Element:
    """Have a signature say that it was made by a method, and put in what `value` makes of it."""
    signature = root.find(PLACES[place]).find(f"{DS}Signature")
    signature.find(f".//{DS}SignatureMethod").set("Algorithm", method)
    signed_info = signature.find(f"{DS}SignedInfo")
    octets = etree.tostring(signed_info, method="c14n", exclusive=True)
    signature.find(f"{DS}SignatureValue").text = b64encode(value(octets)).decode()
    return root


@pytest.mark.parametrize("place", PLACES)
def test_another_key_is_refused_although_its_certificate_is_in_the_message(place):
    assert reason_of(Answer(signed=(place,), key=STRANGER).write()) == Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("place", PLACES)
def test_a_key_that_the_message_brings_as_a_value_is_not_used(place):
    root = Answer(signed=(place,), key=STRANGER).tree()
    numbers = STRANGER.private_key.public_key().public_numbers()
    key_info = root.find(f".//{DS}KeyInfo")
    key_info.clear()
    value = etree.SubElement(etree.SubElement(key_info, f"{DS}KeyValue"), f"{DS}RSAKeyValue")
    for name, number in (("Modulus", numbers.n), ("Exponent", numbers.e)):
        raw = number.to_bytes((number.bit_length() + 7) // 8)
        etree.SubElement(value, f"{DS}{name}").text = b64encode(raw).decode()

    assert reason_of(root) == Reason.SIGNATURE_INVALID


def test_without_signatures_nothing_is_believed():
    assert reason_of(Answer(signed=()).write()) == Reason.SIGNATURE_MISSING


def test_stripped_signatures_are_missing():
    root = Answer().tree()
    for signature in list(root.iter(f"{DS}Signature")):
        signature.getparent().remove(signature)

    assert reason_of(root) == Reason.SIGNATURE_MISSING


@pytest.mark.parametrize("place", PLACES)
def test_a_mac_keyed_with_the_public_certificate_is_refused(place):
    """HMAC confusion: the verifier takes the certificate for a shared secret."""

    def mac(octets: bytes) -> bytes:
        return hmac.new(KEY.certificate.encode(), octets, hashlib.sha256).digest()

    root = sign_anew(Answer(signed=(place,)).tree(), place, f"{MORE}hmac-sha256", mac)

    assert reason_of(root) == Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("place", PLACES)
def test_sha1_is_refused_although_the_key_is_right(place):
    def sign(octets: bytes) -> bytes:
        return KEY.private_key.sign(octets, PKCS1v15(), SHA1())

    root = sign_anew(Answer(signed=(place,)).tree(), place, SHA1_RSA, sign)

    assert reason_of(root) == Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("method", ["", "none", f"{MORE}rsa-md5", f"{MORE}ecdsa-sha256"])
def test_another_algorithm_than_that_of_the_key_is_refused(method):
    def sign(octets: bytes) -> bytes:
        return KEY.private_key.sign(octets, PKCS1v15(), SHA256())

    root = sign_anew(Answer(signed=("assertion",)).tree(), "assertion", method, sign)

    assert reason_of(root) == Reason.SIGNATURE_INVALID


# On a curve.


def elliptic(folder, curve=None) -> tuple[ec.EllipticCurvePrivateKey, Expected]:
    """Return a key on a curve, and what is expected of an upstream that signs with it."""
    pair = make_key_pair(folder, "elliptic", ec.generate_private_key(curve or ec.SECP256R1()))
    provider = IdentityProvider(ISSUER, {}, (pair.certificate,))
    return pair.private_key, replace(EXPECTED, upstream=an_upstream(provider=provider))


def signing(key: ec.EllipticCurvePrivateKey):
    """Return what signs as XML Signature wants it: two numbers side by side."""
    size = (key.key_size + 7) // 8

    def sign(octets: bytes) -> bytes:
        first, second = decode_dss_signature(key.sign(octets, ec.ECDSA(SHA256())))
        return first.to_bytes(size) + second.to_bytes(size)

    return sign


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1])
def test_an_elliptic_signature_is_believed(tmp_path, place, curve):
    key, expected = elliptic(tmp_path, curve())
    root = Answer(signed=(place,)).tree()

    root = sign_anew(root, place, f"{MORE}ecdsa-sha256", signing(key))

    assert parse(root, expected).vouched.person == "pat@partner.example"


def test_an_elliptic_signature_by_another_key_is_refused(tmp_path):
    _, expected = elliptic(tmp_path)
    stranger = ec.generate_private_key(ec.SECP256R1())
    root = Answer(signed=("assertion",)).tree()

    root = sign_anew(root, "assertion", f"{MORE}ecdsa-sha256", signing(stranger))

    assert reason_of(root, expected) == Reason.SIGNATURE_INVALID


def test_an_elliptic_signature_that_says_it_is_rsa_is_refused(tmp_path):
    key, expected = elliptic(tmp_path)
    root = Answer(signed=("assertion",)).tree()

    root = sign_anew(root, "assertion", f"{MORE}rsa-sha256", signing(key))

    assert reason_of(root, expected) == Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("value", [bytes(64), b"", bytes(63) + b"\1"])
def test_a_signature_of_zeros_is_refused(tmp_path, value):
    """Some verifiers once took r = s = 0 for a signature of anything (CVE-2022-21449)."""
    _, expected = elliptic(tmp_path)
    root = Answer(signed=("assertion",)).tree()

    root = sign_anew(root, "assertion", f"{MORE}ecdsa-sha256", lambda _: value)

    assert reason_of(root, expected) == Reason.SIGNATURE_INVALID


def test_any_certificate_of_the_metadata_will_do_and_its_dates_do_not_matter(tmp_path):
    """As while keys are exchanged (metadata interoperability profile)."""
    old = make_key_pair(tmp_path, "old")
    assert old.certificate.not_valid_after_utc < NOW.replace(year=2100)
    (theirs,) = EXPECTED.upstream.provider.certificates
    provider = IdentityProvider(ISSUER, {}, (old.certificate, theirs))
    expected = replace(EXPECTED, upstream=an_upstream(provider=provider))

    assert parse(Answer().write(), expected).vouched.person == "pat@partner.example"


# By another's library, with what many identity providers do besides.


def xmlsec_sign(element: etree._Element, position: int, *prefixes: str) -> None:
    """Sign an element as OpenSAML does, with prefixes that count although nothing uses them."""
    template = xmlsec.template.create(
        element, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    element.insert(position, template)
    reference = xmlsec.template.add_reference(
        template, xmlsec.constants.TransformSha256, uri=f"#{element.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    canonical = xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    if prefixes:
        xmlsec.template.transform_add_c14n_inclusive_namespaces(canonical, list(prefixes))
    pem = KEY.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem, None)
    xmlsec.tree.add_ids(element.getroottree().getroot(), ["ID"])
    context.sign(template)


@pytest.mark.parametrize("signed", [("assertion",), ("response",), ("assertion", "response")])
def test_prefixes_that_only_a_signature_names_are_kept_for_it(signed):
    """`xs` in xsi:type="xs:string" is declared at the Response, and the assertion counts on it."""
    text = Answer(signed=()).write()
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    text = text.replace("<samlp:Response ", '<samlp:Response xmlns:xs="urn:xs" ', 1)
    text = text.replace("<saml:NameID>", f'<saml:NameID xmlns:xsi="{xsi}" xsi:type="xs:string">')
    root = etree.fromstring(text)
    if "assertion" in signed:
        xmlsec_sign(root.find(f"{SAML}Assertion"), 1, "xs")
    if "response" in signed:
        xmlsec_sign(root, 1)

    assert parse(root).vouched.person == "pat@partner.example"


# Documents.

HONEST = Answer(signed=("assertion",)).write()
DOCUMENTS = {
    "comment in the name": (
        HONEST.replace("pat@partner.example", "pat@partner.example<!-- x -->.evil.example"),
        Reason.XML_COMMENT,
    ),
    "instruction in the name": (
        HONEST.replace("pat@partner.example", "pat<?x y?>@partner.example"),
        Reason.XML_COMMENT,
    ),
    "document type": (f'<!DOCTYPE r [<!ENTITY x "y">]>{HONEST}', Reason.XML_DOCTYPE),
    "external entity": (
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + HONEST.replace("pat@partner.example", "&x;"),
        Reason.XML_DOCTYPE,
    ),
    "an ID twice": (
        HONEST.replace("</samlp:Response>", '<x ID="a"/><x ID="a"/></samlp:Response>'),
        Reason.XML_DUPLICATE_ID,
    ),
    "another encoding": (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{HONEST}',
        Reason.XML_ENCODING,
    ),
    "too much": (HONEST + " " * 200_000, Reason.XML_TOO_LARGE),
    "nothing": (" ", Reason.XML_MALFORMED),
    "depth": ("<a>" * 200 + "</a>" * 200, Reason.XML_TOO_DEEP),
    "another message": (
        HONEST.replace("samlp:Response", "samlp:LogoutResponse"),
        Reason.NOT_RESPONSE,
    ),
    "an assertion alone": (
        HONEST[HONEST.index("<saml:Assertion") : HONEST.index("</samlp:Response>")],
        Reason.NOT_RESPONSE,
    ),
    "another version": (HONEST.replace('Version="2.0"', 'Version="1.1"', 1), "version-unsupported"),
    "no ID": (HONEST.replace(' ID="_response', ' X="_response', 1), Reason.RESPONSE_ID_MISSING),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_with_what_honest_saml_never_holds_is_refused(name):
    document, reason = DOCUMENTS[name]

    assert document != HONEST
    assert reason_of(document) == reason
