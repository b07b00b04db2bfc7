"""The pages of a logout, between one application and the next.

Each step is a page of its own, never a redirect behind a form: the policy of the page that the form
was on would have to allow every application after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.logout.view import AskSignOut, AwaitAnswer, SendMessage, ShowOutcome
from connector.idp.reason import Reason
from connector.web.cookies import browser_cookie, sso_cookie
from connector.web.forms import read_form, require_same_origin
from connector.web.headers import handoff_headers
from connector.web.methods import get_only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.logout.flow import LogoutFlow
    from connector.idp.logout.view import LogoutView
    from connector.web.pages import Edition, Pages


def logout_routes(logout: LogoutFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes below /logout, and /sign-out, by which the portal begins one."""
    browsers = browser_cookie(pages.site)

    def sign_out(request: Request) -> Response:
        return _sign_out(logout, pages, request)

    def find(request: Request) -> Response:
        logout_id = logout.find(browsers.read(request))
        return RedirectResponse(f"/logout/{logout_id}" if logout_id else "/", 303)

    def show(request: Request) -> Response:
        try:
            return _show(logout, pages, request)
        except RequestRefused as error:
            return _stopped(pages, error, request)

    def confirm(request: Request, token: str) -> None:
        cookie, address = sso_cookie(pages.site).read(request), request.state.address
        logout.confirm(_logout_id(request), browsers.read(request), cookie, token, address)

    def go_on(request: Request, token: str) -> None:
        logout.skip(_logout_id(request), browsers.read(request), token)

    async def begin(request: Request) -> Response:
        require_same_origin(request, pages.site)
        return await run_in_threadpool(sign_out, request)

    return [
        Route("/sign-out", begin, methods=["POST"]),
        Route("/logout", find),
        get_only("/logout/{logout}", show),
        Route("/logout/{logout}/sign-out", _taking(pages, confirm), methods=["POST"]),
        Route("/logout/{logout}/go-on", _taking(pages, go_on), methods=["POST"]),
    ]


def _taking(
    pages: Pages, take: Callable[[Request, str], None]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that takes a form of ours and sends the browser on to what follows."""

    async def endpoint(request: Request) -> Response:
        require_same_origin(request, pages.site)
        token = (await read_form(request)).get("step_token", "")
        try:
            await run_in_threadpool(take, request, token)
        except RequestRefused as error:
            return _stopped(pages, error, request)
        return RedirectResponse(f"/logout/{_logout_id(request)}", 303)

    return endpoint


def _sign_out(logout: LogoutFlow, pages: Pages, request: Request) -> Response:
    """End the session of the browser; the way to its applications begins with the next page."""
    browsers, signed_on = browser_cookie(pages.site), sso_cookie(pages.site)
    cookie, browser = signed_on.read(request), browsers.read(request)
    begun = logout.begin_at_portal(cookie, browser, request.state.address)
    response = RedirectResponse(f"/logout/{begun[0]}" if begun else "/", 303)
    if begun and begun[1] != browser:
        browsers.write(response, begun[1])
    signed_on.remove(response)
    return response


def _show(logout: LogoutFlow, pages: Pages, request: Request) -> Response:
    """Return what comes next; the first browser that asks keeps the logout."""
    browsers, signed_on = browser_cookie(pages.site), sso_cookie(pages.site)
    logout_id, known, cookie = _logout_id(request), browsers.read(request), signed_on.read(request)
    browser = logout.bind_browser(logout_id, known, cookie)
    insists, address = "insist" in request.query_params, request.state.address
    view = logout.next_step(logout_id, browser, cookie, address, insists=insists)
    response = _page(pages.of(request), view, f"/logout/{logout_id}")
    if browser != known:
        browsers.write(response, browser)
    if cookie and logout.ended(logout_id, cookie):
        signed_on.remove(response)
    return response


def _page(edition: Edition, view: LogoutView, path: str) -> Response:
    match view:
        case SendMessage():
            response = edition.page("logout_step", view=view)
            response.headers.update(handoff_headers(view.url))
            return response
        case AskSignOut():
            words = edition.words.text("logout-ask", application=view.application_name)
            return edition.page("logout_ask", view=view, path=path, words=words)
        case AwaitAnswer():
            words = edition.words.text("logout-await", application=view.application_name)
            return edition.page("logout_await", view=view, path=path, words=words)
        case ShowOutcome():
            return edition.page("logout_outcome", view=view, path=path)


def _stopped(pages: Pages, error: RequestRefused, request: Request) -> Response:
    """Return the page for a logout that is over, somebody else's, or of a form made for neither."""
    status = 403 if error.reason in {Reason.OTHER_BROWSER, Reason.STEP_TOKEN} else 400
    edition, number = pages.of(request), request.state.request_id
    words = edition.words.text("logout-ended")
    return edition.notice("logout-refused", status=status, words=words, request_id=number, link="/")


def _logout_id(request: Request) -> str:
    return str(request.path_params["logout"])
