"""To whom we answer: service providers, and the applications that operators make of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.idp.names import EMAIL_FORMAT, Binding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class AcsEndpoint:
    """An address at which a service provider takes Responses (Metadata section 2.4.4).

    Attributes:
        url: The address; the only thing an answer is ever sent to.
        binding: URI of the binding; we answer by HTTP-POST only.
        index: What a request may name instead of the URL.
        is_default: As the metadata says; None if it does not say.

    """

    url: str
    binding: str = Binding.POST
    index: int = 0
    is_default: bool | None = None


@dataclass(frozen=True, slots=True)
class SloEndpoint:
    """An address at which a service provider takes LogoutRequests (Metadata section 2.4.2).

    Attributes:
        url: The address; answers to its own requests go there too, unless it names another.
        binding: URI of the binding.
        response_url: Where it wants the answers; "" for `url`.

    """

    url: str
    binding: str
    response_url: str = ""


# By redirect first: it needs neither a script nor a button.
_FRONT_CHANNEL = (Binding.REDIRECT, Binding.POST)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """A SAML relying party, as its metadata or a preset describes it.

    Attributes:
        entity_id: Its name; the audience of every assertion for it.
        acs_endpoints: Where it takes Responses, in the order of the metadata.
        certificates: What it signs with.
        signs_requests: It says that all its requests are signed, so an unsigned one is not its.
        name_id_formats: What it says it takes, in its order.
        slo_endpoints: Where it takes part in single logout, in the order of the metadata.

    """

    entity_id: str
    acs_endpoints: tuple[AcsEndpoint, ...]
    certificates: tuple[Certificate, ...] = ()
    signs_requests: bool = False
    name_id_formats: tuple[str, ...] = ()
    slo_endpoints: tuple[SloEndpoint, ...] = ()

    def default_acs(self) -> AcsEndpoint:
        """Return where to answer if the request names no address (Metadata section 2.2.3)."""
        usable = [acs for acs in self.acs_endpoints if acs.binding == Binding.POST]
        for wanted in (True, None, False):
            for acs in usable:
                if acs.is_default is wanted:
                    return acs
        message = f"{self.entity_id} has no address for HTTP-POST"
        raise ValueError(message)

    def find_acs(self, url: str, index: int | None) -> AcsEndpoint | None:
        """Return the registered address that a request names by URL or index, or None."""
        if not url and index is None:
            return self.default_acs()
        for acs in self.acs_endpoints:
            is_named = acs.url == url if url else acs.index == index
            if is_named and acs.binding == Binding.POST:
                return acs
        return None

    def find_slo(self, *bindings: str) -> SloEndpoint | None:
        """Return its endpoint of the first of these bindings that it has, or None."""
        for binding in bindings:
            for endpoint in self.slo_endpoints:
                if endpoint.binding == binding:
                    return endpoint
        return None

    def front_slo(self, wanted: str = "") -> SloEndpoint | None:
        """Return its endpoint for what goes through the browser, of the wanted binding if it can.

        None if nothing can be sent there through a browser.
        """
        first = (wanted,) if wanted in _FRONT_CHANNEL else ()
        return self.find_slo(*first, *_FRONT_CHANNEL)


@dataclass(frozen=True, slots=True)
class Application:
    """A service provider with what the operator decided about it.

    Attributes:
        name: On the pages and in the audit.
        slug: In URLs and rows; unique.
        service_provider: To whom is answered.
        groups: Casefolded distinguished names of groups whose members may enter, nested included.
        admits_everybody: Whoever is active may enter; `groups` is then empty.
        name_id: SCIM attribute path whose value becomes the NameID.
        name_id_format: URI of its format.
        attributes: SAML attribute name to SCIM attribute path.
        portal_acs_url: Where an answer that nobody asked for goes; "" for the default address.
        target: Name of the target that holds the application's accounts; "" if none is ours.

    """

    name: str
    slug: str
    service_provider: ServiceProvider
    groups: frozenset[str] = frozenset()
    admits_everybody: bool = False
    name_id: str = "emails.value"
    name_id_format: str = EMAIL_FORMAT
    attributes: Mapping[str, str] = field(default_factory=dict)
    portal_acs_url: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every application, in the operator's order."""

    applications: tuple[Application, ...] = ()

    def by_slug(self, slug: str) -> Application | None:
        """Return the application of that slug."""
        return next((each for each in self.applications if each.slug == slug), None)

    def of_issuer(self, entity_id: str) -> tuple[Application, ...]:
        """Return the applications of a service provider; some vendors have one for several."""
        return tuple(
            each for each in self.applications if each.service_provider.entity_id == entity_id
        )


def to_slug(name: str) -> str:
    """Return a name as it may stand in a URL.

    >>> to_slug("Mimecast Personal Portal"), to_slug("Größe & Co.")
    ('mimecast-personal-portal', 'grosse-co')

    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "application"
