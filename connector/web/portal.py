"""The front page: who is signed in, what is open to them, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.web.cookies import browser_cookie, sso_cookie
from connector.web.handoff import hand_over
from connector.web.methods import get_only
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.idp.logout.flow import LogoutFlow
    from connector.web.pages import Pages

# More than that are not taken in at a glance.
_FEW = 12
_SOUGHT_LIMIT = 100


def portal_routes(flow: LoginFlow, logout: LogoutFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes of the portal; signing out is among those of `logout`."""
    cookie, browsers = sso_cookie(pages.site), browser_cookie(pages.site)

    def front(request: Request) -> Response:
        person = flow.session_of(cookie.read(request))
        if person is None:
            is_unfinished = logout.is_unfinished(browsers.read(request))
            return pages.of(request).page("welcome", is_unfinished=is_unfinished)
        sought = request.query_params.get("q", "")[:_SOUGHT_LIMIT].strip()
        tiles = [each for each in person.tiles if sought.casefold() in each.name.casefold()]
        return pages.of(request).page(
            "portal",
            person=person.name,
            tiles=tiles,
            sought=sought,
            has_many=len(person.tiles) > _FEW,
        )

    def open_application(request: Request) -> Response:
        # It is the login that asks who the person is, so this may be a bookmark.
        slug = request.path_params["slug"]
        if login_url := flow.login_url(slug):
            return RedirectResponse(login_url, 303)
        begun = flow.begin_at_portal(slug, visit_of(request, pages.site), cookie.read(request))
        return hand_over(pages.of(request), begun)

    return [
        Route("/", front),
        get_only("/open/{slug}", open_application),
    ]
