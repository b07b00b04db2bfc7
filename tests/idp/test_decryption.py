"""What others encrypted for us is read as they meant it, or refused with one reason."""

from __future__ import annotations

import base64

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from connector.idp.reason import Reason
from connector.idp.xmldsig import XmlRefused, parse_xml
from connector.idp.xmlenc.decrypt import decrypt_element
from tests.parts.encryption import (
    AES_128,
    AES_256,
    AES_256_CBC,
    DS,
    MGF_SHA1,
    MGF_SHA256,
    OAEP_11,
    OAEP_MGF1P,
    RSA_1_5,
    SHA1_URI,
    SHA256_URI,
    XENC,
    encrypted_assertion,
)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
TEXT = f'<saml:Assertion xmlns:saml="{SAML}" ID="_a">Größe &amp; <saml:Issuer/></saml:Assertion>'


def decrypt(xml: str, *keys: rsa.RSAPrivateKey) -> etree._Element:
    return decrypt_element(parse_xml(xml.encode()), keys or (KEY,))


def reason_of(xml: str, *keys: rsa.RSAPrivateKey) -> str:
    with pytest.raises(XmlRefused) as refused:
        decrypt(xml, *keys)
    return refused.value.reason


def encrypt(text: str = TEXT, **choices) -> str:
    return encrypted_assertion(text, KEY.public_key(), **choices)


@pytest.mark.parametrize("cipher", [AES_128, AES_256])
@pytest.mark.parametrize(
    "transport",
    [
        {},
        {"digest": SHA1_URI},
        {"digest": SHA256_URI},
        {"transport": OAEP_11},
        {"transport": OAEP_11, "digest": SHA256_URI, "mask": MGF_SHA1},
        {"transport": OAEP_11, "digest": SHA256_URI, "mask": MGF_SHA256},
    ],
)
@pytest.mark.parametrize("is_beside", [False, True])
def test_every_way_that_is_taken_gives_the_element_back(cipher, transport, is_beside):
    found = decrypt(encrypt(cipher=cipher, is_beside=is_beside, **transport))

    assert (found.tag, found.get("ID"), found.getparent()) == (f"{{{SAML}}}Assertion", "_a", None)
    assert found.text == "Größe & "


@pytest.mark.parametrize("algorithm", ["aes128_gcm", "aes256_gcm"])
def test_what_xmlsec_encrypted_within_its_document_is_read(algorithm):
    """It leaves out the prefixes that are declared around the element."""
    root = etree.fromstring(
        f'<r xmlns:saml="{SAML}" xmlns:xs="urn:x"><saml:EncryptedAssertion>'
        '<saml:Assertion ID="_a"><saml:Issuer xs:type="xs:string">Größe</saml:Issuer>'
        "</saml:Assertion></saml:EncryptedAssertion></r>"
    )
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem, None))
    transform = {
        "aes128_gcm": xmlsec.constants.TransformAes128Gcm,
        "aes256_gcm": xmlsec.constants.TransformAes256Gcm,
    }[algorithm]
    template = xmlsec.template.encrypted_data_create(
        root, transform, type=xmlsec.constants.TypeEncElement, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    key_info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="dsig")
    wrapped = xmlsec.template.add_encrypted_key(key_info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped)
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(
        xmlsec.constants.KeyDataAes, int(algorithm[3:6]), xmlsec.constants.KeyDataTypeSession
    )
    context.encrypt_xml(template, root[0][0])
    text = etree.tostring(root[0], encoding="unicode")
    assert "Größe" not in text

    found = decrypt(text)

    assert found.find(f"{{{SAML}}}Issuer").text == "Größe"


def test_any_of_our_keys_and_any_wrapped_key_will_do():
    """While keys are exchanged; and for a message with several readers."""
    root = etree.fromstring(encrypt(is_beside=True))
    other = etree.fromstring(encrypted_assertion(TEXT, OTHER.public_key(), is_beside=True))
    root.insert(1, other[-1])
    text = etree.tostring(root).decode()

    assert decrypt(text, OTHER, KEY).get("ID") == "_a"


