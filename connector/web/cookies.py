"""Our cookies: who is signed in, which browser began a login, which device is remembered.

They are opaque, Lax and out of reach of scripts. Lax is what lets them through on our own GET
after a service provider of another site has sent the browser here; Strict would not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta

    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from connector.web.site import Site


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie, for the whole host, until the browser is closed unless it says how long.

    Attributes:
        name: With the prefix __Host- where browsers allow it: they then take it only over
            https, for this host alone (RFC 6265bis section 4.1.3.2).
        is_secure: Whether browsers may send it over https only.

    """

    name: str
    is_secure: bool

    def read(self, request: HTTPConnection) -> str | None:
        """Return the value that the browser sent, or None."""
        return request.cookies.get(self.name) or None

    def write(self, response: Response, value: str, lifetime: timedelta | None = None) -> None:
        """Ask the browser to keep the value."""
        response.set_cookie(
            self.name,
            value,
            max_age=int(lifetime.total_seconds()) if lifetime else None,
            httponly=True,
            secure=self.is_secure,
            samesite="lax",
        )

    def remove(self, response: Response) -> None:
        """Ask the browser to forget the value."""
        response.delete_cookie(self.name, httponly=True, secure=self.is_secure, samesite="lax")


def sso_cookie(site: Site) -> Cookie:
    """Return the cookie of a sign-on."""
    return _cookie(site, "sso")


def browser_cookie(site: Site) -> Cookie:
    """Return the cookie that ties the logins begun in a browser to it."""
    return _cookie(site, "browser")


def device_cookie(site: Site) -> Cookie:
    """Return the cookie of a remembered device."""
    return _cookie(site, "device")


def _cookie(site: Site, name: str) -> Cookie:
    return _SECURE[name] if site.is_https else _PLAIN[name]


_NAMES: Final = ("sso", "browser", "device")
_SECURE: Final = {name: Cookie(f"__Host-{name}", is_secure=True) for name in _NAMES}
# Browsers refuse the prefix over plain http, which only this machine's own browser may use.
_PLAIN: Final = {name: Cookie(name, is_secure=False) for name in _NAMES}
