"""Sign an element: enveloped, RSA-SHA256, exclusive canonical form (XML Signature section 6)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from connector.idp.xmldsig.canonical import (
    NAMESPACES,
    Element,
    Rendered,
    escape_attribute,
    render_around,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_DS = NAMESPACES["ds"]
_RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_METHODS = (
    f'<ds:CanonicalizationMethod Algorithm="{_EXC_C14N}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256">'
    "</ds:SignatureMethod>"
)
_TRANSFORMS = (
    f'<ds:Transforms><ds:Transform Algorithm="{_DS}enveloped-signature"></ds:Transform>'
    f'<ds:Transform Algorithm="{_EXC_C14N}"></ds:Transform></ds:Transforms>'
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs for us.

    Attributes:
        private_key: RSA, 2048 bits or more.
        certificate: Its self-signed certificate, DER in base64 on one line, as metadata has it.

    """

    private_key: RSAPrivateKey = field(repr=False)
    certificate: str

    @property
    def method(self) -> str:
        """Return the URI of how it signs."""
        return _RSA


def sign_octets(octets: bytes, key: SigningKey) -> tuple[str, bytes]:
    """Return how the key signs, as the URI that SigAlg has, and the signature of the octets.

    It goes into a query as base64 (Bindings section 3.4.4.1).
    """
    return key.method, key.private_key.sign(octets, PKCS1v15(), SHA256())


def sign_enveloped(element: Element, key: SigningKey, position: int = 1) -> Rendered:
    """Return the element with its signature as the child at `position`.

    Args:
        element: Must have an ID and must not use the prefix "ds".
        key: Signs; its certificate goes into KeyInfo.
        position: SAML wants the signature right after the Issuer (Core section 3.2.2).

    """
    before, after = render_around(element, position)
    digest = hashlib.sha256(f"{before}{after}".encode()).digest()
    signed_info = _signed_info(element.attributes["ID"], digest)
    # Standing alone, as it is signed, SignedInfo declares its prefix; inside Signature it does not.
    octets = f'<ds:SignedInfo xmlns:ds="{_DS}">{signed_info}</ds:SignedInfo>'.encode()
    value = b64encode(key.private_key.sign(octets, PKCS1v15(), SHA256())).decode()
    signature = (
        f'<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo>{signed_info}</ds:SignedInfo>'
        f"<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>"
        f"<ds:X509Certificate>{key.certificate}</ds:X509Certificate>"
        "</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    return Rendered(f"{before}{signature}{after}")


def _signed_info(reference_id: str, digest: bytes) -> str:
    return (
        f'{_METHODS}<ds:Reference URI="#{escape_attribute(reference_id)}">{_TRANSFORMS}'
        f"<ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
    )
