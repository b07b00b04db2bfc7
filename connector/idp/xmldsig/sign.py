"""Sign an element, enveloped, in exclusive canonical form; or plain octets (XML Signature s6).

RSA signs by RSASSA-PKCS1-v1_5 with SHA-256. ECDSA signs with the hash that suits its curve, and its
signature is two numbers side by side, not DER (XML Signature 1.1 section 6.4.3, RFC 4050 s3.3).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from connector.idp.xmldsig.canonical import (
    NAMESPACES,
    Element,
    Rendered,
    escape_attribute,
    render_around,
)

_DS = NAMESPACES["ds"]
_EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_RSA = f"{_MORE}rsa-sha256"
_ELLIPTIC = MappingProxyType(
    {
        "secp256r1": (f"{_MORE}ecdsa-sha256", ECDSA(SHA256())),
        "secp384r1": (f"{_MORE}ecdsa-sha384", ECDSA(SHA384())),
    }
)
_METHODS = MappingProxyType(
    {
        method: f'<ds:CanonicalizationMethod Algorithm="{_EXC_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>'
        for method in (_RSA, *(method for method, _ in _ELLIPTIC.values()))
    }
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
        private_key: RSA of 2048 bits or more, or on the curve P-256 or P-384.
        certificate: Its certificate, DER in base64 on one line, as metadata has it.

    """

    private_key: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)
    certificate: str

    @property
    def method(self) -> str:
        """Return the URI of how it signs."""
        if isinstance(self.private_key, RSAPrivateKey):
            return _RSA
        return _ELLIPTIC[self.private_key.curve.name][0]


def sign_octets(octets: bytes, key: SigningKey) -> tuple[str, bytes]:
    """Return how the key signs, as the URI that SigAlg has, and the signature of the octets.

    It goes into a query as base64 (Bindings section 3.4.4.1).
    """
    private_key = key.private_key
    if isinstance(private_key, RSAPrivateKey):
        return _RSA, private_key.sign(octets, PKCS1v15(), SHA256())
    method, algorithm = _ELLIPTIC[private_key.curve.name]
    size_bytes = (private_key.key_size + 7) // 8
    first, second = decode_dss_signature(private_key.sign(octets, algorithm))
    return method, first.to_bytes(size_bytes) + second.to_bytes(size_bytes)


def sign_enveloped(element: Element, key: SigningKey, position: int = 1) -> Rendered:
    """Return the element with its signature as the child at `position`.

    Args:
        element: Must have an ID and must not use the prefix "ds".
        key: Signs; its certificate goes into KeyInfo.
        position: SAML wants the signature right after the Issuer (Core section 3.2.2).

    """
    before, after = render_around(element, position)
    return sign_between(before, after, element.attributes["ID"], key)


def sign_between(before: str, after: str, element_id: str, key: SigningKey) -> Rendered:
    """Return an element with its signature at the seam of its two parts.

    Args:
        before: The canonical form of the element up to where the signature goes.
        after: The rest of it.
        element_id: Its ID.
        key: As for `sign_enveloped`.

    """
    digest = hashlib.sha256(f"{before}{after}".encode()).digest()
    signed_info = _signed_info(key.method, element_id, digest)
    # Standing alone, as it is signed, SignedInfo declares its prefix; inside Signature it does not.
    octets = f'<ds:SignedInfo xmlns:ds="{_DS}">{signed_info}</ds:SignedInfo>'.encode()
    value = b64encode(sign_octets(octets, key)[1]).decode()
    signature = (
        f'<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo>{signed_info}</ds:SignedInfo>'
        f"<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>"
        f"<ds:X509Certificate>{key.certificate}</ds:X509Certificate>"
        "</ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    return Rendered(f"{before}{signature}{after}")


def _signed_info(method: str, reference_id: str, digest: bytes) -> str:
    return (
        f'{_METHODS[method]}<ds:Reference URI="#{escape_attribute(reference_id)}">{_TRANSFORMS}'
        f"<ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
    )
