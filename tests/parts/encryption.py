"""Encrypt an assertion as others do: by hand, with every choice open, or by xmlsec's library."""

from __future__ import annotations

import os
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from lxml import etree

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
DS = "http://www.w3.org/2000/09/xmldsig#"
AES_128, AES_256 = f"{XENC11}aes128-gcm", f"{XENC11}aes256-gcm"
AES_256_CBC = f"{XENC}aes256-cbc"
OAEP_MGF1P, OAEP_11, RSA_1_5 = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep", f"{XENC}rsa-1_5"
SHA1_URI, SHA256_URI = f"{DS}sha1", f"{XENC}sha256"
MGF_SHA1, MGF_SHA256 = f"{XENC11}mgf1sha1", f"{XENC11}mgf1sha256"
HASHES = {SHA1_URI: SHA1, SHA256_URI: SHA256, MGF_SHA1: SHA1, MGF_SHA256: SHA256}


def encrypted_assertion(
    xml: str,
    public_key: RSAPublicKey,
    *,
    cipher: str = AES_256,
    transport: str = OAEP_MGF1P,
    digest: str = "",
    mask: str = "",
    is_beside: bool = False,
    label: bytes = b"",
) -> str:
    """Return a saml:EncryptedAssertion that holds the XML.

    Args:
        xml: Any text.
        public_key: Whom it is for.
        cipher: URI, for the content.
        transport: URI, for its key.
        digest: URI of the DigestMethod to name; "" for none, which means SHA-1.
        mask: URI of the MGF to name; "" for none, which means SHA-1.
        is_beside: Whether the EncryptedKey stands beside the EncryptedData, not within it.
        label: OAEPparams.

    """
    key = os.urandom(16 if cipher == AES_128 else 32)
    wrapped = public_key.encrypt(key, _padding(transport, digest, mask, label))
    methods = f'<ds:DigestMethod xmlns:ds="{DS}" Algorithm="{digest}"/>' if digest else ""
    methods += f'<e11:MGF xmlns:e11="{XENC11}" Algorithm="{mask}"/>' if mask else ""
    methods += f"<e:OAEPparams>{b64encode(label).decode()}</e:OAEPparams>" if label else ""
    encrypted_key = (
        f'<e:EncryptedKey xmlns:e="{XENC}"><e:EncryptionMethod Algorithm="{transport}">{methods}'
        f"</e:EncryptionMethod>{_cipher_data(wrapped)}</e:EncryptedKey>"
    )
    within = f'<ds:KeyInfo xmlns:ds="{DS}">{encrypted_key}</ds:KeyInfo>'
    return _canonical(
        '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
        f'<e:EncryptedData xmlns:e="{XENC}" Type="{XENC}Element">'
        f'<e:EncryptionMethod Algorithm="{cipher}"/>{"" if is_beside else within}'
        f"{_cipher_data(_encrypt(xml.encode(), key, cipher))}</e:EncryptedData>"
        f"{encrypted_key if is_beside else ''}</saml:EncryptedAssertion>"
    )


def _canonical(xml: str) -> str:
    """Return it in the form in which what is around it may be signed."""
    return etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True).decode()


def _padding(transport: str, digest: str, mask: str, label: bytes) -> OAEP | PKCS1v15:
    if transport == RSA_1_5:
        return PKCS1v15()
    mask_hash = HASHES.get(mask, SHA1)() if transport == OAEP_11 else SHA1()
    return OAEP(MGF1(mask_hash), HASHES.get(digest, SHA1)(), label or None)


def _encrypt(content: bytes, key: bytes, cipher: str) -> bytes:
    if cipher in {AES_128, AES_256}:
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, content, None)
    start, filling = os.urandom(16), 16 - len(content) % 16
    encryptor = Cipher(AES(key), CBC(start)).encryptor()
    padded = content + bytes(filling - 1) + bytes([filling])
    return start + encryptor.update(padded) + encryptor.finalize()


def _cipher_data(octets: bytes) -> str:
    value = b64encode(octets).decode()
    return f"<e:CipherData><e:CipherValue>{value}</e:CipherValue></e:CipherData>"
