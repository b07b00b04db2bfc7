"""Whom we believe besides our own directory, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.names import Binding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from cryptography.x509 import Certificate

NAME_ID = "NameID"
"""What `Match.value` says for the name in the Subject, instead of an attribute."""


def key_name(slug: str) -> str:
    """Return what the signing keys call the upstream of a slug; no application is called so."""
    return f"upstream/{slug}"


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Another SAML identity provider, as its metadata describes it (Metadata section 2.4.3).

    Attributes:
        entity_id: Its name; the issuer of every answer of it.
        sso_urls: Where it takes AuthnRequests, by binding; at least one of redirect and post.
        certificates: What it signs with; at least one.
        wants_signed_requests: It says that it takes no others.
        valid_until: When its metadata ends, or None.
        cache_duration: How long its metadata should be kept at most, or None.

    """

    entity_id: str
    sso_urls: Mapping[Binding, str]
    certificates: tuple[Certificate, ...]
    wants_signed_requests: bool = False
    valid_until: datetime | None = None
    cache_duration: timedelta | None = None

    def has_ended(self, now: datetime) -> bool:
        """Return whether its description is valid no more (Metadata section 2.3.1)."""
        return self.valid_until is not None and self.valid_until <= now

    def door(self) -> tuple[Binding, str]:
        """Return by which binding it is asked, and where: by redirect if it takes that."""
        binding = Binding.REDIRECT if Binding.REDIRECT in self.sso_urls else Binding.POST
        return binding, self.sso_urls[binding]


@dataclass(frozen=True, slots=True)
class Match:
    """Whom an assertion is about.

    Attributes:
        value: `NAME_ID`, or the Name of the attribute that names the person.
        equals: Which of the person's login names it must be: "email", "bind" or "names".

    """

    value: str = NAME_ID
    equals: str = "email"


@dataclass(frozen=True, slots=True)
class Upstream:
    """An identity provider with what the operator decided about it.

    Attributes:
        name: In routes, on the pages and in the audit; unique.
        slug: In the URL of our metadata for it.
        provider: Who it is.
        entity_id: What it knows us by; the audience of every assertion that it makes for us.
        domains: E-mail domains of the people whom it may vouch for, casefolded.
        match: Whom an assertion is about.
        requires_encryption: Plain assertions are refused.
        allows_unsolicited: Assertions that we did not ask for are taken.
        authn_context: URIs of the AuthnContext classes that we ask for and insist on.
        signs_requests: We sign what we ask.

    """

    name: str
    slug: str
    provider: IdentityProvider
    entity_id: str
    domains: frozenset[str]
    match: Match = Match()
    requires_encryption: bool = False
    allows_unsolicited: bool = False
    authn_context: tuple[str, ...] = ()
    signs_requests: bool = True


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Every upstream, in the operator's order."""

    upstreams: tuple[Upstream, ...] = ()

    def by_name(self, name: str) -> Upstream | None:
        """Return the upstream of that name."""
        return next((each for each in self.upstreams if each.name == name), None)

    def by_slug(self, slug: str) -> Upstream | None:
        """Return the upstream of that slug."""
        return next((each for each in self.upstreams if each.slug == slug), None)

    def by_issuer(self, entity_id: str) -> Upstream | None:
        """Return the upstream whose entity ID that is."""
        return next((each for each in self.upstreams if each.provider.entity_id == entity_id), None)


class UpstreamShelf:
    """The upstreams as they are now: replaced whole while logins go on, and never changed.

    Safe from several threads, because a reference is read and written whole.
    """

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    def current(self) -> Upstreams:
        """Return them as they are now."""
        return self._upstreams

    def replace(self, upstreams: Upstreams) -> bool:
        """Have everybody who asks from now on get these; return whether they are others."""
        is_other = upstreams != self._upstreams
        self._upstreams = upstreams
        return is_other
