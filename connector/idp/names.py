"""The URIs of SAML that more than one file needs (Core section 8, Bindings section 3)."""

from __future__ import annotations

from enum import StrEnum

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"

EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
UNSPECIFIED_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
PERSISTENT_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
NAME_ID_FORMATS = (EMAIL_FORMAT, UNSPECIFIED_FORMAT, PERSISTENT_FORMAT, TRANSIENT_FORMAT)

UNSPECIFIED_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
# Why a logout was asked for (Core section 3.7.3).
LOGOUT_BY_USER = "urn:oasis:names:tc:SAML:2.0:logout:user"
LOGOUT_BY_ADMIN = "urn:oasis:names:tc:SAML:2.0:logout:admin"

PASSWORD_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


class Binding(StrEnum):
    """How a message travels (Bindings section 3)."""

    REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
    POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"


class MessageKind(StrEnum):
    """What a message is, as its field is called (Bindings sections 3.4.4 and 3.5.4)."""

    REQUEST = "SAMLRequest"
    RESPONSE = "SAMLResponse"
