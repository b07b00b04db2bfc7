"""The front page: who is signed in, what is open to them, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.web.cookies import sso_cookie
from connector.web.forms import require_same_origin
from connector.web.handoff import hand_over

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.web.pages import Pages


def portal_routes(flow: LoginFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes of the portal."""
    cookie = sso_cookie(pages.site)

    def front(request: Request) -> Response:
        person = flow.session_of(cookie.read(request))
        if person is None:
            return pages.page("welcome", signed_out="signed-out" in request.query_params)
        return pages.page("portal", person=person.name, applications=person.applications)

    def open_application(request: Request) -> Response:
        # It is the login that asks who the person is, so this may be a bookmark.
        slug = request.path_params["slug"]
        begun = flow.begin_at_portal(slug, request.state.address, cookie.read(request))
        return hand_over(pages, begun)

    async def sign_out(request: Request) -> Response:
        require_same_origin(request, pages.site)
        await run_in_threadpool(flow.sign_out, cookie.read(request))
        response = RedirectResponse("/?signed-out", 303)
        cookie.remove(response)
        return response

    return [
        Route("/", front),
        Route("/open/{slug}", open_application),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]
