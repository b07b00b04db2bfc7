"""Who is known, and who of them has come (step 3).

A million people must fit, and each of them answers in every full read. So there is one dictionary,
and who has come is marked in it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Standing(Enum):
    """What an answer to the roll call means."""

    CHANGED = auto()
    """New, or not as known."""
    UNCHANGED = auto()
    ALREADY_CAME = auto()
    """Found by both searches, or moved while it was read."""


_CHANGED, _UNCHANGED, _ALREADY_CAME = Standing
# One more byte: digests have an even length, so an odd one says that the entry has come.
_CAME = b"\1"
_NEW = b"\0"


class RollCall:
    """The digests of all known entries, to be called once.

    >>> roll = RollCall({"anna": b"d1", "ben": b"d2"})
    >>> roll.answer("anna", b"d1").name, roll.answer("anna", b"d1").name
    ('UNCHANGED', 'ALREADY_CAME')
    >>> roll.answer("carl", b"d3").name, list(roll.missing()), len(roll)
    ('CHANGED', ['ben'], 2)

    """

    def __init__(self, digests: dict[str, bytes]) -> None:
        """Take over the known digests by external_id; the caller does not use them any more.

        Args:
            digests: Each of an even length; b"" for one that must be decoded anew.

        """
        self._digests = digests
        self._known_count = len(digests)

    def __len__(self) -> int:
        """Return how many were known."""
        return self._known_count

    def answer(self, external_id: str, digest: bytes) -> Standing:
        """Note that an entry has come, and return whether it is as known."""
        known = self._digests.get(external_id)
        if known is None:
            self._digests[external_id] = _NEW
            return _CHANGED
        if len(known) & 1:
            return _ALREADY_CAME
        self._digests[external_id] = known + _CAME
        return _UNCHANGED if known == digest else _CHANGED

    def missing(self) -> Iterator[str]:
        """Yield the external_ids of known entries that have not come."""
        return (key for key, digest in self._digests.items() if not len(digest) & 1)

    def digest_of(self, external_id: str) -> bytes | None:
        """Return the digest that was known before the call; None for who was not known."""
        digest = self._digests.get(external_id, _NEW)
        if digest == _NEW:
            return None
        return digest[:-1] if len(digest) & 1 else digest
