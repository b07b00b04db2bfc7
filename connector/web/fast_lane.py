"""Answer within the event loop, ahead of the routes, whoever comes by redirect and is signed in.

A thread for each, and the framework's own way to a handler, would take as long as the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.binding import read_redirect
from connector.web.cookies import sso_cookie
from connector.web.handoff import hand_over
from connector.web.saml import SSO_PATH
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from connector.idp.at_once import FastLane
    from connector.idp.view import SendResponse
    from connector.web.pages import Pages


def with_fast_lane(app: ASGIApp, fast_lane: FastLane, pages: Pages) -> ASGIApp:
    """Return the application, relieved of what can be answered at once.

    Args:
        app: Gets all the rest, and whatever is not as it should be.
        fast_lane: Answers; called in the event loop.
        pages: Show the answers.

    """
    cookie = sso_cookie(pages.site)
    route = Route(SSO_PATH, with_fast_lane)  # for the log

    def answer(scope: Scope) -> SendResponse | None:
        connection = HTTPConnection(scope)
        signed_on = cookie.read(connection)
        if signed_on is None:
            return None
        try:
            message = read_redirect(scope["query_string"])
        except RequestRefused:  # the handler finds out, and says so
            return None
        return fast_lane.answer(message, visit_of(connection, pages.site), signed_on)

    async def relieved(scope: Scope, receive: Receive, send: Send) -> None:
        is_here = scope["path"] == SSO_PATH and scope["method"] == "GET"
        if is_here and (view := answer(scope)):
            scope["route"] = route
            edition = pages.of(HTTPConnection(scope))
            await hand_over(edition, view)(scope, receive, send)
            return
        await app(scope, receive, send)

    return relieved
