"""What went wrong with a connection, in words for an operator."""

from __future__ import annotations

import socket
import ssl

from connector.source.ldap_library import exceptions


def to_words(error: Exception) -> str:
    """Return why something failed, on one line, without what was sent."""
    match error:
        case ssl.SSLCertVerificationError():
            words = f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            words = f"TLS failed: {error.reason or error}"
        case socket.gaierror():
            words = "its name cannot be resolved"
        case TimeoutError():
            words = "it did not answer in time"
        case OSError():
            words = (error.strerror or str(error)).lower()
        case exceptions.LDAPOperationResult():
            return one_line(error.description, error.message)
        case _:
            words = str(error)
    return one_line(words)


def one_line(*parts: str) -> str:
    """Return texts of a server as one line; some end in a NUL."""
    words = (" ".join(part.replace("\0", "").split()) for part in parts)
    return ": ".join(part for part in words if part).rstrip(". ")
