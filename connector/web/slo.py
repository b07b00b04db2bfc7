"""Single logout's SAML endpoint: take a message in, and send the browser on to a page of ours.

As at sign-on, a post from another site decides nothing by cookies: what it brought is kept, and the
GET that follows reads them. Servers get their answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.binding import read_post, read_redirect
from connector.idp.message.soap import MEDIA_TYPE
from connector.idp.names import MessageKind
from connector.idp.reason import Reason
from connector.web.forms import read_body, read_form
from connector.web.methods import get_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.idp.binding import BoundMessage
    from connector.idp.logout.flow import LogoutFlow
    from connector.web.pages import Pages

_KINDS: Final = tuple(MessageKind)
_ENVELOPES: Final = frozenset({MEDIA_TYPE, "application/soap+xml"})


def slo_routes(logout: LogoutFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes of /saml/slo."""

    def take(request: Request, read: Callable[[], BoundMessage]) -> Response:
        try:
            logout_id = logout.take(read(), request.state.address)
        except RequestRefused as error:
            return _refusal(pages, error, request)
        return RedirectResponse(f"/logout/{logout_id}", 303)

    def by_redirect(request: Request) -> Response:
        query = request.scope["query_string"]
        return take(request, lambda: read_redirect(query, _KINDS))

    def by_soap(content: bytes, address: str) -> Response:
        try:
            return Response(logout.take_soap(content, address), media_type=MEDIA_TYPE)
        except RequestRefused:
            return Response("this request is not accepted\n", 400, media_type="text/plain")

    async def by_post(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _ENVELOPES:
            content = await read_body(request)
            return await run_in_threadpool(by_soap, content, request.state.address)
        fields = await read_form(request)
        return await run_in_threadpool(take, request, lambda: read_post(fields, _KINDS))

    return [
        get_only("/saml/slo", by_redirect),
        Route("/saml/slo", by_post, methods=["POST"]),
    ]


def _refusal(pages: Pages, error: RequestRefused, request: Request) -> Response:
    """Return what follows on a message that is not taken; nobody is left standing there.

    Who loads a page again, or comes back from an application too late, goes on where they were.
    """
    if error.reason in {Reason.REQUEST_REPLAYED, Reason.RESPONSE_UNEXPECTED}:
        return RedirectResponse("/logout", 303)
    number = request.state.request_id
    edition = pages.of(request)
    return edition.notice("logout-refused", status=400, request_id=number, link="/logout")
