"""What a request says of the browser that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.visit import USER_AGENT_LIMIT, Visit
from connector.web.cookies import device_cookie

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from connector.web.site import Site


def visit_of(request: HTTPConnection, site: Site) -> Visit:
    """Return what a login wants to know of a request."""
    user_agent = request.headers.get("user-agent", "")[:USER_AGENT_LIMIT]
    return Visit(request.state.address, user_agent, device_cookie(site).read(request))
