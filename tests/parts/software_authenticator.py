"""A browser and an authenticator in one, which sign with ES256: for tests that need no browser.

What they write is what `credential.toJSON()` writes. Everything that they might do wrong can be said.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, WITH_CREDENTIAL = 0x01, 0x04, 0x08, 0x10, 0x40


def to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


@dataclass
class Credential:
    """What an authenticator keeps of one credential."""

    credential_id: bytes
    user_handle: bytes
    rp_id: str
    key: ec.EllipticCurvePrivateKey
    count: int = 0

    @property
    def cose(self) -> dict[int, Any]:
        numbers = self.key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}


@dataclass
class SoftwareAuthenticator:
    """Does what it is told.

    Attributes:
        origin: Of the page that the browser is on.
        flags: What is said of the user, and of copies.
        counts: Whether it counts its signatures.
        aaguid: Its model.
        transports: How browsers reach it.
        client: What else the browser says, or says instead.

    """

    origin: str = "https://sso.corp.example"
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    aaguid: bytes = bytes(16)
    transports: tuple[str, ...] = ("internal",)
    client: dict[str, Any] = field(default_factory=dict)
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options_json: str) -> str:
        """Make a credential, as `navigator.credentials.create()`; None of the excluded ones."""
        options = json.loads(options_json)
        rp_id = options["rp"]["id"]
        excluded = {to_bytes(one["id"]) for one in options["excludeCredentials"]}
        if excluded & {one.credential_id for one in self.credentials}:
            message = "InvalidStateError: it has one already"
            raise LookupError(message)
        made = Credential(
            os.urandom(32),
            to_bytes(options["user"]["id"]),
            rp_id,
            ec.generate_private_key(ec.SECP256R1()),
        )
        self.credentials.append(made)
        return self.registration(made, options["challenge"])

    def registration(self, credential: Credential, challenge: str, **more: Any) -> str:
        """Return what says that a credential was made."""
        attested = (
            self.aaguid
            + len(credential.credential_id).to_bytes(2)
            + credential.credential_id
            + cbor2.dumps(credential.cose)
        )
        data = self._data(credential, self.flags | WITH_CREDENTIAL) + attested
        attestation = {"fmt": "none", "attStmt": {}, "authData": data} | more
        response = {
            "clientDataJSON": to_text(self._client("webauthn.create", challenge)),
            "attestationObject": to_text(cbor2.dumps(attestation)),
            "transports": list(self.transports),
        }
        return self._credential(credential, response)

    def get(self, options_json: str, *, names_user: bool = True) -> str:
        """Sign, as `navigator.credentials.get()`, by the latest credential that is allowed."""
        options = json.loads(options_json)
        allowed = {to_bytes(one["id"]) for one in options.get("allowCredentials", ())}
        usable = [
            one
            for one in self.credentials
            if one.rp_id == options["rpId"] and (not allowed or one.credential_id in allowed)
        ]
        if not usable:
            message = "NotAllowedError: it has none of these"
            raise LookupError(message)
        return self.assertion(usable[-1], options["challenge"], names_user=names_user)

    def assertion(
        self, credential: Credential, challenge: str, *, names_user: bool = True, more: bytes = b""
    ) -> str:
        """Return what says that a credential has signed."""
        credential.count += self.counts
        data = self._data(credential, self.flags) + more
        client = self._client("webauthn.get", challenge)
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": to_text(client),
            "authenticatorData": to_text(data),
            "signature": to_text(credential.key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": to_text(credential.user_handle) if names_user else None,
        }
        return self._credential(credential, response)

    def _data(self, credential: Credential, flags: int) -> bytes:
        host = hashlib.sha256(credential.rp_id.encode()).digest()
        return host + bytes([flags]) + credential.count.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        said |= self.client
        return json.dumps({name: said[name] for name in said if said[name] is not None}).encode()

    def _credential(self, credential: Credential, response: dict[str, Any]) -> str:
        name = to_text(credential.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "authenticatorAttachment": "platform",
                "clientExtensionResults": {},
                "response": response,
            }
        )
