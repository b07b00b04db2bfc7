"""Write our own metadata (SAML Metadata section 2.4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.moment import to_timestamp
from connector.idp.names import NAME_ID_FORMATS, PROTOCOL, Binding
from connector.idp.xmldsig import Element, SigningKey, sign_enveloped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from connector.idp.endpoints import IdpEndpoints


def build_metadata(
    endpoints: IdpEndpoints,
    key: SigningKey,
    certificates: Iterable[str],
    *,
    valid_until: datetime,
    document_id: str,
) -> bytes:
    """Return our metadata, signed.

    Args:
        endpoints: Our addresses.
        key: Signs.
        certificates: Of all keys that may sign now or soon, the present one's first; DER in base64.
        valid_until: When those who read it must read it anew at the latest.
        document_id: An XML ID, fresh for each document.

    """
    single_sign_on = tuple(
        Element("md:SingleSignOnService", {"Binding": binding, "Location": endpoints.sso_url})
        for binding in (Binding.REDIRECT, Binding.POST)
    )
    # SOAP is served there too, and not announced: see DECISIONS.md, "SOAP is not announced".
    single_logout = tuple(
        Element("md:SingleLogoutService", {"Binding": binding, "Location": endpoints.slo_url})
        for binding in (Binding.REDIRECT, Binding.POST)
    )
    formats = tuple(Element("md:NameIDFormat", {}, (each,)) for each in NAME_ID_FORMATS)
    role = Element(
        "md:IDPSSODescriptor",
        {"WantAuthnRequestsSigned": "false", "protocolSupportEnumeration": PROTOCOL},
        (*map(_key_descriptor, certificates), *single_logout, *formats, *single_sign_on),
    )
    entity = Element(
        "md:EntityDescriptor",
        {
            "ID": document_id,
            "cacheDuration": "P1D",
            "entityID": endpoints.entity_id,
            "validUntil": to_timestamp(valid_until),
        },
        (role,),
    )
    return sign_enveloped(entity, key, position=0).encode()


def _key_descriptor(certificate: str) -> Element:
    inner = Element("ds:X509Certificate", {}, (certificate,))
    key_info = Element("ds:KeyInfo", {}, (Element("ds:X509Data", {}, (inner,)),))
    return Element("md:KeyDescriptor", {"use": "signing"}, (key_info,))
