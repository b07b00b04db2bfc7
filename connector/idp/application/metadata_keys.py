"""Read the keys of a role in metadata (Metadata section 2.4.1.1): to verify by, to encrypt for."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from connector.idp.application.service_provider import Encryption
from connector.idp.xmldsig import text_of
from connector.idp.xmlenc.method import XENC11, Listed, Recipient, choose_methods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def read_certificates(
    role: etree._Element, use: str, fault: Callable[[str], None]
) -> tuple[x509.Certificate, ...]:
    """Return the certificates for "signing" or "encryption"; one without a use is for both."""
    found = []
    for descriptor in role.findall(f"{_MD}KeyDescriptor"):
        if descriptor.get("use", use) == use:
            found += list(_certificates(descriptor, fault))
    return tuple(found)


def read_encryption(role: etree._Element, fault: Callable[[str], None]) -> Encryption | None:
    """Return the key that we can encrypt by; if there is none, one that we cannot and why."""
    found: list[Encryption] = []
    for descriptor in role.findall(f"{_MD}KeyDescriptor"):
        use = descriptor.get("use", "")
        if use != "signing":
            is_meant = use == "encryption"
            found += [
                _to_encryption(certificate, descriptor, is_meant=is_meant)
                for certificate in _certificates(descriptor, fault)
            ]
    found.sort(key=lambda one: (one.recipient is None, not one.is_meant))
    return found[0] if found else None


def _certificates(
    descriptor: etree._Element, fault: Callable[[str], None]
) -> Iterator[x509.Certificate]:
    for element in descriptor.iterfind(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate"):
        try:
            der = b64decode("".join(text_of(element).split()), validate=True)
            certificate = x509.load_der_x509_certificate(der)
            certificate.public_key()
        except (ValueError, Base64Error, UnsupportedAlgorithm) as error:
            fault(f"holds a certificate that is none: {error}")
        else:
            yield certificate


def _to_encryption(
    certificate: x509.Certificate, descriptor: etree._Element, *, is_meant: bool
) -> Encryption:
    public_key = certificate.public_key()
    if not isinstance(public_key, RSAPublicKey):
        return Encryption(None, is_meant, "its key for encryption is not an RSA key")
    chosen = choose_methods([_to_listed(each) for each in descriptor.findall(f"{_MD}{_METHOD}")])
    if chosen is None:
        problem = "its metadata asks for encryption by methods that are not safe: we use AES-GCM"
        return Encryption(None, is_meant, f"{problem} and RSA-OAEP")
    return Encryption(Recipient(public_key, *chosen), is_meant)


_METHOD = "EncryptionMethod"


def _to_listed(method: etree._Element) -> Listed:
    digest, mask = method.find(f"{_DS}DigestMethod"), method.find(f"{{{XENC11}}}MGF")
    return Listed(
        method.get("Algorithm", "").strip(),
        "" if digest is None else digest.get("Algorithm", ""),
        "" if mask is None else mask.get("Algorithm", ""),
    )
