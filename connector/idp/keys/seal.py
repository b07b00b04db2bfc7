"""Seal private keys and seeds, so that the database and its copies hold none that can be used.

AES-256-GCM (NIST SP 800-38D). The sealing key is never in the database: a file in the folder of
keys, or a secret that the operator keeps elsewhere. What is sealed is bound to its place, the table
and the row that it belongs to, so that rows cannot be exchanged.
"""

from __future__ import annotations

import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import ConfigurationError, ConnectorError, Fault
from connector.idp.keys.files import read_or_create, read_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connector.settings import Secret

SEAL_FILE = "seal-key"
KEY_BYTES = 32
_NONCE_BYTES = 12
_FORM = b"\x01"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something sealed belongs; it is opened for no other place.

    Attributes:
        kind: What it is, such as "signing key"; one word for each table.
        row: Whose it is, and in which row.

    """

    kind: str
    row: str

    def __str__(self) -> str:
        """Return what it is called towards an operator."""
        return f"{self.kind} {self.row[:12]}"

    @property
    def bound_text(self) -> bytes:
        """Return what is authenticated beside the content."""
        return f"connector {self.kind} {self.row}".encode()


class SealRefused(ConnectorError):
    """The sealing key does not open what was sealed."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealing key.

    Attributes:
        origin: Where it comes from, to say so.
        key: 32 bytes.

    """

    origin: str
    key: bytes = field(repr=False)

    def close(self, content: bytes, place: Place, random: Callable[[int], bytes]) -> bytes:
        """Return the content sealed, for that place."""
        nonce = random(_NONCE_BYTES)
        return _FORM + nonce + AESGCM(self.key).encrypt(nonce, content, place.bound_text)

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Return what was sealed.

        Raises:
            SealRefused: if it was sealed by another key, or has been changed.

        """
        form, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if form == _FORM:
                return AESGCM(self.key).decrypt(nonce, rest, place.bound_text)
        except (InvalidTag, ValueError):
            pass
        message = (
            f"the sealing key ({self.origin}) does not open the {place};"
            " bring back the one that it was sealed by; if that is lost for good:"
            " connector key retire --lost"
        )
        raise SealRefused(message) from None


def load_seal(folder: Path, configured: Secret | None, *, is_first: bool) -> Seal:
    """Return the sealing key: the operator's secret, or the file in the folder of keys.

    Args:
        folder: Of keys.
        configured: Of the configuration; None for the file.
        is_first: Nothing is sealed yet, so the file may be made.

    Raises:
        ConfigurationError: if it is lacking or not of the right form.

    """
    if configured is not None:
        return Seal(configured.origin, parse_seal(configured.reveal(), "connector.toml: idp.seal"))
    path = folder / SEAL_FILE
    if not is_first and not path.exists():
        problem = (
            "is missing, and the signing keys in the state database are sealed by it; bring it"
            " back from a backup, or from the machine where they were made; if it is lost for"
            " good: connector key retire --lost"
        )
        raise ConfigurationError([Fault(str(path), "", problem)])
    content = read_or_create(path, new_seal) if is_first else read_private(path)
    return Seal(f"file {path}", parse_seal(content.decode("ascii", "replace"), str(path)))


def new_seal() -> bytes:
    """Return a fresh sealing key as its file holds it."""
    return f"{secrets.token_hex(KEY_BYTES)}\n".encode()


def parse_seal(text: str, place: str) -> bytes:
    """Return the 32 bytes that a text says, in hexadecimal digits or base64.

    >>> len(parse_seal("00" * 32, "seal-key"))
    32

    Raises:
        ConfigurationError: if it says anything else.

    """
    text = text.strip()
    for decode in (bytes.fromhex, _from_base64):
        try:
            key = decode(text)
        except ValueError:
            continue
        if len(key) == KEY_BYTES:
            return key
    problem = "must be 32 random bytes, in hexadecimal digits or base64: openssl rand -hex 32"
    raise ConfigurationError([Fault(place, "", problem)])


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error as error:
        raise ValueError(text) from error
