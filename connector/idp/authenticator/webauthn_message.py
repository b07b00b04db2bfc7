"""What a browser sends for a passkey, as values: read strictly, before anything is believed.

The JSON is that of `PublicKeyCredential.toJSON()` (WebAuthn Level 3, sections 5.1 and 5.8.1).
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from connector.errors import FactorRefused
from connector.idp.authenticator.plain_cbor import read_item
from connector.idp.reason import Reason

LONGEST_JSON: Final = 32_768
_LONGEST_ID: Final = 1023  # bytes; WebAuthn section 4, "credential ID"
_LONGEST_HANDLE: Final = 64
_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_HAS_CREDENTIAL, _HAS_EXTENSIONS = 0x40, 0x80
_HEAD: Final = 37  # hash of the host, flags, count


class _Malformed(ValueError):
    """What was sent is not of the form that the standard has."""


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """What an authenticator says, and signs (WebAuthn section 6.1).

    Attributes:
        raw: As it was signed.
        is_verified: Whether it has verified its user, who was present.
        is_backup_eligible: Whether the credential may be copied.
        is_backed_up: Whether it has been.

    """

    raw: bytes = field(repr=False)
    is_verified: bool
    is_backup_eligible: bool
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class ClientData:
    """What the browser says (WebAuthn section 5.8.1).

    Attributes:
        raw: As its hash was signed.
        kind: "webauthn.create" or "webauthn.get".
        challenge: What it was given.
        origin: Of the page that asked.
        is_framed: Whether that page was in a page of somebody else.

    """

    raw: bytes = field(repr=False)
    kind: str
    challenge: bytes = field(repr=False)
    origin: str
    is_framed: bool


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What comes of `navigator.credentials.create()`; the attestation is not looked at.

    Attributes:
        credential_id: As the authenticator names it.
        client: What the browser says.
        authenticator: What the authenticator says.
        transports: How browsers reach it.

    """

    credential_id: bytes
    client: ClientData
    authenticator: AuthenticatorData
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """What comes of `navigator.credentials.get()`.

    Attributes:
        credential_id: Which credential has signed.
        client: What the browser says.
        authenticator: What the authenticator says.
        signature: Of both.
        user_handle: Whose the authenticator says the credential is; b"" if it does not say.

    """

    credential_id: bytes
    client: ClientData
    authenticator: AuthenticatorData
    signature: bytes = field(repr=False)
    user_handle: bytes = field(repr=False)


def parse_new_credential(text: str) -> NewCredential:
    """Return what a browser sends of a new credential.

    Raises:
        FactorRefused: if it is not of that form.

    """
    try:
        credential_id, response = _parse_credential(text)
        said = _parse_attestation(_bytes_of(response, "attestationObject"))
        return NewCredential(
            credential_id,
            _parse_client_data(_bytes_of(response, "clientDataJSON")),
            _parse_authenticator_data(said, has_credential=True),
            _transports(response.get("transports")),
        )
    except ValueError as error:
        raise _malformed(error) from error


def parse_assertion(text: str) -> Assertion:
    """Return what a browser sends of a credential that has signed.

    Raises:
        FactorRefused: if it is not of that form.

    """
    try:
        credential_id, response = _parse_credential(text)
        handle = response.get("userHandle")
        return Assertion(
            credential_id,
            _parse_client_data(_bytes_of(response, "clientDataJSON")),
            _parse_authenticator_data(_bytes_of(response, "authenticatorData")),
            _bytes_of(response, "signature"),
            b"" if handle is None else _decode(handle, _LONGEST_HANDLE),
        )
    except ValueError as error:
        raise _malformed(error) from error


def require_asked(
    client: ClientData, kind: str, challenge: bytes, origins: tuple[str, ...]
) -> None:
    """Go on if the browser answers what it was asked, on a page of ours (WebAuthn section 7).

    Raises:
        FactorRefused: if not.

    """
    if client.kind != kind:
        raise FactorRefused(Reason.PASSKEY_MALFORMED, f"is of the type {client.kind!r}"[:200])
    if not hmac.compare_digest(client.challenge, challenge):
        raise FactorRefused(Reason.PASSKEY_CHALLENGE)
    if client.origin not in origins:
        raise FactorRefused(Reason.PASSKEY_ORIGIN, f"comes from {client.origin!r}"[:200])
    if client.is_framed:
        raise FactorRefused(Reason.PASSKEY_ORIGIN, "comes from a page within another one")


