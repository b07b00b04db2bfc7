"""Passwords of a directory kept in a file: scrypt hashes (RFC 7914), never the passwords."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

LARGEST_MEMORY_BYTES = 256 * 2**20
LARGEST_PARALLELISM = 4
SHORTEST_KEY_BYTES = 16
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A password as kept: scrypt's cost, block size and parallelism, the salt and the key."""

    cost: int
    block_size: int
    parallelism: int
    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        """Return the form that a file holds."""
        salt, key = (b64encode(part).decode() for part in (self.salt, self.key))
        return f"scrypt${self.cost}${self.block_size}${self.parallelism}${salt}${key}"


def parse_stored_password(text: str) -> StoredPassword:
    """Return the hash that a file holds: scrypt$cost$block size$parallelism$salt$key.

    Raises:
        ValueError: if it is none; the text itself is not said.

    """
    try:
        scheme, cost, block_size, parallelism, salt, key = text.split("$")
        stored = StoredPassword(
            int(cost), int(block_size), int(parallelism), _bytes(salt), _bytes(key)
        )
        is_usable = scheme == "scrypt" and _is_usable(stored)
    except ValueError:
        is_usable = False
    if not is_usable:
        message = "is not a hash such as scrypt$16384$8$1$salt$key"
        raise ValueError(message)
    return stored


def store_password(password: str, salt: bytes) -> StoredPassword:
    """Return what to keep of a password; the salt is random.

    >>> matches("Northwind.1", store_password("Northwind.1", b"salt of a test"))
    True

    """
    blank = StoredPassword(16384, 8, 1, salt, bytes(_KEY_BYTES))
    return StoredPassword(16384, 8, 1, salt, _derive(password, blank))


def matches(password: str, stored: StoredPassword | None) -> bool:
    """Return whether this is the password; the empty one never is."""
    if not password or stored is None:
        return False
    return hmac.compare_digest(_derive(password, stored), stored.key)


def _is_usable(stored: StoredPassword) -> bool:
    """Return whether computing it is allowed (RFC 7914 section 2) and takes no excess of memory."""
    is_power_of_two = stored.cost.bit_count() == 1
    memory_bytes = 128 * stored.cost * stored.block_size
    return (
        is_power_of_two
        and stored.cost > 1
        and stored.block_size > 0
        and 0 < stored.parallelism <= LARGEST_PARALLELISM
        and memory_bytes < LARGEST_MEMORY_BYTES
        and len(stored.key) >= SHORTEST_KEY_BYTES
    )


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _derive(password: str, stored: StoredPassword) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=stored.salt,
        n=stored.cost,
        r=stored.block_size,
        p=stored.parallelism,
        maxmem=2 * LARGEST_MEMORY_BYTES,
        dklen=len(stored.key),
    )
