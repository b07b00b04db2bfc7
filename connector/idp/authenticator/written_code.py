"""What recovery and bypass codes share: how they are read, and what is kept of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.idp.factor import FactorKind

_PURPOSE = b"codes that people type"


def pepper_of(secret: bytes) -> bytes:
    """Return what keys the HMACs, out of the secret of the identity provider."""
    return hmac.new(secret, _PURPOSE, hashlib.sha256).digest()


def mac_of_code(pepper: bytes, kind: FactorKind, external_id: str, code: str) -> bytes:
    """Return what is kept of a code; the same code of somebody else is another."""
    text = f"{kind.value}\n{external_id}\n{code}"
    return hmac.new(pepper, text.encode(), hashlib.sha256).digest()


def bare(code: str) -> str:
    """Return a code as typed, without spaces and dashes.

    >>> bare(" 123-456 789")
    '123456789'

    """
    return "".join(each for each in code if not each.isspace() and each not in _DASHES)


def in_groups(code: str, size: int, between: str) -> str:
    """Return a code as people read it.

    >>> in_groups("123456789", 3, " ")
    '123 456 789'

    """
    return between.join(code[at : at + size] for at in range(0, len(code), size))


# Hyphen-minus, and those that editors and phones put in its place.
_DASHES = "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2212"
