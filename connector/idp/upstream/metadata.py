"""Read the metadata of an identity provider (SAML Metadata section 2.4.3).

It says by which keys assertions are believed. So where the operator names the key that signs it,
nothing is read but what that key has signed. Every fault is said at once.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector.errors import ConfigurationError, Fault
from connector.idp.application.metadata import is_web_address
from connector.idp.moment import to_moment
from connector.idp.names import PROTOCOL, Binding
from connector.idp.upstream.identity_provider import IdentityProvider
from connector.idp.xmldsig import XmlLimits, XmlRefused, parse_xml, text_of, verify_enveloped

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_CERTIFICATE = "/".join(
    f"{{http://www.w3.org/2000/09/xmldsig#}}{name}"
    for name in ("KeyInfo", "X509Data", "X509Certificate")
)
# Comments are dropped before anything is read; what is signed does not cover them either.
_LIMITS = XmlLimits(size_bytes=1_048_576, keeps_out_comments=False)
_LEAST_RSA_BITS = 2048


def parse_identity_provider(
    document: bytes, origin: str, now: datetime, signed_by: x509.Certificate | None = None
) -> IdentityProvider:
    """Return the identity provider that a metadata document describes.

    Args:
        document: The XML.
        origin: File name or URL, for the faults.
        now: For validUntil.
        signed_by: Whose signature must be on the document; None: nobody's.

    Raises:
        ConfigurationError: with every fault found.

    """
    try:
        root = parse_xml(document, _LIMITS)
        if signed_by is not None:
            root = verify_enveloped(root, [signed_by])
    except XmlRefused as error:
        raise ConfigurationError([Fault(origin, "", str(error))]) from error
    faults: list[Fault] = []
    reader = _Reader(origin, now, faults)
    entity, role = reader.find_role(root)
    found = reader.read(root, entity, role) if entity is not None and role is not None else None
    if faults or found is None:
        raise ConfigurationError(faults)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one document; what is wrong goes into `faults`."""

    origin: str
    now: datetime
    faults: list[Fault]

    def fault(self, key: str, problem: str) -> None:
        self.faults.append(Fault(self.origin, key, problem))

    def find_role(
        self, root: etree._Element
    ) -> tuple[etree._Element | None, etree._Element | None]:
        """Return the one entity that is an identity provider, and that role of it."""
        entities = [root] if root.tag == f"{_MD}EntityDescriptor" else list(root)
        found = [
            (entity, role)
            for entity in entities
            if entity.tag == f"{_MD}EntityDescriptor"
            for role in entity.findall(f"{_MD}IDPSSODescriptor")
            if PROTOCOL in role.get("protocolSupportEnumeration", "").split()
        ]
        if len(found) == 1:
            return found[0]
        problem = f"must describe one SAML 2.0 identity provider, describes {len(found)}"
        self.fault("IDPSSODescriptor", problem)
        return None, None

    def read(
        self, root: etree._Element, entity: etree._Element, role: etree._Element
    ) -> IdentityProvider:
        """Return what entity and role say."""
        entity_id = entity.get("entityID", "").strip()
        if not entity_id or len(entity_id) > 1024:
            self.fault("EntityDescriptor.entityID", "must be there, with at most 1024 characters")
        for part in dict.fromkeys((root, entity, role)):
            self.check_valid_until(part)
        return IdentityProvider(
            entity_id,
            self.read_sso_urls(role),
            self.read_certificates(role),
            role.get("WantAuthnRequestsSigned", "false").strip() in {"true", "1"},
        )

    def check_valid_until(self, part: etree._Element) -> None:
        text = part.get("validUntil")
        if text is None:
            return
        try:
            if to_moment(text) <= self.now:
                self.fault("validUntil", f"the metadata ended at {text}")
        except ValueError:
            self.fault("validUntil", f"is not a time: {text!r}")

    def read_sso_urls(self, role: etree._Element) -> dict[Binding, str]:
        found: dict[Binding, str] = {}
        for element in role.findall(f"{_MD}SingleSignOnService"):
            binding, url = element.get("Binding", "").strip(), element.get("Location", "").strip()
            if binding not in {Binding.REDIRECT, Binding.POST}:
                continue
            if not (is_web_address(url) and url.isascii()):
                problem = f"must be an http or https URL, not {url!r}"
                self.fault("SingleSignOnService.Location", problem)
            found.setdefault(Binding(binding), url)
        if not found:
            problem = "must name an address for HTTP-Redirect or HTTP-POST"
            self.fault("IDPSSODescriptor.SingleSignOnService", problem)
        return found

    def read_certificates(self, role: etree._Element) -> tuple[x509.Certificate, ...]:
        found = []
        for descriptor in role.findall(f"{_MD}KeyDescriptor"):
            if descriptor.get("use", "signing") != "signing":
                continue
            for element in descriptor.iterfind(_CERTIFICATE):
                try:
                    der = b64decode("".join(text_of(element).split()), validate=True)
                    certificate = x509.load_der_x509_certificate(der)
                    self.check_key(certificate)
                except (ValueError, Base64Error, UnsupportedAlgorithm) as error:
                    self.fault("KeyDescriptor", f"holds a certificate that is none: {error}")
                else:
                    found.append(certificate)
        if not found:
            self.fault("IDPSSODescriptor.KeyDescriptor", "must hold a certificate for signatures")
        return tuple(dict.fromkeys(found))

    def check_key(self, certificate: x509.Certificate) -> None:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
            problem = f"holds an RSA key of {key.key_size} bits; {_LEAST_RSA_BITS} are the least"
            self.fault("KeyDescriptor", problem)
        elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            self.fault("KeyDescriptor", "holds a key that is neither RSA nor on a curve")
