"""Read the metadata of an identity provider (SAML Metadata section 2.4.3).

It says by which keys assertions are believed, so weak ones are faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector.errors import ConfigurationError
from connector.idp.application.metadata import is_true, is_web_address
from connector.idp.application.metadata_keys import read_certificates
from connector.idp.application.metadata_role import RoleReader, Wanted, open_document
from connector.idp.moment import to_duration, to_moment
from connector.idp.names import Binding
from connector.idp.upstream.identity_provider import IdentityProvider

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_LEAST_RSA_BITS = 2048


def parse_identity_provider(
    document: bytes, origin: str, wanted: Wanted | None = None
) -> IdentityProvider:
    """Return the identity provider that a metadata document describes, also one that has ended.

    Args:
        document: The XML.
        origin: File name or URL, for the faults.
        wanted: If the document must be signed, or may hold several.

    Raises:
        ConfigurationError: with every fault found.

    """
    wanted = wanted or Wanted()
    root = open_document(document, origin, wanted.signers)
    reader = _Reader(origin, [], "IDPSSODescriptor", "identity provider", "issuer")
    chain = reader.find_role(root, wanted.entity_id)
    found = reader.read(chain) if chain else None
    if reader.faults or found is None:
        raise ConfigurationError(list(dict.fromkeys(reader.faults)))
    return found


class _Reader(RoleReader):
    """Reads the role of an identity provider."""

    __slots__ = ()

    def read(self, chain: tuple[etree._Element, ...]) -> IdentityProvider:
        """Return what a role says, and what those above it do."""
        role = chain[-1]
        return IdentityProvider(
            self.read_entity_id(chain),
            self.read_sso_urls(role),
            self.read_signers(role),
            is_true(role.get("WantAuthnRequestsSigned")),
            valid_until=self.read_least(chain, "validUntil", to_moment, "a time"),
            cache_duration=self.read_least(chain, "cacheDuration", to_duration, "a duration"),
        )

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

    def read_signers(self, role: etree._Element) -> tuple[Certificate, ...]:
        found = read_certificates(role, "signing", self.key_fault)
        for certificate in found:
            key = certificate.public_key()
            if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
                problem = (
                    f"holds an RSA key of {key.key_size} bits; {_LEAST_RSA_BITS} are the least"
                )
                self.key_fault(problem)
            elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
                self.key_fault("holds a key that is neither RSA nor on a curve")
        if not found:
            self.key_fault("must hold a certificate for signatures")
        return tuple(dict.fromkeys(found))
