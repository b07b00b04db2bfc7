"""Which of our languages a browser would like best (RFC 9110 s12.5.4, RFC 4647 s3.4)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

# Browsers send less than half of that; what is longer is no browser's, and cut.
_LIMIT_BYTES: Final = 256
_SUBTAGS: Final = r"(\*|[a-z]{1,8})(?:-[a-z0-9]{1,8})*"
_QUALITY: Final = r"(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
_RANGE: Final = re.compile(_SUBTAGS + _QUALITY, re.IGNORECASE)


def language_of(request: HTTPConnection, offered: tuple[str, ...]) -> str:
    """Return the language of the answer to that request; see `negotiate`."""
    lines = [value for name, value in request.scope["headers"] if name == b"accept-language"]
    header = b",".join(lines)
    if len(header) > _LIMIT_BYTES:
        header = header[:_LIMIT_BYTES].rpartition(b",")[0]
    return _negotiated(header, offered)


def negotiate(header: str, offered: tuple[str, ...]) -> str:
    """Return the language offered that an Accept-Language header likes best.

    Regions are passed over: who asks for Austrian German gets German. What is not as it should be
    says nothing.

    >>> negotiate("de-AT, en;q=0.8", ("en", "de")), negotiate("fr", ("en", "de"))
    ('de', 'en')

    Args:
        header: Its value; "" for none.
        offered: Primary subtags in lower case; the first is for whoever likes none of them.

    """
    liked = _qualities(header)
    others = liked.get("*", 0.0)
    order = {language: place for place, language in enumerate(liked)}

    def rank(language: str) -> tuple[float, int]:
        return liked.get(language, others), -order.get(language, len(order))

    best = max(offered, key=rank)
    return best if rank(best)[0] else offered[0]


@lru_cache(maxsize=256)
def _negotiated(header: bytes, offered: tuple[str, ...]) -> str:
    return negotiate(header.decode("latin-1"), offered)


def _qualities(header: str) -> dict[str, float]:
    """Return how much each language is liked, in the order of the header."""
    qualities: dict[str, float] = {}
    for part in header.split(","):
        if found := _RANGE.fullmatch(part.strip(" \t")):
            language, quality = found[1].lower(), float(found[2] or 1)
            qualities[language] = max(quality, qualities.get(language, 0.0))
    return qualities
