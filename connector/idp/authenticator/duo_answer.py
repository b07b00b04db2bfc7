"""What a browser brings back from Duo: read within limits, and not believed yet. Pure.

It comes from the network, and anybody can make it up. What it is worth is settled by the state,
which must be that of a login of the same browser, and by Duo itself, which is asked what the code
stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from connector.errors import FactorRefused, RequestRefused
from connector.idp.reason import Reason

QUERY_LIMIT_BYTES: Final = 4096
_FIELD_LIMIT: Final = 16
_WORDS_LIMIT: Final = 200
# Duo takes states of 16 to 1024 characters; ours are URL-safe base64 or hexadecimal digits.
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{16,1024}")
# RFC 6749 appendix A.11; the limit is ours.
_CODE: Final = re.compile(r"[\x21-\x7e]{1,1024}")
# RFC 6749 appendix A.7, without spaces: all error codes that there are are single words.
_ERROR: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")
_SINGLE: Final = ("state", "duo_code", "error", "error_description")
# RFC 6749 section 4.1.2.1: the person, or Duo's policy, said no.
_DENIED: Final = "access_denied"


@dataclass(frozen=True, slots=True)
class DuoAnswer:
    """What Duo sends back by the browser.

    Attributes:
        state: As it was sent there; tells which login waits for this.
        code: Stands for what Duo found out; "" if Duo sends an error instead.
        error: Code of the error (RFC 6749 section 4.1.2.1), or "".
        words: What Duo adds to the error, for the audit.

    """

    state: str
    code: str = field(repr=False)
    error: str = ""
    words: str = ""

    def require_code(self) -> str:
        """Return the code.

        Raises:
            FactorRefused: if Duo sends an error instead.

        """
        if not self.error:
            return self.code
        reason = Reason.DUO_DENIED if self.error == _DENIED else Reason.DUO_ERROR
        raise FactorRefused(reason, f"Duo says {self.error}: {self.words or 'no more'}")


def read_callback(query: bytes) -> DuoAnswer:
    """Return what the query string of the address says that Duo sends browsers back to.

    >>> read_callback(b"state=0123456789abcdef&duo_code=xyz").require_code()
    'xyz'

    Args:
        query: Raw, as it stands behind the question mark.

    Raises:
        RequestRefused: if it is no answer, or says two things at once.

    """
    fields = _split(query)
    state, code, error = (fields.get(name, "") for name in _SINGLE[:3])
    if problem := _find_problem(state, code, error):
        raise RequestRefused(Reason.DUO_ANSWER_MALFORMED, f"the answer of Duo has {problem}")
    return DuoAnswer(state, code, error, plain_words(fields.get("error_description", "")))


def _split(query: bytes) -> dict[str, str]:
    if len(query) > QUERY_LIMIT_BYTES:
        words = f"an answer of Duo of {len(query)} bytes"
        raise RequestRefused(Reason.DUO_ANSWER_MALFORMED, words)
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELD_LIMIT,
        )
    except ValueError as error:  # not ASCII, not UTF-8, or too many
        words = "an answer of Duo that is no query string"
        raise RequestRefused(Reason.DUO_ANSWER_MALFORMED, words) from error
    names = [name for name, _ in pairs]
    if twice := [name for name in _SINGLE if names.count(name) > 1]:
        words = f"the answer of Duo has {twice[0]} twice"
        raise RequestRefused(Reason.DUO_ANSWER_MALFORMED, words)
    return dict(pairs)


def _find_problem(state: str, code: str, error: str) -> str:
    """Return what is wrong with the fields, or ""."""
    if not _STATE.fullmatch(state):
        return "no usable state"
    if bool(code) == bool(error):
        return "both a code and an error" if code else "neither a code nor an error"
    if code and not _CODE.fullmatch(code):
        return "no usable code"
    if error and not _ERROR.fullmatch(error):
        return "no usable error"
    return ""


def plain_words(words: str) -> str:
    """Return words of Duo's in bounded length, that neither break a line nor turn others around."""
    return "".join(sign if sign.isprintable() else " " for sign in words[:_WORDS_LIMIT]).strip()
