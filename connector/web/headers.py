"""Headers that every answer carries, errors included, and the policies of our two kinds of page.

A form's policy also covers the redirects that follow its post. So the page that posts a Response
to an application may not name that application's origin only: the application itself redirects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action {forms}; frame-ancestors 'none';"
    " base-uri 'none'; require-trusted-types-for 'script'"
)
PAGE_POLICY: Final = _POLICY.format(forms="'self'")

_EVERYWHERE: Final = {
    "content-security-policy": PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Not "no-referrer": browsers would then say "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def _of_handoff(forms: str) -> dict[str, str]:
    return {
        "content-security-policy": _POLICY.format(forms=forms),
        "referrer-policy": "no-referrer",
    }


_BY_HTTPS: Final = _of_handoff("https:")
_BY_HTTP: Final = _of_handoff("https: http:")
_STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"
_STATIC_CACHE: Final = "public, max-age=604800"


def handoff_headers(acs_url: str) -> Mapping[str, str]:
    """Return the headers of the page that posts a Response to an application.

    >>> "form-action https: http:;" in handoff_headers("http://intranet.localhost/acs")[
    ...     "content-security-policy"
    ... ]
    True

    """
    return _BY_HTTPS if acs_url.startswith("https:") else _BY_HTTP


def onward_headers(url: str) -> dict[str, str]:
    """Return the headers of a page whose forms post to another site or to ours.

    >>> "form-action 'self' https:;" in onward_headers("https://idp.example/sso")[
    ...     "content-security-policy"
    ... ]
    True

    """
    forms = "'self' https:" if url.startswith("https:") else "'self' https: http:"
    return {"content-security-policy": _POLICY.format(forms=forms)}


def with_headers(app: ASGIApp, *, is_https: bool) -> ASGIApp:
    """Return the application with our headers on every answer; its own come first."""
    defaults = dict(_EVERYWHERE)
    if is_https:
        defaults["strict-transport-security"] = _STRICT_TRANSPORT
    # As the server takes them (ASGI, "HTTP & WebSocket"): names in lower case, all of it bytes.
    passing = _encoded(defaults | {"cache-control": "no-store"})
    kept = _encoded(defaults | {"cache-control": _STATIC_CACHE})

    async def headed(scope: Scope, receive: Receive, send: Send) -> None:
        is_static = scope.get("path", "").startswith("/static/")

        async def send_headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message["headers"]
                names = {name for name, _ in own}
                usual = kept if is_static and message["status"] < 400 else passing
                more = [header for header in usual if header[0] not in names]
                message = {**message, "headers": [*own, *more]}
            await send(message)

        await app(scope, receive, send_headed)

    return headed


def _encoded(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
