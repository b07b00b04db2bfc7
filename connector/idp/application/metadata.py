"""Read the metadata of a service provider (SAML Metadata section 2.4.4).

A service provider's metadata is taken from the operator, by file or https URL, so its signature is
not asked for; comments in it are dropped before anything is read. Every fault is said at once.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from connector.errors import ConfigurationError, Fault
from connector.idp.application.service_provider import AcsEndpoint, ServiceProvider, SloEndpoint
from connector.idp.moment import to_moment
from connector.idp.names import PROTOCOL, Binding
from connector.idp.xmldsig import (
    XmlLimits,
    XmlRefused,
    parse_xml,
    text_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_LIMITS = XmlLimits(size_bytes=1_048_576, keeps_out_comments=False)


def parse_service_provider(document: bytes, origin: str, now: datetime) -> ServiceProvider:
    """Return the service provider that a metadata document describes.

    Args:
        document: The XML.
        origin: File name or URL, for the faults.
        now: For validUntil.

    Raises:
        ConfigurationError: with every fault found.

    """
    try:
        root = parse_xml(document, _LIMITS)
    except XmlRefused as error:
        raise ConfigurationError([Fault(origin, "", str(error))]) from error
    faults: list[Fault] = []
    reader = _Reader(origin, faults)
    entity, role = reader.find_role(root)
    found = reader.read(entity, role, now) if entity is not None and role is not None else None
    if faults or found is None:
        raise ConfigurationError(faults)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one document; what is wrong goes into `faults`."""

    origin: str
    faults: list[Fault]

    def fault(self, key: str, problem: str) -> None:
        self.faults.append(Fault(self.origin, key, problem))

    def find_role(
        self, root: etree._Element
    ) -> tuple[etree._Element | None, etree._Element | None]:
        """Return the one entity that is a service provider, and that role of it."""
        entities = [root] if root.tag == f"{_MD}EntityDescriptor" else list(root)
        found = [
            (entity, role)
            for entity in entities
            if entity.tag == f"{_MD}EntityDescriptor"
            for role in entity.findall(f"{_MD}SPSSODescriptor")
            if PROTOCOL in role.get("protocolSupportEnumeration", "").split()
        ]
        if len(found) == 1:
            return found[0]
        problem = f"must describe one SAML 2.0 service provider, describes {len(found)}"
        self.fault("SPSSODescriptor", problem)
        return None, None

    def read(self, entity: etree._Element, role: etree._Element, now: datetime) -> ServiceProvider:
        """Return what entity and role say."""
        entity_id = entity.get("entityID", "").strip()
        if not entity_id or len(entity_id) > 1024:
            self.fault("EntityDescriptor.entityID", "must be there, with at most 1024 characters")
        for part in (entity, role):
            self.check_valid_until(part, now)
        certificates = self.read_certificates(role)
        signs_requests = role.get("AuthnRequestsSigned", "false").strip() in {"true", "1"}
        if signs_requests and not certificates:
            problem = "says that requests are signed, and has no certificate to check them by"
            self.fault("SPSSODescriptor.KeyDescriptor", problem)
        return ServiceProvider(
            entity_id,
            self.read_acs_endpoints(role),
            certificates,
            signs_requests,
            tuple(text_of(each) for each in role.findall(f"{_MD}NameIDFormat")),
            self.read_slo_endpoints(role),
        )

    def check_valid_until(self, part: etree._Element, now: datetime) -> None:
        text = part.get("validUntil")
        if text is None:
            return
        try:
            valid_until = to_moment(text)
        except ValueError:
            self.fault("validUntil", f"is not a time: {text!r}")
            return
        if valid_until <= now:
            self.fault("validUntil", f"the metadata ended at {text}")

    def read_acs_endpoints(self, role: etree._Element) -> tuple[AcsEndpoint, ...]:
        found = [
            acs
            for number, element in enumerate(role.findall(f"{_MD}AssertionConsumerService"))
            if (acs := self.read_acs(element, f"AssertionConsumerService[{number}]")) is not None
        ]
        if not any(acs.binding == Binding.POST for acs in found):
            problem = "must name an address for the HTTP-POST binding"
            self.fault("SPSSODescriptor.AssertionConsumerService", problem)
        return tuple(found)

    def read_acs(self, element: etree._Element, key: str) -> AcsEndpoint | None:
        url = element.get("Location", "").strip()
        index = element.get("index", "0").strip()
        default = element.get("isDefault")
        if not is_web_address(url):
            self.fault(f"{key}.Location", f"must be an http or https URL, not {url!r}")
        if not is_index(index):
            self.fault(f"{key}.index", f"must be a number, not {index!r}")
            return None
        return AcsEndpoint(
            url,
            element.get("Binding", "").strip(),
            int(index),
            None if default is None else default.strip() in {"true", "1"},
        )

    def read_slo_endpoints(self, role: etree._Element) -> tuple[SloEndpoint, ...]:
        found = []
        for number, element in enumerate(role.findall(f"{_MD}SingleLogoutService")):
            binding, key = element.get("Binding", "").strip(), f"SingleLogoutService[{number}]"
            if binding not in set(Binding):
                continue  # such as artifacts: nothing that we would send
            url, response_url = (
                element.get(name, "").strip() for name in ("Location", "ResponseLocation")
            )
            if not is_web_address(url):
                self.fault(f"{key}.Location", f"must be an http or https URL, not {url!r}")
            if response_url and not is_web_address(response_url):
                words = f"must be an http or https URL, not {response_url!r}"
                self.fault(f"{key}.ResponseLocation", words)
            found.append(SloEndpoint(url, binding, response_url))
        return tuple(found)

    def read_certificates(self, role: etree._Element) -> tuple[x509.Certificate, ...]:
        found = []
        for descriptor in role.findall(f"{_MD}KeyDescriptor"):
            if descriptor.get("use", "signing") != "signing":
                continue
            for element in descriptor.iterfind(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate"):
                try:
                    der = b64decode("".join(text_of(element).split()), validate=True)
                    certificate = x509.load_der_x509_certificate(der)
                    certificate.public_key()
                except (ValueError, Base64Error, UnsupportedAlgorithm) as error:
                    self.fault("KeyDescriptor", f"holds a certificate that is none: {error}")
                else:
                    found.append(certificate)
        return tuple(found)


def is_index(text: str) -> bool:
    """Return whether it is an xs:unsignedShort, as indexes are (Metadata section 2.2.3).

    >>> is_index("7"), is_index("-1"), is_index("123456")
    (True, False, False)

    """
    return re.fullmatch("[0-9]{1,5}", text) is not None


def is_web_address(url: str) -> bool:
    """Return whether a browser can be sent there, and nowhere else than it looks like.

    >>> is_web_address("https://app.example/acs"), is_web_address("javascript:alert(1)")
    (True, False)

    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    has_odd_characters = any(char <= " " or char == "\\" for char in url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_odd_characters
