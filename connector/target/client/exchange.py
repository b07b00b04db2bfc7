"""One request and its reply, with the waiting that a target asks for; the door to httpx."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from connector.errors import ConfigurationError, Fault
from connector.target.pace import Pace
from connector.target.response import TOO_MANY_REQUESTS, Answer, NoAnswer, NotSent, Reply
from connector.target.retry import (
    RETRIED,
    RetryPolicy,
    backoff,
    delay_before_retry,
    delay_when_spent,
    parse_quota,
    parse_retry_after,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from connector.clock import Clock
    from connector.target.connection import TargetConnection
    from connector.target.request import Request
    from connector.target.retry import ResetUnit

_MEDIA_TYPE: Final = "application/scim+json"
_CONNECT_SECONDS: Final = 10.0
# Many servers let go of an idle connection after 5 seconds; a request must not meet that moment.
_KEEP_SECONDS: Final = 4.0
_READ_ATTEMPTS: Final = 2
_NEVER_LEFT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Exchange:
    """Requests to one target, paced together: when it asks one to wait, all of them wait."""

    def __init__(
        self,
        connection: TargetConnection,
        policy: RetryPolicy,
        reset_unit: ResetUnit,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = connection
        self._policy = policy
        self._reset_unit = reset_unit
        self._clock = clock
        self._client = _make_client(connection, transport or _make_transport(connection))
        self._seconds = connection.timeout.total_seconds()
        self._pace = Pace(connection.rate)
        self._paused_until = 0.0
        self._progress_at = 0.0
        self._stopped = asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        """Return the reply to a request; it is asked again as long as the target puts us off.

        A change whose answer did not come is never asked again.
        """
        begun_at = _now()
        attempt = 0
        while True:
            attempt += 1
            await self._wait_for_turn()
            if self._stopped.is_set():
                return NotSent("stopped before it was sent")
            asked_at = _now()
            reply = await self._send(request)
            delay = self._delay(request, reply, attempt)
            if delay is not None and _is_throttled(reply):
                self._pace.note_refused(_now(), asked_at, delay.total_seconds())
            if delay is None or self._is_too_long(delay, begun_at):
                return reply
            self._pause(delay)

    def stop(self) -> None:
        """End all waiting: requests that wait for their turn are not sent any more."""
        self._stopped.set()

    def resume(self) -> None:
        """Send again."""
        self._stopped.clear()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _wait_for_turn(self) -> None:
        while not self._stopped.is_set():
            if (seconds := self._paused_until - _now()) > 0:
                await self._rest(seconds)
            elif (seconds := self._pace.take_turn(_now())) > 0:
                await self._rest(seconds)
                if self._paused_until <= _now():
                    return
            else:
                return

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until stopped."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _delay(self, request: Request, reply: Reply, attempt: int) -> timedelta | None:
        """Return how long to wait before the request is asked again; None: not again."""
        match reply:
            case Answer() if reply.status in RETRIED:
                return self._delay_asked(reply, attempt)
            case Answer():
                self._progress_at = _now()
                self._heed(reply)
                return None
            case NotSent():
                attempts = self._policy.connect_attempts
            case NoAnswer():
                attempts = _READ_ATTEMPTS if request.method == "GET" else 1
        if attempt >= attempts:
            return None
        return backoff(self._policy, attempt=attempt, jitter=_chance())

    def _delay_asked(self, answer: Answer, attempt: int) -> timedelta | None:
        asked = parse_retry_after(
            answer.headers, self._clock.now(), self._reset_unit, self._policy.ceiling
        )
        return delay_before_retry(
            self._policy,
            status=answer.status,
            attempt=attempt,
            retry_after=asked,
            jitter=_chance(),
        )

    def _heed(self, answer: Answer) -> None:
        """Keep to the pace that an answer tells; pause if the allowance is used up."""
        now = self._clock.now()
        self._pace.note_taken(_now(), parse_quota(answer.headers, now, self._reset_unit))
        pause = delay_when_spent(answer.headers, now, self._reset_unit, self._policy.ceiling)
        if pause is not None:
            self._pause(pause)

    def _pause(self, delay: timedelta) -> None:
        self._paused_until = max(self._paused_until, _now() + delay.total_seconds())

    def _is_too_long(self, delay: timedelta, begun_at: float) -> bool:
        """Return whether the target has taken nothing for longer than we are patient."""
        idle_seconds = _now() - max(begun_at, self._progress_at)
        return idle_seconds + delay.total_seconds() > self._policy.patience.total_seconds()

    async def _send(self, request: Request) -> Reply:
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.request(
                    request.method,
                    self._connection.base_url + request.path,
                    content=request.body,
                    headers=request.headers,
                )
        except TimeoutError:
            return NoAnswer(f"no answer within {self._seconds:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError) as error:
            words = _words(error)
            return NotSent(words) if _has_never_left(error) else NoAnswer(words)
        return Answer(response.status_code, response.headers, response.content)


def _is_throttled(reply: Reply) -> bool:
    return isinstance(reply, Answer) and reply.status == TOO_MANY_REQUESTS


def _now() -> float:
    return asyncio.get_running_loop().time()


def _chance() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing


def _make_client(
    connection: TargetConnection, transport: httpx.AsyncBaseTransport
) -> httpx.AsyncClient:
    # httpx logs every address at INFO, and filters in them hold names of people.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    seconds = connection.timeout.total_seconds()
    headers = {"accept": f"{_MEDIA_TYPE}, application/json", "content-type": _MEDIA_TYPE}
    if connection.token:
        headers["authorization"] = f"Bearer {connection.token}"
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(seconds, connect=min(seconds * 0.8, _CONNECT_SECONDS), pool=None),
        headers=headers,
        trust_env=False,
        follow_redirects=False,
    )


def _make_transport(connection: TargetConnection) -> httpx.AsyncBaseTransport:
    """Return connections that check certificates.

    Raises:
        ConfigurationError: if the certificates cannot be read.

    """
    ca_file = connection.ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        fault = Fault(str(ca_file), "", "is not a file of certificates in PEM form")
        raise ConfigurationError([fault]) from error
    limits = httpx.Limits(max_connections=connection.concurrency, keepalive_expiry=_KEEP_SECONDS)
    return AiohttpTransport(verify=context, limits=limits, trust_env=False)


def _cause(error: BaseException) -> BaseException:
    """Return what aiohttp said; its httpx transport puts that into an error of another kind."""
    return error if error.__cause__ is None else error.__cause__


def _has_never_left(error: Exception) -> bool:
    """Return whether the request has certainly not reached the target.

    httpx-aiohttp 0.2.0 calls a connection that was lost after sending a ConnectTimeout, as it
    does one that was refused (seen November 2026); only the cause tells them apart.
    """
    cause = _cause(error)
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, _NEVER_LEFT)
    unsent: tuple[type[Exception], ...]
    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
    return isinstance(error, unsent)


def _words(error: Exception) -> str:
    """Return what happened, without the address: filters in it hold names of people."""
    cause: Any = _cause(error)
    match cause:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {cause.certificate_error}"
        case aiohttp.ClientConnectorError():
            number = cause.os_error.errno
            why = os.strerror(number).lower() if number and number > 0 else str(cause.os_error)
            return f"cannot be reached at {cause.host}:{cause.port}: {why}"
        case httpx.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx.ConnectError():
            return "cannot be reached"
    return f"the connection broke: {type(cause).__name__}"
