"""Talk with Duo from server to server, within a bounded time (RFC 6749, RFC 7523).

Duo is asked whether it is there before a browser is sent to it, and afterwards what the code that
the browser brought back stands for. Everything that is secret travels in the body of a request,
never in a URL.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import httpx
import orjson

from connector.errors import DuoUnavailable, FactorRefused
from connector.idp.authenticator.duo_answer import plain_words
from connector.idp.authenticator.duo_token import LEEWAY, sign_assertion
from connector.idp.reason import Reason

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from connector.idp.authenticator.duo_token import DuoApplication

SIZE_LIMIT_BYTES: Final = 65_536
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_HEADERS: Final = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    # Nothing is unpacked: a small answer could become a large one.
    "Accept-Encoding": "identity",
}
_STREAMS: Final = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
# Of those who have no time for us just now, rather than nothing to say to us.
_BUSY: Final = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class DuoClient:
    """Asks Duo; safe to use from several threads.

    Each question has a connection of its own. One that is kept may be closed by the other side in
    the moment of its use, which looks like an outage, and that may let people in.

    Attributes:
        application: What Duo knows us by.
        random: Returns that many unpredictable bytes.
        tls: Which certificates are believed; None for the system's.
        timeout_seconds: How long one question may take once there is a connection; each address of
            the host is given half as long for that.

    """

    application: DuoApplication
    random: Callable[[int], bytes] = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    timeout_seconds: float = 5.0

    def check_health(self, now: datetime) -> datetime:
        """Return what time it is at Duo, which is there and knows us.

        Raises:
            DuoUnavailable: with DUO_MISCONFIGURED if it does not know us, else because it cannot
                be reached or says something else than it should.

        """
        url = self.application.health_url
        status, values = self._post(url, {}, now)
        if status == httpx.codes.OK and values.get("stat") == "OK":
            return _time_of(values) or now
        raise self._unusable(status, values, now)

    def exchange(self, code: str, redirect_uri: str, now: datetime) -> str:
        """Return the ID token that a code stands for; it is not verified.

        Raises:
            FactorRefused: if the code stands for nothing, or Duo sends no token for it.
            DuoUnavailable: as `check_health`.

        """
        url = self.application.token_url
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_assertion_type": _ASSERTION_TYPE,
        }
        status, values = self._post(url, fields, now)
        token = values.get("id_token")
        if status == httpx.codes.OK and isinstance(token, str):
            return token
        if status == httpx.codes.OK:
            raise FactorRefused(Reason.DUO_TOKEN_MALFORMED, "Duo sends no ID token for the code")
        # RFC 6749 section 5.2.
        if status == httpx.codes.BAD_REQUEST and values.get("error") == "invalid_grant":
            raise FactorRefused(Reason.DUO_CODE_REFUSED, f"Duo says {_words_of(values)}")
        raise self._unusable(status, values, now)

    def _unusable(self, status: int, values: Mapping[str, Any], now: datetime) -> DuoUnavailable:
        words = f"answers with status {status}: {_words_of(values)}"
        theirs = _time_of(values)
        if theirs is not None and (skew := describe_skew(theirs, now)):
            words += f"; {skew}"
        code = values.get("code")
        # Duo's own codes, such as 40002, begin with a status.
        meant = code // 100 if type(code) is int else status
        is_ours = 400 <= meant < 500 and meant not in _BUSY
        reason = Reason.DUO_MISCONFIGURED if is_ours else Reason.DUO_UNAVAILABLE
        return DuoUnavailable(reason, f"{self.application.host} {words}")

    def _post(
        self, url: str, fields: Mapping[str, str], now: datetime
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the status of the answer and its values; none if it is not JSON."""
        form = {
            **fields,
            "client_id": self.application.client_id,
            "client_assertion": sign_assertion(self.application, url, self.random(18).hex(), now),
        }
        deadline = _Deadline(self.timeout_seconds)
        timeout = httpx.Timeout(self.timeout_seconds, connect=self.timeout_seconds / 2)
        try:
            # No redirects: what we send is for that address alone.
            with (
                deadline.kept(),
                httpx.Client(verify=self.tls or True, timeout=timeout, trust_env=False) as client,
                client.stream(
                    "POST",
                    url,
                    content=urlencode(form),
                    headers=_HEADERS,
                    extensions={"trace": deadline.follow},
                ) as answer,
            ):
                content = self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not deadline.is_over:
                words = str(error) or type(error).__name__
                raise _silent(self.application, f"does not answer: {words}") from error
        # Where the length was not said, the end of the connection looks like that of the answer.
        if deadline.is_over:
            raise _silent(self.application, f"is not done within {self.timeout_seconds:g} s")
        return answer.status_code, _parse(content)

    def _read(self, answer: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > SIZE_LIMIT_BYTES:
                words = f"answers with more than {SIZE_LIMIT_BYTES} bytes"
                raise _silent(self.application, words)
        return bytes(content)


class _Deadline:
    """Hangs up when a conversation has taken too long in all.

    The timeouts of the library are those of each sign of life; who sends a byte a second would
    keep a login, and the thread that it waits in, for as long as they like.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self.is_over = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hold the block to it."""
        self._timer.start()
        try:
            yield
        finally:
            self._timer.cancel()

    def follow(self, event: str, details: Mapping[str, Any]) -> None:
        """Remember the connection; see "trace" in the library's list of extensions."""
        if event in _STREAMS:
            self._socket = details["return_value"].get_extra_info("socket")
            if self.is_over:
                self._hang_up()

    def _hang_up(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # Past TLS, whose own way would wait for the other side.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _silent(application: DuoApplication, problem: str) -> DuoUnavailable:
    return DuoUnavailable(Reason.DUO_UNAVAILABLE, f"{application.host} {problem}")


def _parse(content: bytes) -> Mapping[str, Any]:
    try:
        values = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return values if isinstance(values, dict) else {}


def describe_skew(theirs: datetime, now: datetime) -> str:
    """Return how far Duo's clock is from ours, in words; "" if it does not matter."""
    skew = theirs - now
    if abs(skew) <= LEEWAY:
        return ""
    direction = "ahead of" if theirs > now else "behind"
    return f"its clock is {int(abs(skew).total_seconds())} s {direction} ours"


def _time_of(values: Mapping[str, Any]) -> datetime | None:
    """Return when Duo says that it answers: with a failure, beside it."""
    response = values.get("response", values)
    timestamp = response.get("timestamp") if isinstance(response, dict) else None
    if type(timestamp) is not int:
        return None
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(timestamp, UTC)
    return None


def _words_of(values: Mapping[str, Any]) -> str:
    """Return what Duo says of a failure, in one line of bounded length."""
    named = ("error", "error_description", "message", "message_detail")
    words = ": ".join(str(values[name]) for name in named if values.get(name))
    return plain_words(words) or "nothing that we understand"
