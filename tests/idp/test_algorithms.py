"""Whatever our key is, what it signs others verify, by libraries that are not ours."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from connector.idp.xmldsig import (
    Element,
    SigningKey,
    XmlRefused,
    parse_xml,
    sign_enveloped,
    sign_octets,
    verify_enveloped,
    verify_octets,
)
from tests.idp.bench import certificate_of, load_key

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "idp": "rsa-sha256",
    "rsa_3072": "rsa-sha256",
    "rsa_4096": "rsa-sha256",
    "ecdsa_p256": "ecdsa-sha256",
    "ecdsa_p384": "ecdsa-sha384",
}
TRANSFORMS = {
    "rsa-sha256": xmlsec.constants.TransformRsaSha256,
    "ecdsa-sha256": xmlsec.constants.TransformEcdsaSha256,
    "ecdsa-sha384": xmlsec.constants.TransformEcdsaSha384,
}
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
XMLSEC1 = "/usr/bin/xmlsec1"
ELEMENT = Element(
    "samlp:Response",
    {"ID": "_r"},
    (Element("saml:Issuer", {}, ("idp",)), Element("samlp:Extensions", {}, ("text",))),
)

pytestmark = pytest.mark.parametrize("name", KEYS)


def signed(key: SigningKey) -> str:
    return sign_enveloped(ELEMENT, key)


def pem_of(key: SigningKey, folder: Path) -> Path:
    path = folder / "certificate.pem"
    path.write_bytes(certificate_of(key).public_bytes(Encoding.PEM))
    return path


def test_signxml_verifies_it(name: str):
    key = load_key(name)
    root = etree.fromstring(signed(key))

    verified = XMLVerifier().verify(
        root,
        x509_cert=certificate_of(key),
        id_attribute="ID",
        expect_config=SignatureConfiguration(
            location="./", verification_time=certificate_of(key).not_valid_before_utc
        ),
    )

    assert verified.signed_xml.get("ID") == "_r"
    method = root.find(f"{DS}Signature/{DS}SignedInfo/{DS}SignatureMethod")
    assert method.get("Algorithm") == MORE + KEYS[name]


def test_xmlsec_verifies_it(name: str, tmp_path: Path):
    key = load_key(name)
    for document, is_good in ((signed(key), True), (signed(key).replace("text", "x"), False)):
        root = etree.fromstring(document)
        xmlsec.tree.add_ids(root, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(
            str(pem_of(key, tmp_path)), xmlsec.constants.KeyDataFormatCertPem
        )
        if is_good:
            context.verify(root.find(f"{DS}Signature"))
        else:
            with pytest.raises(xmlsec.Error):
                context.verify(root.find(f"{DS}Signature"))


def test_the_program_xmlsec1_verifies_it(name: str, tmp_path: Path):
    key = load_key(name)
    codes = {}
    for case, document in {
        "good": signed(key),
        "tampered": signed(key).replace("text", "x"),
    }.items():
        (tmp_path / case).write_text(document)
        command = [XMLSEC1, "--verify", "--pubkey-cert-pem", str(pem_of(key, tmp_path))]
        command += ["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response"]
        done = subprocess.run([*command, str(tmp_path / case)], capture_output=True, check=False)
        codes[case] = done.returncode == 0

    assert codes == {"good": True, "tampered": False}


def test_we_verify_it_ourselves_as_another_installation_would(name: str):
    key = load_key(name)
    document = signed(key)

    assert verify_enveloped(parse_xml(document.encode()), [certificate_of(key)]).get("ID") == "_r"
    with pytest.raises(XmlRefused):
        verify_enveloped(parse_xml(document.replace("text", "x").encode()), [certificate_of(key)])


def test_octets_of_a_redirect_are_verified_by_xmlsec_and_by_us(name: str, tmp_path: Path):
    key = load_key(name)

    method, value = sign_octets(b"octets", key)

    assert method == key.method == MORE + KEYS[name]
    verify_octets(b"octets", value, method, [certificate_of(key)])
    with pytest.raises(XmlRefused):
        verify_octets(b"other octets", value, method, [certificate_of(key)])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(
        str(pem_of(key, tmp_path)), xmlsec.constants.KeyDataFormatCertPem
    )
    context.verify_binary(b"octets", TRANSFORMS[KEYS[name]], value)
    with pytest.raises(xmlsec.Error):
        context.verify_binary(b"other octets", TRANSFORMS[KEYS[name]], value)


def test_a_signature_on_a_curve_is_two_numbers_of_its_size(name: str):
    key = load_key(name)
    root = etree.fromstring(signed(key))
    value = b64decode(root.find(f"{DS}Signature/{DS}SignatureValue").text)

    is_elliptic = isinstance(key.private_key, ec.EllipticCurvePrivateKey)
    assert len(value) == (2 if is_elliptic else 1) * ((key.private_key.key_size + 7) // 8)
