"""The keys of [idp] and [[application]]."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from connector.settings.branding import Colour, PictureField
from connector.settings.policy import GroupPolicySettings, PolicySettings
from connector.settings.section import Groups, HttpsUrl, Name, Section
from connector.settings.values import (
    Duration,
    FileField,
    Listen,
    ListenField,
    MetadataOrigin,
    PathField,
    SecretField,
    TextsField,
)

Language = Literal["auto", "en", "de"]


class TlsSettings(Section):
    """The certificate that browsers see."""

    cert: FileField
    key: FileField


class IdpSettings(Section):
    """The identity provider.

    Attributes:
        base_url: Where browsers reach us, without a path.
        listen: Address and port.
        workers: Processes that sign people in; about as many as there are processors.
        tls: Certificate and key; false behind a proxy that ends TLS.
        trusted_proxies: Addresses whose X-Forwarded-For is believed.
        entity_id: Our SAML entity ID; default: base_url + "/saml/metadata".
        keys: Folder of the sealing key and the form secret; made at the first start.
        seal: The key that seals private keys in the state; default: a file in `keys`.
        ca_file: Certificates that those of applications may lead to, besides the system's: for
            their metadata, and when they are told by SOAP that somebody is signed out.
        organization: Name on the pages.
        help_url: Where the help desk is; a link on every page.
        logo: A picture in place of that name: SVG or PNG, 256 kB at most.
        logo_dark: The same for browsers that show dark pages.
        colour: Of buttons and links, "#rrggbb"; made darker or lighter where it could not be read.
        language: Of the pages; "auto": what the browser asks for, else English.
        session_lifetime: When a sign-on ends at the latest.
        session_idle: When it ends without use.
        assertion_lifetime: How long an assertion may be used.
        metadata_every: Time from one fetch of an application's metadata to the next.
        max_failures: Wrong passwords of one account before we ask no more, until none has come for
            the window; below the lockout threshold of Active Directory, so that nobody locks
            others out.
        max_failures_address: Wrong passwords from one address within the window.
        max_failures_overall: Wrong passwords of everybody within the window.
        failure_window: The window; not shorter than AD's "reset account lockout counter after".
        countries_file: A MaxMind file (.mmdb) that tells the countries of addresses.

    """

    base_url: HttpsUrl
    listen: ListenField = Listen("127.0.0.1", 8443)
    workers: int = Field(default=2, ge=1, le=64)
    tls: TlsSettings | Literal[False] = False
    trusted_proxies: tuple[str, ...] = ()
    entity_id: str = ""
    keys: PathField = Field(default="keys", validate_default=True)
    seal: SecretField | None = None
    ca_file: FileField | None = None
    organization: str = "Sign-on"
    help_url: str = ""
    logo: PictureField | None = None
    logo_dark: PictureField | None = None
    colour: Colour = ""
    language: Language = "auto"
    session_lifetime: Duration = timedelta(hours=12)
    session_idle: Duration = timedelta(hours=1)
    assertion_lifetime: Duration = timedelta(minutes=5)
    metadata_every: Duration = timedelta(hours=4)
    max_failures: int = Field(default=3, ge=1)
    max_failures_address: int = Field(default=30, ge=1)
    max_failures_overall: int = Field(default=3000, ge=1)
    failure_window: Duration = timedelta(minutes=30)
    countries_file: FileField | None = None

    @model_validator(mode="after")
    def _dark_beside_light(self) -> Self:
        if self.logo_dark is not None and self.logo is None:
            message = "logo_dark: only of use with logo"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _default_entity_id(self) -> Self:
        if not self.entity_id:
            object.__setattr__(self, "entity_id", f"{self.base_url}/saml/metadata")
        return self


class LinkSettings(Section):
    """Another site on the portal; nobody is signed in there.

    Attributes:
        name: On the tile.
        url: Where it is.
        groups: Distinguished names of the groups that see it; "*" for whoever is signed in.
            Omitted: nobody.

    """

    name: Name
    url: HttpsUrl
    groups: Groups = ()


class ApplicationSettings(Section):
    """One application that people sign in to.

    Attributes:
        name: On the pages and in the audit.
        metadata: The service provider's SAML metadata: a file, or an https URL.
        metadata_certificate: PEM file; the metadata must then be signed by one of its certificates.
        preset: Or: a known application, see `connector app presets`.
        region: For a preset: the vendor's region, such as "us".
        account_code: For a preset: the customer's code, such as "CUSA1A1".
        entity_id: With metadata of several: which one. With a preset: instead of its own. With
            `acs` alone: of a service provider without metadata.
        acs: Where the service provider takes Responses, the default address first. With metadata:
            which of its addresses is the default one.
        portal_acs: Where a Response goes that nobody asked for; default: as `acs`.
        groups: Distinguished names of the groups that may sign in; "*" for everybody active.
            Omitted: nobody.
        name_id: SCIM attribute path whose value becomes the NameID.
        name_id_format: URI of the NameID format.
        attribute_set: A set of attributes that is known by name, such as "oid".
        attributes: What is said of people, by SAML attribute name: a SCIM attribute path or a rule.
        target: Name of the target that holds the application's accounts. Who may sign in and has
            none there gets it before they are let in, and is named as they are there.
        relay_state: What goes with a Response that nobody asked for.
        login_url: Where our portal sends people instead, for applications that take no Response
            that they did not ask for.
        sign_response: Whether the Response is signed.
        sign_assertion: Whether the assertion in it is signed.
        encrypt: Whether the assertion is encrypted; "auto": if the metadata has a key meant for it.
        tolerated_contexts: Classes of authentication that may be asked for in vain.
        policy: Its layer of the policy.
        group_policy: Layers for members of some groups; the first that fits a person decides.

    """

    name: Name
    metadata: MetadataOrigin = ""
    metadata_certificate: FileField | None = None
    preset: str = ""
    region: str = ""
    account_code: str = ""
    entity_id: str = Field(default="", max_length=1024)
    acs: TextsField = ()
    portal_acs: str = ""
    groups: Groups = ()
    target: str = ""
    name_id: str = ""
    name_id_format: str = ""
    attribute_set: str = ""
    attributes: dict[str, Any] | None = None
    relay_state: str = Field(default="", max_length=2048)
    login_url: HttpsUrl = ""
    sign_response: bool = True
    sign_assertion: bool = True
    encrypt: Literal["auto", "always", "never"] = "auto"
    tolerated_contexts: TextsField = ()
    policy: PolicySettings | None = None
    group_policy: tuple[GroupPolicySettings, ...] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.metadata and self.preset:
            message = "needs either metadata (a file or an https URL) or preset"
            raise ValueError(message)
        if not self.metadata and not self.preset and not (self.entity_id and self.acs):
            message = "needs metadata (a file or an https URL), or preset, or entity_id and acs"
            raise ValueError(message)
        others = {"preset": ("region", "account_code"), "metadata": ("metadata_certificate",)}
        for origin, keys in others.items():
            idle = [key for key in keys if getattr(self, key)]
            if idle and not getattr(self, origin):
                message = f"{', '.join(idle)}: only of use with {origin}"
                raise ValueError(message)
        if not (self.sign_response or self.sign_assertion):
            message = "sign_response and sign_assertion cannot both be false"
            raise ValueError(message)
        return self
