"""The keys of [idp] and [[application]]."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from connector.settings.section import Groups, HttpsUrl, Name, Section
from connector.settings.values import (
    Duration,
    FileField,
    Listen,
    ListenField,
    MetadataOrigin,
    PathField,
    SecretField,
)

_ATTRIBUTES = {
    "mail": "emails.value",
    "givenName": "name.givenName",
    "sn": "name.familyName",
    "displayName": "displayName",
}


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
        session_lifetime: When a sign-on ends at the latest.
        session_idle: When it ends without use.
        assertion_lifetime: How long an assertion may be used.
        max_failures: Wrong passwords of one account within the window before we ask no more;
            below the lockout threshold of Active Directory, so that nobody locks others out.
        failure_window: The window; not shorter than AD's "reset account lockout counter after".

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
    session_lifetime: Duration = timedelta(hours=12)
    session_idle: Duration = timedelta(hours=1)
    assertion_lifetime: Duration = timedelta(minutes=5)
    max_failures: int = Field(default=3, ge=1)
    failure_window: Duration = timedelta(minutes=30)

    @model_validator(mode="after")
    def _default_entity_id(self) -> Self:
        if not self.entity_id:
            object.__setattr__(self, "entity_id", f"{self.base_url}/saml/metadata")
        return self


class ApplicationSettings(Section):
    """One application that people sign in to.

    Attributes:
        name: On the pages and in the audit.
        metadata: The service provider's SAML metadata: a file, or an https URL.
        preset: Or: a known application, see `connector app add --help`.
        region: For a preset: the vendor's region, such as "us".
        account_code: For a preset: the customer's code, such as "CUSA1A1".
        groups: Distinguished names of the groups that may sign in; "*" for everybody active.
            Omitted: nobody.
        name_id: SCIM attribute path whose value becomes the NameID.
        name_id_format: URI of the NameID format; default: emailAddress.
        attributes: SAML attribute name to SCIM attribute path.
        target: Name of the target that holds the application's accounts. Who may sign in and has
            none there gets it before they are let in, and is named as they are there.

    """

    name: Name
    metadata: MetadataOrigin = ""
    preset: str = ""
    region: str = ""
    account_code: str = ""
    groups: Groups = ()
    target: str = ""
    name_id: str = "emails.value"
    name_id_format: str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    attributes: dict[str, str] = Field(default=_ATTRIBUTES)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.metadata) == bool(self.preset):
            message = "needs either metadata (a file or an https URL) or preset"
            raise ValueError(message)
        if self.preset and not (self.region and self.account_code):
            message = f'preset "{self.preset}" also needs: region, account_code'
            raise ValueError(message)
        return self
