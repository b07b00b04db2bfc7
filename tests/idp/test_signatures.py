"""What we sign others verify, and what others sign we verify."""

from __future__ import annotations

from base64 import b64decode

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from connector.idp.xmldsig import (
    XmlRefused,
    parse_xml,
    verify_enveloped,
    verify_octets,
)
from tests.idp.bench import (
    KEYS,
    SignOnBench,
    authn_request,
    certificate_of,
    load_key,
    response_of,
)
from tests.parts.certificates import make_certificate

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture
def response(bench: SignOnBench) -> etree._Element:
    return response_of(bench.sign_in("ann.lind@corp.example", "Right-1"))


@pytest.mark.parametrize("part", [".", f"{ASSERTION}Assertion"])
def test_xmlsec_verifies_the_response_and_the_assertion(response: etree._Element, part: str):
    element = response.find(part) if part != "." else response
    xmlsec.tree.add_ids(element, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(
        str(KEYS / "idp_key.pem"), xmlsec.constants.KeyDataFormatCertPem
    )

    context.verify(element.find(f"{DS}Signature"))


@pytest.mark.parametrize("part", [".", f"{ASSERTION}Assertion"])
def test_signxml_verifies_the_response_and_the_assertion(response: etree._Element, part: str):
    element = response.find(part) if part != "." else response
    root = etree.fromstring(etree.tostring(element))

    verified = XMLVerifier().verify(
        root,
        x509_cert=certificate_of(load_key("idp")),
        id_attribute="ID",
        expect_config=SignatureConfiguration(location="./", verification_time=_then()),
    )

    assert verified.signed_xml.get("ID") == root.get("ID")


def test_a_request_that_xmlsec_signed_is_verified():
    template = _with_template(authn_request(ID="_r"))
    xmlsec.tree.add_ids(template, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(
        str(KEYS / "service_provider_key.pem"), xmlsec.constants.KeyDataFormatPem
    )
    context.sign(template.find(f"{DS}Signature"))
    root = parse_xml(etree.tostring(template))

    signed = verify_enveloped(root, [certificate_of(load_key("service_provider"))])

    assert signed.get("ID") == "_r"
    assert signed.find(f"{DS}Signature") is None


def test_any_key_of_the_metadata_will_do():
    """A service provider that changes its key names both for a while."""
    root = parse_xml(authn_request(key=load_key("service_provider")).encode())
    certificates = [certificate_of(load_key(name)) for name in ("stranger", "service_provider")]

    assert verify_enveloped(root, certificates).get("ID") == root.get("ID")


@pytest.mark.parametrize("form", ["side by side", "DER"])
def test_elliptic_signatures_of_a_redirect_are_verified_in_both_forms(tmp_path, form: str):
    files = make_certificate(tmp_path, "sp.test")
    key = load_pem_private_key(files.key.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    value = key.sign(b"octets", ec.ECDSA(hashes.SHA256()))
    if form == "side by side":
        value = b"".join(number.to_bytes(32) for number in utils.decode_dss_signature(value))

    algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    verify_octets(b"octets", value, algorithm, [certificate])
    with pytest.raises(XmlRefused, match="does not verify"):
        verify_octets(b"other octets", value, algorithm, [certificate])


def test_a_key_of_another_kind_is_not_tried(tmp_path):
    files = make_certificate(tmp_path, "sp.test")
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    value = load_key("stranger").private_key.sign(b"o", padding.PKCS1v15(), hashes.SHA256())

    with pytest.raises(XmlRefused, match="does not verify"):
        verify_octets(
            b"o", value, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", [certificate]
        )


def test_the_certificate_in_a_signature_is_the_one_that_signed(response: etree._Element):
    named = response.find(f"{DS}Signature/{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate").text

    assert b64decode(named) == b64decode(load_key("idp").certificate)


def _with_template(document: str) -> etree._Element:
    root = etree.fromstring(document.encode())
    signature = xmlsec.template.create(
        root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256
    )
    root.insert(1, signature)
    reference = xmlsec.template.add_reference(
        signature, xmlsec.constants.TransformSha256, uri=f"#{root.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    return root


def _then():
    return certificate_of(load_key("idp")).not_valid_before_utc
