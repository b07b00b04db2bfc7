"""Read the metadata of a service provider (SAML Metadata section 2.4.4).

A service provider's metadata is taken from the operator, by file or https URL, so its signature is
asked for only where the operator gave a certificate; then nothing is read but what was signed.
Comments are dropped before anything is read. Every fault is said at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connector.errors import ConfigurationError, Fault
from connector.idp.application.metadata_keys import read_certificates, read_encryption
from connector.idp.application.service_provider import (
    AcsEndpoint,
    AttributeService,
    RequestedAttribute,
    ServiceProvider,
    SloEndpoint,
)
from connector.idp.moment import to_duration, to_moment
from connector.idp.names import PROTOCOL, Binding
from connector.idp.xmldsig import XmlLimits, XmlRefused, parse_xml, text_of, verify_enveloped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cryptography.x509 import Certificate
    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_UI = "{urn:oasis:names:tc:SAML:metadata:ui}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LIMITS = XmlLimits(size_bytes=1_048_576, keeps_out_comments=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which service provider of a document is read, and who must have signed the document.

    Attributes:
        entity_id: Its name; "" if there is only one.
        signers: Certificates; empty if nobody must have signed.

    """

    entity_id: str = ""
    signers: Sequence[Certificate] = ()


def parse_service_provider(
    document: bytes, origin: str, wanted: Wanted | None = None
) -> ServiceProvider:
    """Return the service provider that a metadata document describes, also one that has ended.

    Args:
        document: The XML.
        origin: File name or URL, for the faults.
        wanted: If the document must be signed, or may hold several.

    Raises:
        ConfigurationError: with every fault found.

    """
    wanted = wanted or Wanted()
    try:
        root = parse_xml(document, _LIMITS)
        if wanted.signers:
            root = verify_enveloped(root, wanted.signers)
    except XmlRefused as error:
        raise ConfigurationError([Fault(origin, "", str(error))]) from error
    faults: list[Fault] = []
    reader = _Reader(origin, faults)
    chain = reader.find_role(root, wanted.entity_id)
    found = reader.read(chain) if chain else None
    if faults or found is None:
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return found


def _roles(
    element: etree._Element, above: tuple[etree._Element, ...] = ()
) -> Iterator[tuple[etree._Element, ...]]:
    """Yield the way to each SAML 2.0 service provider: the elements from the root to its role.

    What any of them says of its validity holds for the role.
    """
    chain = (*above, element)
    if element.tag == f"{_MD}EntityDescriptor":
        for role in element.findall(f"{_MD}SPSSODescriptor"):
            if PROTOCOL in role.get("protocolSupportEnumeration", "").split():
                yield (*chain, role)
        return
    for child in element:
        if child.tag in {f"{_MD}EntityDescriptor", f"{_MD}EntitiesDescriptor"}:
            yield from _roles(child, chain)


def _entity_id(chain: tuple[etree._Element, ...]) -> str:
    return chain[-2].get("entityID", "").strip()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one document; what is wrong goes into `faults`."""

    origin: str
    faults: list[Fault]

    def fault(self, key: str, problem: str) -> None:
        self.faults.append(Fault(self.origin, key, problem))

    def find_role(self, root: etree._Element, entity_id: str) -> tuple[etree._Element, ...]:
        """Return the way to the one service provider that is meant."""
        every = list(_roles(root))
        found = [chain for chain in every if entity_id in {"", _entity_id(chain)}]
        if len(found) == 1:
            return found[0]
        if entity_id and every:
            problem = f"describes {len(found)} service providers with the entity ID {entity_id!r}"
        else:
            problem = f"must describe one SAML 2.0 service provider, describes {len(found)}"
        names = ", ".join(sorted({_entity_id(chain) for chain in every})[:10])
        hint = f"; name one by entity_id: {names}" if every else ""
        self.fault("SPSSODescriptor", f"{problem}{hint}")
        return ()

    def read(self, chain: tuple[etree._Element, ...]) -> ServiceProvider:
        """Return what a role says, and what those above it do."""
        role, entity_id = chain[-1], _entity_id(chain)
        if not entity_id or len(entity_id) > 1024:
            self.fault("EntityDescriptor.entityID", "must be there, with at most 1024 characters")
        certificates = read_certificates(role, "signing", self.key_fault)
        signs_requests = is_true(role.get("AuthnRequestsSigned"))
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
            wants_signed_assertions=is_true(role.get("WantAssertionsSigned")),
            encryption=read_encryption(role, self.key_fault),
            attribute_services=self.read_attribute_services(role),
            display_name=_display_name(chain),
            valid_until=self.read_least(chain, "validUntil", to_moment, "a time"),
            cache_duration=self.read_least(chain, "cacheDuration", to_duration, "a duration"),
        )

    def key_fault(self, problem: str) -> None:
        self.fault("SPSSODescriptor.KeyDescriptor", problem)

    def read_least(
        self, chain: tuple[etree._Element, ...], name: str, read: Callable[[str], Any], words: str
    ) -> Any | None:
        """Return the least value of an attribute that any element of the way has, or None."""
        found = []
        for element in chain:
            text = element.get(name)
            try:
                found += [] if text is None else [read(text)]
            except ValueError:
                self.fault(name, f"is not {words}: {text!r}")
        return min(found, default=None)

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
        if not is_web_address(url):
            self.fault(f"{key}.Location", f"must be an http or https URL, not {url!r}")
        index = self.read_index(element, key)
        if index is None:
            return None
        return AcsEndpoint(url, element.get("Binding", "").strip(), index, _is_default(element))

    def read_index(self, element: etree._Element, key: str) -> int | None:
        index = element.get("index", "0").strip()
        if not is_index(index):
            self.fault(f"{key}.index", f"must be a number, not {index!r}")
            return None
        return int(index)

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

    def read_attribute_services(self, role: etree._Element) -> tuple[AttributeService, ...]:
        found = []
        for number, element in enumerate(role.findall(f"{_MD}AttributeConsumingService")):
            index = self.read_index(element, f"AttributeConsumingService[{number}]")
            requested = tuple(
                RequestedAttribute(
                    each.get("Name", "").strip(),
                    each.get("NameFormat", "").strip(),
                    each.get("FriendlyName", "").strip(),
                    is_true(each.get("isRequired")),
                )
                for each in element.findall(f"{_MD}RequestedAttribute")
            )
            if index is not None:
                found.append(AttributeService(index, _is_default(element), requested))
        return tuple(found)


def _is_default(element: etree._Element) -> bool | None:
    default = element.get("isDefault")
    return None if default is None else is_true(default)


def _display_name(chain: tuple[etree._Element, ...]) -> str:
    """Return what it calls itself, in English if it does so in several languages."""
    role, entity = chain[-1], chain[-2]
    for found in (
        role.findall(f"{_MD}Extensions/{_UI}UIInfo/{_UI}DisplayName"),
        role.findall(f"{_MD}AttributeConsumingService/{_MD}ServiceName"),
        entity.findall(f"{_MD}Organization/{_MD}OrganizationDisplayName"),
    ):
        english = [each for each in found if each.get(_LANGUAGE, "").startswith("en")]
        for each in english or found:
            if (name := text_of(each)) and name.isprintable():
                return name[:100]
    return ""


def is_true(text: str | None) -> bool:
    """Return what an xs:boolean says; one that is left out says no."""
    return text is not None and text.strip() in {"true", "1"}


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
