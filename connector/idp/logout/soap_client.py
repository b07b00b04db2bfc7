"""Tell an application from server to server, within a bounded time (Bindings section 3.2)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from connector.errors import ApplicationUnavailable
from connector.idp.message.soap import MEDIA_TYPE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

SIZE_LIMIT_BYTES = 65_536
_HEADERS = {
    "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
    # What Bindings section 3.2.2.2 recommends; nobody looks at it.
    "SOAPAction": "http://www.oasis-open.org/committees/security",
}


@dataclass(frozen=True, slots=True)
class SoapClient:
    """Sends envelopes; a `SoapSender`.

    Attributes:
        tls: Which certificates are believed; None for the system's.
        timeout_seconds: How long a server may take in all, or nearly so: for its name, the
            connection and each sign of life it has as long again.
        stopwatch: Returns seconds from any fixed moment.

    """

    tls: ssl.SSLContext | None = field(default=None, repr=False)
    timeout_seconds: float = 4.0
    stopwatch: Callable[[], float] = time.monotonic

    def send(self, url: str, envelope: bytes) -> bytes:
        """Return what the server answers.

        Raises:
            ApplicationUnavailable: if it does not, in time, or with something else.

        """
        until = self.stopwatch() + self.timeout_seconds
        try:
            # No redirects: they could lead to addresses that the metadata never named.
            with (
                httpx.Client(
                    verify=self.tls or True, timeout=self.timeout_seconds, trust_env=False
                ) as client,
                client.stream("POST", url, content=envelope, headers=_HEADERS) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise _unavailable(url, f"answers with status {answer.status_code}")
                return self._read(answer, url, until)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = str(error) or type(error).__name__
            raise _unavailable(url, f"does not answer: {words}") from error

    def _read(self, answer: httpx.Response, url: str, until: float) -> bytes:
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > SIZE_LIMIT_BYTES:
                raise _unavailable(url, f"answers with more than {SIZE_LIMIT_BYTES} bytes")
            if self.stopwatch() > until:
                raise _unavailable(url, f"is not done within {self.timeout_seconds:g} s")
        return bytes(content)


def _unavailable(url: str, problem: str) -> ApplicationUnavailable:
    return ApplicationUnavailable(f"{url} {problem}")
