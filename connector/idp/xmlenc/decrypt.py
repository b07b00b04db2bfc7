"""Decrypt an element (XML Encryption 1.1 sections 3 to 5): AES-GCM, its key by RSA-OAEP.

Nothing else is taken: CBC and RSA 1.5 tell those who ask often enough what was encrypted. However a
decryption fails, it fails with one reason, so that an answer of ours tells nothing either.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.idp.reason import Reason
from connector.idp.xmldsig import XmlLimits, XmlRefused, parse_xml, stand_alone, text_of
from connector.idp.xmlenc.method import DIGESTS, MASKS, SHA1_URI, XENC, XENC11, Cipher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from lxml import etree

_DS = "http://www.w3.org/2000/09/xmldsig#"
_ELEMENT = f"{XENC}Element"
_NONCE_BYTES = 12
# One for each reader; more would only be work.
_MOST_WRAPPED_KEYS = 4


def decrypt_element(
    encrypted: etree._Element, keys: Sequence[RSAPrivateKey], limits: XmlLimits | None = None
) -> etree._Element:
    """Return the element that an EncryptedData held, as a document of its own.

    Args:
        encrypted: The EncryptedData, or the one element around it and its EncryptedKeys.
        keys: Ours; any one of them will do.
        limits: How much is read.

    Raises:
        XmlRefused: if an algorithm is not allowed, or none of our keys opens it.

    """
    data = encrypted if encrypted.tag == f"{{{XENC}}}EncryptedData" else _only_data(encrypted)
    if data.get("Type", _ELEMENT) != _ELEMENT:
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, "only whole elements are decrypted")
    algorithm = _algorithm_of(data)
    if algorithm not in set(Cipher):
        message = f"encryption by {algorithm or 'nothing'} is not taken; AES-GCM is"
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, message)
    wrapped = list(_wrapped_keys(encrypted, data))
    content = _cipher_value(data)
    for key in _unwrapped(wrapped, keys, Cipher(algorithm).key_bytes):
        try:
            octets = AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            continue
        return _parse_in_place(octets, data, limits)
    raise _failed()


def _only_data(holder: etree._Element) -> etree._Element:
    found = holder.findall(f"{{{XENC}}}EncryptedData")
    if len(found) != 1:
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, "not exactly one EncryptedData")
    return found[0]


def _wrapped_keys(encrypted: etree._Element, data: etree._Element) -> Iterator[tuple[bytes, OAEP]]:
    """Yield every EncryptedKey that stands within the KeyInfo or beside the data."""
    name = f"{{{XENC}}}EncryptedKey"
    found = data.findall(f"{{{_DS}}}KeyInfo/{name}")
    found += encrypted.findall(name) if encrypted is not data else []
    if not 1 <= len(found) <= _MOST_WRAPPED_KEYS:
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, f"{len(found)} encrypted keys")
    for element in found:
        yield _cipher_value(element), _padding(element)


def _padding(wrapped: etree._Element) -> OAEP:
    """Return how a key was wrapped, if that is allowed (XML Encryption 1.1 section 5.5.2)."""
    method = wrapped.find(f"{{{XENC}}}EncryptionMethod")
    algorithm = _algorithm_of(wrapped)
    digest = _algorithm_in(method, f"{{{_DS}}}DigestMethod") or SHA1_URI
    mask = _algorithm_in(method, f"{{{XENC11}}}MGF") or f"{XENC11}mgf1sha1"
    if algorithm == f"{XENC}rsa-oaep-mgf1p":
        mask = f"{XENC11}mgf1sha1"
    elif algorithm != f"{XENC11}rsa-oaep":
        message = f"a key encrypted by {algorithm or 'nothing'} is not taken; RSA-OAEP is"
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, message)
    has_label = method is not None and method.find(f"{{{XENC}}}OAEPparams") is not None
    if digest not in DIGESTS or mask not in MASKS or has_label:
        message = f"RSA-OAEP by {digest} and {mask}{' with a label' if has_label else ''}"
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, f"{message} is not taken")
    return OAEP(MGF1(MASKS[mask]), DIGESTS[digest], label=None)


def _unwrapped(
    wrapped: Sequence[tuple[bytes, OAEP]], keys: Sequence[RSAPrivateKey], size_bytes: int
) -> Iterator[bytes]:
    for value, padding in wrapped:
        for key in keys:
            try:
                found = key.decrypt(value, padding)
            except ValueError:
                continue
            if len(found) == size_bytes:
                yield found


def _parse_in_place(
    octets: bytes, data: etree._Element, limits: XmlLimits | None
) -> etree._Element:
    """Return the element of the octets, read with the prefixes that are known where it stood.

    Many encrypt an element within its document, and leave out what is declared around it (XML
    Encryption 1.1 section 4.4). What may be declared where it stood is no secret and proves
    nothing: whether the element is to be believed, its signature says.
    """
    declared = " ".join(
        f"xmlns{f':{prefix}' if prefix else ''}={quoteattr(uri)}"
        for prefix, uri in data.nsmap.items()
        if prefix != "xml"
    )
    frame = parse_xml(f"<frame {declared}>".encode() + octets + b"</frame>", limits)
    if len(frame) != 1 or (frame.text or "").strip() or (frame[0].tail or "").strip():
        raise _failed()
    return stand_alone(frame[0], limits)


def _cipher_value(element: etree._Element) -> bytes:
    value = element.find(f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue")
    if value is None:
        raise XmlRefused(Reason.ENCRYPTION_ALGORITHM, "encrypted content that is elsewhere")
    try:
        return b64decode("".join(text_of(value).split()), validate=True)
    except (Base64Error, ValueError) as error:
        raise _failed() from error


def _algorithm_of(element: etree._Element) -> str:
    return _algorithm_in(element, f"{{{XENC}}}EncryptionMethod")


def _algorithm_in(element: etree._Element | None, name: str) -> str:
    found = None if element is None else element.find(name)
    return "" if found is None else found.get("Algorithm", "")


def _failed() -> XmlRefused:
    return XmlRefused(Reason.DECRYPTION_FAILED, "none of our keys opens what was encrypted")
