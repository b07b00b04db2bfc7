"""Encrypt an element (XML Encryption 1.1 sections 3 and 5): AES-GCM, its key by RSA-OAEP.

The element is encrypted as the bytes of a document of its own, which declares every prefix that it
uses. An element encrypted within its document loses the prefixes declared around it, and some
service providers then cannot read it.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.idp.xmldsig import Rendered
from connector.idp.xmlenc.method import DIGESTS, MASKS, SHA1_URI, XENC, XENC11

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.idp.xmlenc.method import Recipient, Transport

_DS = "http://www.w3.org/2000/09/xmldsig#"
_NONCE_BYTES = 12


def encrypt_element(
    element: Rendered, recipient: Recipient, random: Callable[[int], bytes]
) -> Rendered:
    """Return an EncryptedData that only the recipient can turn back into the element.

    Args:
        element: Must declare every prefix that it uses, as `render` and `sign_enveloped` do.
        recipient: Who can read it.
        random: Returns that many unpredictable bytes.

    """
    key, nonce = random(recipient.cipher.key_bytes), random(_NONCE_BYTES)
    # RFC 5116 has the tag at the end, and XML Encryption 1.1 section 5.2.4 the nonce in front.
    content = nonce + AESGCM(key).encrypt(nonce, element.encode(), None)
    wrapped = recipient.public_key.encrypt(key, _padding(recipient.transport))
    return Rendered(
        f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element">'
        f'<xenc:EncryptionMethod Algorithm="{recipient.cipher}"></xenc:EncryptionMethod>'
        f'<ds:KeyInfo xmlns:ds="{_DS}"><xenc:EncryptedKey>{_method(recipient.transport)}'
        f"{_cipher_data(wrapped)}</xenc:EncryptedKey></ds:KeyInfo>"
        f"{_cipher_data(content)}</xenc:EncryptedData>"
    )


def _padding(transport: Transport) -> OAEP:
    mask = MASKS[transport.mask] if transport.mask else DIGESTS[SHA1_URI]
    return OAEP(MGF1(mask), DIGESTS[transport.digest], label=None)


def _method(transport: Transport) -> str:
    mask = (
        f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{transport.mask}"></xenc11:MGF>'
        if transport.mask
        else ""
    )
    return (
        f'<xenc:EncryptionMethod Algorithm="{transport.algorithm}">'
        f'<ds:DigestMethod Algorithm="{transport.digest}"></ds:DigestMethod>{mask}'
        "</xenc:EncryptionMethod>"
    )


def _cipher_data(octets: bytes) -> str:
    value = b64encode(octets).decode()
    return f"<xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData>"
