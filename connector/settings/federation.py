"""The keys of [[upstream]] and [[route]]: who else may say who somebody is, and for whom."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from connector.settings.section import Name, Section
from connector.settings.values import FileField, MetadataOrigin, Network

AD = "ad"
"""The source of authentication that is always there: the directory's own passwords."""


def _domain(value: str) -> str:
    """Accept the domain of an e-mail address, casefolded."""
    domain = value.strip().casefold()
    is_plain = all(label and not label.startswith("-") for label in domain.split("."))
    if not is_plain or "." not in domain or not domain.replace(".", "").replace("-", "").isalnum():
        message = f'must be a domain such as "partner.example", not {value!r}'
        raise ValueError(message)
    return domain


Domain = Annotated[str, AfterValidator(_domain)]


class MatchSettings(Section):
    """Whom an upstream's assertion is about.

    Attributes:
        value: What of the assertion names the person: "NameID", or the Name of an attribute.
        equals: Which of the person's login names it must be: "email" for the primary address,
            "bind" for the one that passwords are checked by, "names" for any of them.

    """

    value: Name = "NameID"
    equals: Literal["email", "bind", "names"] = "email"


class UpstreamSettings(Section):
    """Another SAML identity provider that we believe, for the people of some domains.

    Attributes:
        name: In routes, on the pages and in the audit.
        metadata: Its SAML metadata: a file, or an https URL.
        metadata_certificate: PEM file; the metadata must then be signed by a key of it.
        issuer: Its entity ID, where the metadata describe several.
        entity_id: What it knows us by; default: base_url + "/saml/upstream/metadata".
        domains: E-mail domains of the people whom it may vouch for.
        match: Whom an assertion is about.
        require_encryption: Refuse assertions that are not encrypted.
        allow_unsolicited: Take assertions that we did not ask for.
        authn_context: URIs of the AuthnContext classes to ask for; its answer must be of one.
        sign_requests: Sign what we ask.

    """

    name: Name
    metadata: MetadataOrigin
    metadata_certificate: FileField | None = None
    issuer: str = ""
    entity_id: str = ""
    domains: tuple[Domain, ...] = Field(min_length=1)
    match: MatchSettings = MatchSettings()
    require_encryption: bool = False
    allow_unsolicited: bool = False
    authn_context: tuple[Name, ...] = ()
    sign_requests: bool = True

    @model_validator(mode="after")
    def _distinguishable(self) -> Self:
        if self.name.casefold() == AD:
            message = f'name must not be "{AD}": that is Active Directory'
            raise ValueError(message)
        if not self.metadata:
            message = "metadata must be a file or an https URL"
            raise ValueError(message)
        return self


class RouteSettings(Section):
    """One rule: for whom a source of authentication answers. The first that fits decides.

    Attributes:
        domains: E-mail domains; omitted: any.
        applications: Names of applications; omitted: any.
        networks: Where the browser is; omitted: anywhere.
        source: "ad", or the name of an upstream.

    """

    domains: tuple[Domain, ...] | None = Field(default=None, min_length=1)
    applications: tuple[Name, ...] | None = Field(default=None, min_length=1)
    networks: tuple[Network, ...] | None = Field(default=None, min_length=1)
    source: Name
