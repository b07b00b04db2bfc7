"""By which algorithms we encrypt for somebody: what their metadata asks for, if it is safe."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
SHA1_URI = "http://www.w3.org/2000/09/xmldsig#sha1"

_SHA1 = SHA1()  # noqa: S303 - OAEP does not rest on its being free of collisions; all take it
DIGESTS: Mapping[str, HashAlgorithm] = MappingProxyType(
    {
        SHA1_URI: _SHA1,
        f"{XENC}sha256": SHA256(),
        "http://www.w3.org/2001/04/xmldsig-more#sha384": SHA384(),
        f"{XENC}sha512": SHA512(),
    }
)
MASKS: Mapping[str, HashAlgorithm] = MappingProxyType(
    {
        f"{XENC11}mgf1sha1": _SHA1,
        f"{XENC11}mgf1sha256": SHA256(),
        f"{XENC11}mgf1sha384": SHA384(),
        f"{XENC11}mgf1sha512": SHA512(),
    }
)


class Cipher(StrEnum):
    """What encrypts the content; none without authentication, such as CBC."""

    AES_256_GCM = f"{XENC11}aes256-gcm"
    AES_128_GCM = f"{XENC11}aes128-gcm"

    @property
    def key_bytes(self) -> int:
        """Return the length of its keys."""
        return 32 if self is Cipher.AES_256_GCM else 16


@dataclass(frozen=True, slots=True)
class Transport:
    """What encrypts the key of the content: RSA-OAEP (XML Encryption 1.1 section 5.5.2).

    Attributes:
        algorithm: URI: rsa-oaep-mgf1p, whose mask is always of SHA-1, or rsa-oaep.
        digest: URI, of `DIGESTS`.
        mask: URI, of `MASKS`; "" for rsa-oaep-mgf1p.

    """

    algorithm: str = f"{XENC}rsa-oaep-mgf1p"
    digest: str = SHA1_URI
    mask: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The one reader.

    Attributes:
        public_key: Of the certificate for encryption in their metadata.
        cipher: For the content.
        transport: For the key of the content.

    """

    public_key: RSAPublicKey = field(repr=False)
    cipher: Cipher = Cipher.AES_256_GCM
    transport: Transport = Transport()


@dataclass(frozen=True, slots=True)
class Listed:
    """An EncryptionMethod of a KeyDescriptor (Metadata section 2.4.1.1).

    Attributes:
        algorithm: URI.
        digest: URI of the DigestMethod in it, or "".
        mask: URI of the MGF in it, or "".

    """

    algorithm: str
    digest: str = ""
    mask: str = ""


def choose_methods(listed: Sequence[Listed]) -> tuple[Cipher, Transport] | None:
    """Return the first of each kind that is listed and safe, or None if there is none.

    What is not listed at all is up to us.

    >>> choose_methods([Listed(Cipher.AES_128_GCM)])[0].name
    'AES_128_GCM'
    >>> choose_methods([Listed(f"{XENC}aes256-cbc"), Listed(f"{XENC}rsa-1_5")]) is None
    True

    """
    transports = [each for each in listed if "#rsa-" in each.algorithm]
    ciphers = [each.algorithm for each in listed if each not in transports]
    cipher = next((Cipher(each) for each in ciphers if each in set(Cipher)), None)
    transport = next(filter(None, map(_to_transport, transports)), None)
    cipher = cipher if ciphers else Cipher.AES_256_GCM
    transport = transport if transports else Transport()
    return (cipher, transport) if cipher and transport else None


def _to_transport(listed: Listed) -> Transport | None:
    """Return the transport that was listed, or None if it is none of ours."""
    match listed.algorithm.removeprefix(XENC).removeprefix(XENC11):
        case "rsa-oaep-mgf1p":
            found = Transport(digest=listed.digest or SHA1_URI)
        case "rsa-oaep":
            digest = listed.digest or f"{XENC}sha256"
            found = Transport(listed.algorithm, digest, listed.mask or _mask_like(digest))
        case _:
            return None
    is_known = found.digest in DIGESTS and found.mask in {"", *MASKS}
    return found if is_known else None


def _mask_like(digest: str) -> str:
    """Return the mask of the same digest."""
    return f"{XENC11}mgf1{digest.rpartition('#')[2]}"
