"""The token of a client (RFC 6749 section 4.4): how it is asked for, and until when it is good."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from connector.target.request import Request
from connector.target.response import Answer, document_of

TOKEN_PATH: Final = "/oauth/token"
_FORM: Final = (("content-type", "application/x-www-form-urlencoded"),)
# Documents disagree about half an hour and an hour; a token that says nothing is trusted for less.
_ASSUMED: Final = timedelta(minutes=15)
_LONGEST_SECONDS: Final = 86_400
# A request may wait and travel while its token ends.
_MARGIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Token:
    """What lets requests in, for a while.

    Attributes:
        value: The access token; never in a repr.
        use_until: When the next one is asked for, before this one ends.

    """

    value: str = field(repr=False)
    use_until: datetime

    def on(self, request: Request) -> Request:
        """Return the request with the token."""
        bearer = ("authorization", f"Bearer {self.value}")
        return replace(request, headers=(*request.headers, bearer))


def token_request(client_id: str, client_secret: str) -> Request:
    """Return the request for a token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }
    return Request("POST", TOKEN_PATH, urlencode(form).encode(), _FORM)


def parse_token(answer: Answer, now: datetime) -> Token | None:
    """Return the token of an answer (RFC 6749 section 5.1), or None if there is none in it.

    >>> from datetime import UTC
    >>> body = b'{"access_token": "t", "expires_in": 1799}'
    >>> parse_token(Answer(200, {}, body), datetime(2026, 11, 1, 12, tzinfo=UTC)).use_until.minute
    28

    """
    document = document_of(answer)
    value, seconds = document.get("access_token"), document.get("expires_in")
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        return None
    life = _life_of(seconds)
    # Of a token that ends sooner than the margin, half of its life is used.
    return Token(value, now + max(life - _MARGIN, life / 2))


def _life_of(seconds: Any) -> timedelta:
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return _ASSUMED
    return timedelta(seconds=min(max(seconds, 0), _LONGEST_SECONDS))
