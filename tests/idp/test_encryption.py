"""An assertion that is encrypted can be read by one service provider, and by nobody else."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.idp.application.metadata import parse_service_provider
from connector.idp.xmldsig import Rendered
from connector.idp.xmlenc.encrypt import encrypt_element
from connector.idp.xmlenc.method import (
    DIGESTS,
    MASKS,
    SHA1_URI,
    XENC,
    XENC11,
    Cipher,
    Listed,
    Recipient,
    Transport,
    choose_methods,
)
from tests.idp.bench import (
    an_application,
    certificate_of,
    load_key,
    make_bench,
    response_of,
)
from tests.idp.test_flow import ANN
from tests.idp.test_metadata import key_descriptor, sp_metadata

if TYPE_CHECKING:
    from connector.idp.xmldsig import SigningKey

KEY = load_key("service_provider")
RECIPIENT = Recipient(KEY.private_key.public_key())


def decrypted(encrypted: str, key: SigningKey = KEY) -> bytes:
    """Return what xmlsec makes of an EncryptedData, which stands below some element."""
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM))
    root = etree.fromstring(f"<x>{encrypted}</x>")
    found = xmlsec.EncryptionContext(manager).decrypt(root[0])
    return etree.tostring(found, method="c14n", exclusive=True)


@given(st.binary(max_size=4000))
def test_the_one_reader_gets_the_very_bytes(content: bytes):
    element = f"<a>{content.hex()}</a>"

    encrypted = encrypt_element(Rendered(element), RECIPIENT, secrets.token_bytes)

    assert decrypted(encrypted) == element.encode()
    assert content.hex() not in encrypted or len(content) < 4


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize(
    "transport",
    [
        Transport(),
        Transport(digest=f"{XENC}sha256"),
        Transport(f"{XENC11}rsa-oaep", f"{XENC}sha256", f"{XENC11}mgf1sha256"),
        Transport(f"{XENC11}rsa-oaep", f"{XENC}sha512", f"{XENC11}mgf1sha1"),
    ],
)
def test_every_method_that_we_offer_is_read_by_others(cipher, transport):
    recipient = Recipient(RECIPIENT.public_key, cipher, transport)

    assert decrypted(encrypt_element("<a></a>", recipient, secrets.token_bytes)) == b"<a></a>"


def test_nobody_else_can_read_it():
    encrypted = encrypt_element("<a></a>", RECIPIENT, secrets.token_bytes)

    with pytest.raises(xmlsec.Error):
        decrypted(encrypted, load_key("stranger"))


def test_nobody_can_change_it_unnoticed():
    encrypted = encrypt_element("<a>some text</a>", RECIPIENT, secrets.token_bytes)
    end = encrypted.rindex("</xenc:CipherValue>") - 8
    changed = encrypted[:end] + ("A" if encrypted[end] != "A" else "B") + encrypted[end + 1 :]

    with pytest.raises(xmlsec.Error):
        decrypted(changed)


def test_what_is_encrypted_is_its_own_canonical_form():
    transport = Transport(f"{XENC11}rsa-oaep", f"{XENC}sha256", f"{XENC11}mgf1sha256")
    recipient = Recipient(RECIPIENT.public_key, Cipher.AES_128_GCM, transport)

    encrypted = encrypt_element("<a></a>", recipient, secrets.token_bytes)

    root = etree.fromstring(encrypted)
    assert etree.tostring(root, method="c14n", exclusive=True).decode() == encrypted


CBC, RSA_15 = f"{XENC}aes256-cbc", f"{XENC}rsa-1_5"
MGF1P, OAEP = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ([], (Cipher.AES_256_GCM, Transport())),
        ([Listed(CBC), Listed(Cipher.AES_128_GCM)], (Cipher.AES_128_GCM, Transport())),
        (
            [Listed(Cipher.AES_256_GCM), Listed(Cipher.AES_128_GCM)],
            (Cipher.AES_256_GCM, Transport()),
        ),
        ([Listed(MGF1P)], (Cipher.AES_256_GCM, Transport())),
        ([Listed(RSA_15), Listed(MGF1P)], (Cipher.AES_256_GCM, Transport())),
        (
            [Listed(MGF1P, f"{XENC}sha256")],
            (Cipher.AES_256_GCM, Transport(digest=f"{XENC}sha256")),
        ),
        (
            [Listed(OAEP)],
            (Cipher.AES_256_GCM, Transport(OAEP, f"{XENC}sha256", f"{XENC11}mgf1sha256")),
        ),
        (
            [Listed(OAEP, SHA1_URI, f"{XENC11}mgf1sha1")],
            (Cipher.AES_256_GCM, Transport(OAEP, SHA1_URI, f"{XENC11}mgf1sha1")),
        ),
        ([Listed(OAEP, "urn:x"), Listed(MGF1P)], (Cipher.AES_256_GCM, Transport())),
        ([Listed(CBC)], None),
        ([Listed(RSA_15)], None),
        ([Listed(OAEP, f"{XENC}sha256", "urn:x")], None),
    ],
)
def test_the_first_safe_method_that_metadata_lists_is_used(listed, chosen):
    assert choose_methods(listed) == chosen


def test_every_method_that_may_be_chosen_is_known():
    for digest in DIGESTS:
        cipher, transport = choose_methods([Listed(OAEP, digest)])
        assert transport.mask in MASKS, (cipher, digest)


def encryption_of(*descriptors: str):
    return parse_service_provider(sp_metadata("".join(descriptors)).encode(), "sp").encryption


def with_methods(descriptor: str, *methods: str) -> str:
    elements = "".join(f'<md:EncryptionMethod Algorithm="{each}"/>' for each in methods)
    return descriptor.replace("</md:KeyDescriptor>", f"{elements}</md:KeyDescriptor>")


FOR_BOTH = key_descriptor(use="")
FOR_ENCRYPTION = key_descriptor(use='use="encryption"')


def test_the_key_for_encryption_is_the_one_that_is_meant_for_it():
    other = key_descriptor(load_key("stranger").certificate, use="")

    found = encryption_of(key_descriptor(), other, FOR_ENCRYPTION)

    assert found.is_meant
    assert found.recipient.public_key == certificate_of(KEY).public_key()
    assert encryption_of(key_descriptor()) is None
    assert not encryption_of(FOR_BOTH).is_meant


def test_methods_are_read_with_their_parameters():
    method = (
        f'<md:EncryptionMethod Algorithm="{OAEP}"><ds:DigestMethod Algorithm="{XENC}sha512"/>'
        f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}mgf1sha1"/></md:EncryptionMethod>'
    )
    descriptor = with_methods(FOR_ENCRYPTION, Cipher.AES_128_GCM).replace(
        "</md:KeyDescriptor>", f"{method}</md:KeyDescriptor>"
    )

    found = encryption_of(descriptor).recipient

    assert found.cipher is Cipher.AES_128_GCM
    assert found.transport == Transport(OAEP, f"{XENC}sha512", f"{XENC11}mgf1sha1")


def test_a_key_that_nothing_safe_can_be_done_with_is_said():
    found = encryption_of(with_methods(FOR_ENCRYPTION, CBC))

    assert found.recipient is None
    assert "not safe" in found.problem


def test_the_response_carries_what_was_signed_then_encrypted(engine, clock):
    bench = make_bench(engine, clock, an_application(recipient=RECIPIENT))

    response = response_of(bench.sign_in(*ANN))

    assert response.find("{*}Assertion") is None
    assert b"ann.lind" not in etree.tostring(response)
    encrypted = response.find("{*}EncryptedAssertion/{*}EncryptedData")
    assertion = etree.fromstring(decrypted(etree.tostring(encrypted).decode()))
    assert assertion.find("{*}Subject/{*}NameID").text == "ann.lind@corp.example"
    for signed in (response, assertion):
        assert signed.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is not None


@pytest.mark.parametrize(("response", "assertion"), [(True, False), (False, True), (True, True)])
def test_what_is_signed_is_the_operators_choice(engine, clock, response, assertion):
    application = an_application(signs_response=response, signs_assertion=assertion)

    found = response_of(make_bench(engine, clock, application).sign_in(*ANN))

    signature = "{http://www.w3.org/2000/09/xmldsig#}Signature"
    assert (found.find(signature) is not None) is response
    assert (found.find("{*}Assertion").find(signature) is not None) is assertion