def _malformed(error: Exception) -> FactorRefused:
    return FactorRefused(Reason.PASSKEY_MALFORMED, f"cannot be read: {error}"[:200])


def _parse_credential(text: str) -> tuple[bytes, dict[str, Any]]:
    """Return the id and the response of a PublicKeyCredential."""
    if len(text) > LONGEST_JSON:
        message = f"is longer than {LONGEST_JSON} characters"
        raise _Malformed(message)
    credential = _object(text)
    response = credential.get("response")
    if credential.get("type") != "public-key" or not isinstance(response, dict):
        message = "is no public-key credential with a response"
        raise _Malformed(message)
    credential_id = _decode(credential.get("rawId"), _LONGEST_ID)
    if not credential_id or _decode(credential.get("id"), _LONGEST_ID) != credential_id:
        message = "has no id, or two"
        raise _Malformed(message)
    return credential_id, response


def _parse_client_data(raw: bytes) -> ClientData:
    said = _object(raw)
    kind, origin = said.get("type"), said.get("origin")
    if not isinstance(kind, str) or not isinstance(origin, str):
        message = "clientDataJSON names no type or no origin"
        raise _Malformed(message)
    is_framed = said.get("crossOrigin", False) is not False or "topOrigin" in said
    return ClientData(raw, kind, _decode(said.get("challenge"), LONGEST_JSON), origin, is_framed)


def _parse_attestation(raw: bytes) -> bytes:
    """Return what the authenticator says; the rest of an attestation object is put aside."""
    attestation, end = read_item(raw)
    said = attestation.get("authData") if isinstance(attestation, dict) else None
    if not isinstance(said, bytes) or end != len(raw):
        message = "attestationObject holds no authData"
        raise _Malformed(message)
    return said


def _parse_authenticator_data(raw: bytes, *, has_credential: bool = False) -> AuthenticatorData:
    """Return what an authenticator says; what follows its head is read to the end."""
    if len(raw) < _HEAD:
        message = "authenticator data breaks off"
        raise _Malformed(message)
    flags, at = raw[32], _HEAD
    if bool(flags & _HAS_CREDENTIAL) is not has_credential:
        message = "authenticator data has a credential where none is due, or none where one is"
        raise _Malformed(message)
    if has_credential:
        at += 18  # the model, and the length of the id
        at += int.from_bytes(raw[at - 2 : at])
        _, at = read_item(raw, at)
    if flags & _HAS_EXTENSIONS:
        _, at = read_item(raw, at)
    if at != len(raw):
        message = "authenticator data goes on behind its end"
        raise _Malformed(message)
    return AuthenticatorData(
        raw,
        is_verified=flags & _PRESENT != 0 and flags & _VERIFIED != 0,
        is_backup_eligible=flags & _ELIGIBLE != 0,
        is_backed_up=flags & _BACKED_UP != 0,
    )


def _transports(value: Any) -> tuple[str, ...]:
    """Return the names that may be kept; what else is said there is of no importance."""
    names = value if isinstance(value, list) else []
    return tuple(name for name in _TRANSPORTS if name in names)


_TRANSPORTS = ("internal", "hybrid", "usb", "nfc", "ble", "smart-card")


def _object(text: str | bytes) -> dict[str, Any]:
    found = orjson.loads(text)
    if not isinstance(found, dict):
        message = "is no JSON object"
        raise _Malformed(message)
    return found


def _bytes_of(response: dict[str, Any], name: str) -> bytes:
    return _decode(response.get(name), LONGEST_JSON)


def _decode(value: Any, longest: int) -> bytes:
    """Return what is written in base64url without padding (RFC 4648 section 5)."""
    if not isinstance(value, str):
        message = "lacks a value, or it is no text"
        raise _Malformed(message)
    found = b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    if len(found) > longest:
        message = f"holds a value of more than {longest} bytes"
        raise _Malformed(message)
    return found