@pytest.mark.parametrize(
    "choices",
    [
        {"cipher": AES_256_CBC},
        {"transport": RSA_1_5},
        {"digest": f"{DS}sha512"},
        {"transport": OAEP_11, "mask": "urn:x"},
        {"label": b"label"},
    ],
)
def test_every_other_way_is_refused(choices):
    """With CBC and RSA 1.5, who asks often enough learns what was encrypted."""
    assert reason_of(encrypt(**choices)) == Reason.ENCRYPTION_ALGORITHM


def test_an_algorithm_that_is_only_named_otherwise_is_refused_all_the_same():
    """A ciphertext of GCM, said to be CBC; and the other way round."""
    said_cbc = encrypt().replace(AES_256, AES_256_CBC)
    said_gcm = encrypt(cipher=AES_256_CBC).replace(AES_256_CBC, AES_256)
    said_oaep = encrypt(transport=RSA_1_5).replace(RSA_1_5, OAEP_MGF1P)
    said_128 = encrypt().replace(AES_256, AES_128)

    assert reason_of(said_cbc) == Reason.ENCRYPTION_ALGORITHM
    assert {reason_of(each) for each in (said_gcm, said_oaep, said_128)} == {
        Reason.DECRYPTION_FAILED
    }


def change_value(xml: str, number: int, change) -> str:
    root = etree.fromstring(xml)
    element = list(root.iter(f"{{{XENC}}}CipherValue"))[number]
    element.text = base64.b64encode(change(base64.b64decode(element.text))).decode()
    return etree.tostring(root).decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda octets: b"",
        lambda octets: octets[:11],
        lambda octets: octets[:-1],
        lambda octets: octets + b"\0",
        lambda octets: bytes([octets[0] ^ 1]) + octets[1:],
        lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_however_it_fails_it_fails_alike(number, change):
    """The key or the content: an answer that tells which is an oracle."""
    assert reason_of(change_value(encrypt(), number, change)) == Reason.DECRYPTION_FAILED


def test_a_key_that_is_not_ours_opens_nothing():
    assert reason_of(encrypt(), OTHER) == Reason.DECRYPTION_FAILED
    assert reason_of(encrypt().replace("CipherValue>", "CipherValue>é", 1)) == (
        Reason.DECRYPTION_FAILED
    )


@pytest.mark.parametrize(
    "text",
    ["", "text", "<x/><x/>", f"x{TEXT}", f"{TEXT}x", f"</frame>{TEXT}", "</frame><frame>"],
)
def test_what_is_not_one_element_is_refused(text):
    assert reason_of(encrypt(text)) in {Reason.DECRYPTION_FAILED, Reason.XML_MALFORMED}


def test_what_comes_out_is_as_untrusted_as_what_came_in():
    assert reason_of(encrypt(TEXT.replace("Größe", "<!-- x -->"))) == Reason.XML_COMMENT
    assert reason_of(encrypt(f"<!DOCTYPE x>{TEXT}")) == Reason.XML_DOCTYPE
    assert reason_of(encrypt(TEXT.replace("Größe", "x" * 70_000))) == Reason.XML_TOO_LARGE


def without(xml: str, name: str) -> str:
    root = etree.fromstring(xml)
    for element in list(root.iter(f"{{{XENC}}}{name}")):
        element.getparent().remove(element)
    return etree.tostring(root).decode()


@pytest.mark.parametrize("name", ["EncryptedData", "EncryptedKey", "CipherData", "CipherValue"])
def test_a_message_that_lacks_a_part_is_refused(name):
    assert reason_of(without(encrypt(), name)) == Reason.ENCRYPTION_ALGORITHM


def test_content_that_is_elsewhere_is_not_fetched():
    away = encrypt().replace("e:CipherValue>", "e:CipherReference>")

    assert reason_of(away) == Reason.ENCRYPTION_ALGORITHM


def test_only_whole_elements_are_decrypted():
    content = encrypt().replace(f"{XENC}Element", f"{XENC}Content")

    assert reason_of(content) == Reason.ENCRYPTION_ALGORITHM


def test_more_wrapped_keys_than_anybody_needs_are_not_tried():
    root = etree.fromstring(encrypt(is_beside=True))
    for _ in range(4):
        root.append(etree.fromstring(etree.tostring(root[-1])))

    assert reason_of(etree.tostring(root).decode()) == Reason.ENCRYPTION_ALGORITHM
