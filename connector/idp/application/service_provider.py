"""To whom we answer: service providers, and the applications that operators make of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.names import EMAIL_FORMAT, Binding
from connector.idp.policy.layers import NOTHING_ASKED, Policies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from cryptography.x509 import Certificate

    from connector.idp.application.attribute import AttributeRule
    from connector.idp.xmlenc.method import Recipient


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


@dataclass(frozen=True, slots=True)
class Encryption:
    """A key for encryption in somebody's metadata, and what comes of it.

    Attributes:
        recipient: For whom is encrypted; None if we cannot.
        is_meant: The metadata says that the key is for encryption, not that it is for anything.
        problem: Why we cannot, in words; "" if we can.

    """

    recipient: Recipient | None
    is_meant: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RequestedAttribute:
    """An attribute that a service provider asks for (Metadata section 2.4.4.2).

    Attributes:
        name: As it is to be called.
        name_format: URI, or "" if it does not say.
        friendly_name: For people; "" for none.
        is_required: It does without no better than we do without a name.

    """

    name: str
    name_format: str = ""
    friendly_name: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class AttributeService:
    """A set of attributes that a service provider asks for (Metadata section 2.4.4.1).

    Attributes:
        index: What a request may name.
        is_default: It holds for requests that name none.
        requested: The attributes.

    """

    index: int
    is_default: bool | None
    requested: tuple[RequestedAttribute, ...]


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
        other_entity_ids: Names that its requests may carry instead; the answer then goes by them.
        wants_signed_assertions: A signed Response is not enough for it.
        encryption: Its key for encryption, if it has one.
        attribute_services: What it asks for.
        display_name: What it calls itself, for people; "" if it does not say.
        valid_until: When this description ends, or None.
        cache_duration: After what time it is to be read anew, or None.

    """

    entity_id: str
    acs_endpoints: tuple[AcsEndpoint, ...]
    certificates: tuple[Certificate, ...] = ()
    signs_requests: bool = False
    name_id_formats: tuple[str, ...] = ()
    slo_endpoints: tuple[SloEndpoint, ...] = ()
    other_entity_ids: tuple[str, ...] = ()
    wants_signed_assertions: bool = False
    encryption: Encryption | None = None
    attribute_services: tuple[AttributeService, ...] = ()
    display_name: str = ""
    valid_until: datetime | None = None
    cache_duration: timedelta | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return every entity ID that its requests may carry."""
        return (self.entity_id, *self.other_entity_ids)

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
        """Return the registered address that a request names by URL or index, or None.

        One that names both (Core section 3.4.1 forbids it) must mean the same address by both.
        """
        if not url and index is None:
            return self.default_acs()
        for acs in self.acs_endpoints:
            is_named = url in {"", acs.url} and index in {None, acs.index}
            if is_named and acs.binding == Binding.POST:
                return acs
        return None

    def attribute_service(self, index: int | None) -> AttributeService | None:
        """Return what it asks for in a request that names that index; None for nothing."""
        services = self.attribute_services
        if index is not None:
            return next((each for each in services if each.index == index), None)
        for wanted in (True, None, False):
            for each in services:
                if each.is_default is wanted:
                    return each
        return None

    def has_ended(self, now: datetime) -> bool:
        """Return whether its description is valid no more (Metadata section 2.3.1)."""
        return self.valid_until is not None and self.valid_until <= now

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
        name_id: SCIM attribute path whose value becomes the NameID; "" for what is usual.
        name_id_format: URI of its format.
        attributes: What is said of people besides.
        requested: What is said besides because a request's AttributeConsumingServiceIndex asks for
            it, by that index; None is the key of those that name none.
        portal_acs_url: Where an answer that nobody asked for goes; "" for the default address.
        relay_state: What goes with an answer that nobody asked for; "" for nothing.
        login_url: Where the portal sends people instead; "" if they are answered unasked.
        signs_response: Whether the Response is signed.
        signs_assertion: Whether the assertion in it is.
        recipient: For whom the assertion is encrypted, or None.
        tolerated_contexts: Classes that may be asked for although nobody is authenticated that way;
            the answer says what was really done.
        steps: What is to be done on the other side, as lines of text; empty for what is usual.
        target: Name of the target that holds the application's accounts; "" if none is ours.

    """

    name: str
    slug: str
    service_provider: ServiceProvider
    groups: frozenset[str] = frozenset()
    admits_everybody: bool = False
    name_id: str = ""
    name_id_format: str = EMAIL_FORMAT
    attributes: tuple[AttributeRule, ...] = ()
    requested: Mapping[int | None, tuple[AttributeRule, ...]] | None = None
    portal_acs_url: str = ""
    relay_state: str = ""
    login_url: str = ""
    signs_response: bool = True
    signs_assertion: bool = True
    recipient: Recipient | None = None
    tolerated_contexts: frozenset[str] = frozenset()
    steps: tuple[str, ...] = ()
    target: str = ""

    def attributes_for(self, index: int | None) -> tuple[AttributeRule, ...]:
        """Return what is said of people in answer to a request with that index."""
        return self.attributes + (self.requested.get(index, ()) if self.requested else ())

    @property
    def reads_groups(self) -> bool:
        """Return whether an attribute is made of the person's groups."""
        return any(rule.reads_groups for rule in self.attributes)


@dataclass(frozen=True, slots=True)
class Registry:
    """Every application, and what is asked of people there, as of one moment.

    Attributes:
        applications: In the operator's order.
        policies: What is asked.

    """

    applications: tuple[Application, ...] = ()
    policies: Policies = NOTHING_ASKED

    def by_slug(self, slug: str) -> Application | None:
        """Return the application of that slug."""
        return next((each for each in self.applications if each.slug == slug), None)

    def of_issuer(self, entity_id: str) -> tuple[Application, ...]:
        """Return the applications of a service provider; some vendors have one for several."""
        return tuple(each for each in self.applications if entity_id in each.service_provider.names)


def to_slug(name: str) -> str:
    """Return a name as it may stand in a URL.

    >>> to_slug("Mimecast Personal Portal"), to_slug("Größe & Co.")
    ('mimecast-personal-portal', 'grosse-co')

    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "application"
