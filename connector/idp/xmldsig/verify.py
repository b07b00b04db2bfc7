"""Verify signatures of others, by keys of their metadata only.

The shape is checked before the mathematics: one signature, a child of the root, with one reference
to the root and the two transforms that SAML allows (Core section 5.4). What is returned is what
was signed. A certificate here only carries a key, as the SAML metadata interoperability profile
has it: neither its issuer nor its dates are looked at.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from connector.idp.reason import Reason
from connector.idp.xmldsig.canonical import NAMESPACES
from connector.idp.xmldsig.parse import XmlRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

_DS = f"{{{NAMESPACES['ds']}}}"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_ENVELOPED = f"{NAMESPACES['ds']}enveloped-signature"
_CANONICAL = frozenset(
    {
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    }
)
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})

# With damaged signatures the library fails in all of these ways.
_REFUSALS = (
    SignXMLException,
    InvalidSignature,
    UnsupportedAlgorithm,
    etree.LxmlError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)


def verify_enveloped(
    root: etree._Element, certificates: Sequence[Certificate], *, signed_child: str = ""
) -> etree._Element:
    """Return the signed root element, parsed anew from exactly the bytes that were signed.

    Args:
        root: Of a document from `parse_xml`.
        certificates: The signer's, from metadata; any one of them will do.
        signed_child: Tag of children that may have signatures of their own, which are not looked
            at here; "" for none.

    Raises:
        XmlRefused: if the signature's shape or algorithm is not allowed, or no key verifies it.

    """
    _check_shape(root, signed_child)
    document = _without_key_info(root)
    for certificate in certificates:
        config = SignatureConfiguration(
            location="./",
            expect_references=1,
            signature_methods=_METHODS,
            digest_algorithms=_DIGESTS,
            verification_time=certificate.not_valid_before_utc,
        )
        try:
            result = XMLVerifier().verify(
                document, x509_cert=certificate, id_attribute="ID", expect_config=config
            )
        except _REFUSALS:
            continue
        signed = result.signed_xml if isinstance(result, VerifyResult) else None
        if signed is not None and (signed.tag, signed.get("ID")) == (root.tag, root.get("ID")):
            return signed
    raise XmlRefused(
        Reason.SIGNATURE_INVALID, "the signature does not verify by a key of the metadata"
    )


def _without_key_info(root: etree._Element) -> etree._Element:
    """Return a copy whose signature does not say by which key it was made: we know."""
    document = copy.deepcopy(root)
    for signature in document.findall(f"{_DS}Signature"):
        for key_info in signature.findall(f"{_DS}KeyInfo"):
            signature.remove(key_info)
    return document


def _check_shape(root: etree._Element, signed_child: str) -> None:
    """Refuse every arrangement but the one that SAML allows."""
    signatures = root.findall(f"{_DS}Signature")
    of_children = root.findall(f"{signed_child}/{_DS}Signature") if signed_child else []
    everywhere = sum(1 for _ in root.iter(f"{_DS}Signature"))
    if len(signatures) != 1 or everywhere != 1 + len(of_children):
        raise XmlRefused(Reason.SIGNATURE_MISPLACED, "not exactly one signature, at its place")
    if next(root.iter(f"{_DS}Object"), None) is not None:
        raise XmlRefused(Reason.SIGNATURE_MISPLACED, "a signature that carries objects")
    references = signatures[0].findall(f"{_DS}SignedInfo/{_DS}Reference")
    if len(references) != 1 or references[0].get("URI") != f"#{root.get('ID')}":
        raise XmlRefused(Reason.SIGNATURE_REFERENCE, "the signature does not refer to the document")
    named = [
        transform.get("Algorithm", "")
        for transform in references[0].findall(f"{_DS}Transforms/{_DS}Transform")
    ]
    if len(named) != 2 or named[0] != _ENVELOPED or named[1] not in _CANONICAL:
        raise XmlRefused(Reason.SIGNATURE_TRANSFORMS, "the signature uses transforms not allowed")


def verify_octets(
    octets: bytes, signature: bytes, algorithm: str, certificates: Sequence[Certificate]
) -> None:
    """Accept a signature over plain octets (Bindings section 3.4.4.1), or refuse.

    Args:
        octets: As they came over the wire.
        signature: Decoded from base64.
        algorithm: URI of SigAlg.
        certificates: The signer's, from metadata; any one of them will do.

    Raises:
        XmlRefused: if the algorithm is not allowed, or no key verifies the signature.

    """
    allowed = {
        f"{_MORE}rsa-sha256": SHA256(),
        f"{_MORE}rsa-sha384": SHA384(),
        f"{_MORE}rsa-sha512": SHA512(),
        f"{_MORE}ecdsa-sha256": SHA256(),
    }
    if algorithm not in allowed:
        raise XmlRefused(
            Reason.SIGNATURE_ALGORITHM, f"signature algorithm {algorithm} is not allowed"
        )
    is_elliptic = "ecdsa" in algorithm
    for certificate in certificates:
        key = certificate.public_key()
        try:
            if isinstance(key, rsa.RSAPublicKey) and not is_elliptic:
                key.verify(signature, octets, PKCS1v15(), allowed[algorithm])
                return
            if isinstance(key, ec.EllipticCurvePublicKey) and is_elliptic:
                key.verify(_to_der(signature, key), octets, ec.ECDSA(allowed[algorithm]))
                return
        except InvalidSignature:
            continue
    raise XmlRefused(
        Reason.SIGNATURE_INVALID, "the signature does not verify by a key of the metadata"
    )


def _to_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Return an ECDSA signature in DER; XML Signature has it as two numbers side by side."""
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return signature
    return utils.encode_dss_signature(
        int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
    )
