"""Describe ourselves to another identity provider: a service provider (Metadata section 2.4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.moment import to_timestamp
from connector.idp.names import EMAIL_FORMAT, PROTOCOL, UNSPECIFIED_FORMAT, Binding
from connector.idp.xmldsig import Element, SigningKey, sign_enveloped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# What `xmlenc.decrypt` takes, the best first.
_ENCRYPTION_METHODS = (
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
)


@dataclass(frozen=True, slots=True)
class SpDescription:
    """What an upstream has to know of us.

    Attributes:
        entity_id: What it knows us by.
        acs_url: Where we take Responses, by post.
        encryption_certificate: DER in base64 on one line; "" if nothing need be encrypted.
        signs_requests: Whether all that we ask is signed.

    """

    entity_id: str
    acs_url: str
    encryption_certificate: str = ""
    signs_requests: bool = True


def build_sp_metadata(
    ours: SpDescription,
    keys: Sequence[SigningKey],
    *,
    valid_until: datetime,
    document_id: str,
) -> bytes:
    """Return our metadata as a service provider, signed by the first key.

    Args:
        ours: What it says.
        keys: All that may sign now or soon, the active one first.
        valid_until: When those who read it must read it anew at the latest.
        document_id: An XML ID, fresh for each document.

    """
    descriptors = [_key_descriptor("signing", key.certificate) for key in keys]
    if ours.encryption_certificate:
        descriptors.append(
            _key_descriptor("encryption", ours.encryption_certificate, _ENCRYPTION_METHODS)
        )
    formats = tuple(
        Element("md:NameIDFormat", {}, (each,)) for each in (EMAIL_FORMAT, UNSPECIFIED_FORMAT)
    )
    consumer = Element(
        "md:AssertionConsumerService",
        {"Binding": Binding.POST, "Location": ours.acs_url, "index": "0", "isDefault": "true"},
    )
    role = Element(
        "md:SPSSODescriptor",
        {
            "AuthnRequestsSigned": "true" if ours.signs_requests else "false",
            "WantAssertionsSigned": "true",
            "protocolSupportEnumeration": PROTOCOL,
        },
        (*descriptors, *formats, consumer),
    )
    entity = Element(
        "md:EntityDescriptor",
        {
            "ID": document_id,
            "cacheDuration": "P1D",
            "entityID": ours.entity_id,
            "validUntil": to_timestamp(valid_until),
        },
        (role,),
    )
    return sign_enveloped(entity, keys[0], position=0).encode()


def _key_descriptor(use: str, certificate: str, methods: Sequence[str] = ()) -> Element:
    held = Element("ds:X509Certificate", {}, (certificate,))
    key_info = Element("ds:KeyInfo", {}, (Element("ds:X509Data", {}, (held,)),))
    listed = (Element("md:EncryptionMethod", {"Algorithm": each}) for each in methods)
    return Element("md:KeyDescriptor", {"use": use}, (key_info, *listed))
