"""What an error Response says of a reason: status codes, and words (Core section 3.2.2.2). Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS = "urn:oasis:names:tc:SAML:2.0:status:"

# Who is at fault by the first level, the service provider or we; and what it is by the second.
_CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        Reason.PASSIVE_WITHOUT_SESSION: ("Responder", "NoPassive"),
        Reason.AUTHN_CONTEXT_UNSUPPORTED: ("Responder", "NoAuthnContext"),
        Reason.NAME_ID_UNSUPPORTED: ("Requester", "InvalidNameIDPolicy"),
        Reason.SUBJECT_UNSUPPORTED: ("Requester", "RequestUnsupported"),
        Reason.OTHER_SUBJECT: ("Responder", "AuthnFailed"),
        Reason.UPSTREAM_NO_PASSIVE: ("Responder", "NoPassive"),
        Reason.UPSTREAM_AUTHN_FAILED: ("Responder", "AuthnFailed"),
    }
)
# For those who read the service provider's log. Nothing that it could not find out by itself.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Reason.PASSIVE_WITHOUT_SESSION: "Nobody is signed in, and nobody may be asked.",
        Reason.AUTHN_CONTEXT_UNSUPPORTED: "Nobody is authenticated here as RequestedAuthnContext"
        " asks for.",
        Reason.NAME_ID_UNSUPPORTED: "Nobody can be named as NameIDPolicy asks for.",
        Reason.SUBJECT_UNSUPPORTED: "The Subject of the request cannot be understood.",
        Reason.NOT_PROVISIONED: "The person's account is not ready yet.",
        Reason.UPSTREAM_NO_PASSIVE: "Nobody is signed in, and nobody may be asked.",
        Reason.UPSTREAM_AUTHN_FAILED: "Nobody could be authenticated.",
        Reason.OTHER_SUBJECT: "Somebody else than the Subject of the request is signed in.",
    }
)
_DENIED = "The person may not use this application."


def to_status(reason: str) -> tuple[str, str]:
    """Return the status codes, of the first and the second level."""
    first, second = _CODES.get(reason, ("Responder", "RequestDenied"))
    return f"{STATUS}{first}", f"{STATUS}{second}"


def to_words(reason: str) -> str:
    """Return the StatusMessage; of all that is about a person, one and the same."""
    return _WORDS.get(reason, _DENIED)
