"""Duo within a login: send a browser there, and take it back with what Duo says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.authenticator.duo_answer import read_callback
from connector.idp.reason import Reason
from connector.web.cookies import browser_cookie
from connector.web.factor_forms import remembers, sent
from connector.web.forms import read_form, require_same_origin
from connector.web.methods import get_only
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.web.pages import Pages


def duo_routes(flow: LoginFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes; they come before those of logins, which have any word in that place."""
    browsers = browser_cookie(pages.site)

    def leave(request: Request, fields: Mapping[str, str]) -> Response:
        form, visit = sent(request, fields, pages.site), visit_of(request, pages.site)
        path = f"/login/{form.transaction_id}"
        try:
            view = flow.second.leave_for_duo(form, visit, remembers=remembers(fields))
        except RequestRefused as error:
            if error.reason not in {Reason.STEP_SKIPPED, Reason.TRANSACTION_ENDED}:
                raise
            return RedirectResponse(path, 303)
        if view is None:
            return RedirectResponse(path, 303)
        # A redirect may not follow a form whose policy names our own site only.
        response = pages.of(request).page("duo", view=view, path=path)
        response.headers["refresh"] = f"0; url={view.url}"
        return response

    async def go(request: Request) -> Response:
        require_same_origin(request, pages.site)
        return await run_in_threadpool(leave, request, await read_form(request))

    def come_back(request: Request) -> Response:
        answer = read_callback(request.scope["query_string"])
        visit = visit_of(request, pages.site)
        transaction = flow.second.come_back_from_duo(answer, browsers.read(request), visit)
        return RedirectResponse(f"/login/{transaction}", 303)

    return [
        get_only("/login/duo", come_back),
        Route("/login/{transaction}/duo", go, methods=["POST"]),
    ]
