"""Put the public application together: routes, pages, errors, headers, log."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from connector.idp.own_account import OwnAccount
from connector.web.access import with_access_log
from connector.web.branding import brand_routes
from connector.web.duo import duo_routes
from connector.web.errors import error_pages
from connector.web.fast_lane import with_fast_lane
from connector.web.headers import with_headers
from connector.web.keys import OwnPages
from connector.web.login import login_routes
from connector.web.logout import logout_routes
from connector.web.pages import STATIC_FOLDER, make_pages
from connector.web.portal import portal_routes
from connector.web.saml import saml_routes
from connector.web.slo import slo_routes
from connector.web.upstream import upstream_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from connector.idp.at_once import FastLane
    from connector.idp.flow import LoginFlow
    from connector.idp.logout.flow import LogoutFlow
    from connector.idp.publication import Publication
    from connector.web.pages import Pages
    from connector.web.site import Site


def _new_id() -> str:
    return secrets.token_hex(8)


def web_app(
    flow: LoginFlow,
    logout: LogoutFlow,
    site: Site,
    publication: Publication,
    fast_lane: FastLane | None = None,
    new_id: Callable[[], str] = _new_id,
) -> ASGIApp:
    """Return the public application.

    Args:
        flow: The logins; called in threads.
        logout: The logouts, likewise.
        site: Where browsers reach us, and what the pages say.
        publication: Shows our SAML metadata as it is now.
        fast_lane: Answers what can be answered at once; called in the event loop.
        new_id: Makes the numbers of requests, for the log and the help desk.

    """
    pages = make_pages(site)
    ahead = [Middleware(with_fast_lane, fast_lane, pages)] if fast_lane else []
    app = Starlette(
        routes=public_routes(flow, logout, pages, publication),
        middleware=ahead,
        exception_handlers=error_pages(pages, flow.note_foreign_form),
    )
    # The framework would redirect "/login/x/" to a URL made of the Host header.
    app.router.redirect_slashes = False
    return with_access_log(with_headers(app, is_https=site.is_https), site, new_id)


def public_routes(
    flow: LoginFlow, logout: LogoutFlow, pages: Pages, publication: Publication
) -> list[BaseRoute]:
    """Return every route of the public application."""
    return [
        *portal_routes(flow, logout, pages),
        *saml_routes(flow, pages, publication),
        *(upstream_routes(flow, publication) if publication.has_upstreams else ()),
        *duo_routes(flow, pages),
        *login_routes(flow, pages),
        *OwnPages(flow, OwnAccount(logout.parts), pages).routes(),
        *slo_routes(logout, pages),
        *logout_routes(logout, pages),
        *brand_routes(pages.site.brand),
        Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
    ]
