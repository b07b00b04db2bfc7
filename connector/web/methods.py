"""Routes that GET alone takes, because to ask them does something.

The framework would take HEAD wherever it takes GET, do all that GET does, and throw the page away.
Mail programs and proxies ask so for addresses that nobody has opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable


def get_only(path: str, endpoint: Callable[..., Any]) -> Route:
    """Return a route that answers GET, and 405 to whatever else.

    >>> get_only("/open/{slug}", get_only).methods
    {'GET'}

    """
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route
