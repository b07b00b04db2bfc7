"""Read the metadata of a service provider (SAML Metadata section 2.4.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector.errors import ConfigurationError
from connector.idp.application.metadata_keys import read_certificates, read_encryption
from connector.idp.application.metadata_role import RoleReader, Wanted, open_document
from connector.idp.application.service_provider import (
    AcsEndpoint,
    AttributeService,
    RequestedAttribute,
    ServiceProvider,
    SloEndpoint,
)
from connector.idp.moment import to_duration, to_moment
from connector.idp.names import Binding
from connector.idp.xmldsig import text_of

if TYPE_CHECKING:
    from lxml import etree

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_UI = "{urn:oasis:names:tc:SAML:metadata:ui}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


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
    root = open_document(document, origin, wanted.signers)
    reader = _Reader(origin, [], "SPSSODescriptor", "service provider", "entity_id")
    chain = reader.find_role(root, wanted.entity_id)
    found = reader.read(chain) if chain else None
    if reader.faults or found is None:
        raise ConfigurationError(list(dict.fromkeys(reader.faults)))
    return found


class _Reader(RoleReader):
    """Reads the role of a service provider."""

    __slots__ = ()

    def read(self, chain: tuple[etree._Element, ...]) -> ServiceProvider:
        """Return what a role says, and what those above it do."""
        role, entity_id = chain[-1], self.read_entity_id(chain)
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
