"""Give every request a number, a line in the log, and in the worst case an answer.

The log gets the pattern of the path, never the path itself and never the query string: those
carry SAML messages and transactions.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from connector.web.address import client_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from connector.web.site import Site

_log = structlog.get_logger()


def with_access_log(app: ASGIApp, site: Site, new_id: Callable[[], str]) -> ASGIApp:
    """Return the application, wrapped as the outermost layer.

    Args:
        app: Sees `request_id` and `address` in the scope's state.
        site: Says which proxies are believed.
        new_id: Makes the request's number.

    """
    # What the log is like is settled; to ask for it anew costs more than a line.
    log = _log.bind()

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        state = {"request_id": new_id(), "address": _address(scope, site)}
        scope.setdefault("state", {}).update(state)
        # Every line of the log, and every event of the audit, that comes of it says so.
        with structlog.contextvars.bound_contextvars(**state):
            try:
                await app(scope, receive, send_noted)
            except Exception:
                log.exception("http.failed", route=_route(scope))
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info("http.answered", **_line(scope, status, milliseconds))

    return logged


def _line(scope: Scope, status: int, milliseconds: float) -> dict[str, object]:
    return {
        "method": scope["method"],
        "route": _route(scope),
        "status": status,
        "milliseconds": milliseconds,
        "address": scope["state"]["address"],
    }


def _route(scope: Scope) -> str:
    """Return the pattern that answered, such as "/login/{transaction}"; "-" for none."""
    return getattr(scope.get("route"), "path", "-")


def _address(scope: Scope, site: Site) -> str:
    peer = scope.get("client") or ("", 0)
    lines = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    ]
    if not lines or not site.trusted_proxies:
        return _address_of(peer[0])
    return client_address(peer[0], ",".join(lines), site.trusted_proxies)


@lru_cache(maxsize=1024)
def _address_of(peer: str) -> str:
    return client_address(peer, "", ())
