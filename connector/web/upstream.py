"""Other identity providers: send a browser there, take in what it brings back.

What it brings comes by a post of another site, without our cookies. So the answer is checked, kept
for the login that waits for it, and the browser sent on to a GET of ours, which reads the cookies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.errors import RequestRefused, UpstreamRefused
from connector.idp.binding import RESPONSES, read_post
from connector.idp.message.upstream_response import RESPONSE_LIMIT_BYTES
from connector.web.forms import read_form
from connector.web.headers import onward_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.idp.publication import Publication
    from connector.idp.view import SendToSource
    from connector.web.pages import Edition

_METADATA_TYPE = "application/samlmetadata+xml"


def upstream_routes(flow: LoginFlow, publication: Publication) -> list[BaseRoute]:
    """Return the routes below /saml/upstream.

    Args:
        flow: Takes the answers in.
        publication: Shows our metadata to other identity providers.

    """

    def take(request: Request, fields: Mapping[str, str]) -> Response:
        try:
            message = read_post(fields, RESPONSES, RESPONSE_LIMIT_BYTES)
        except RequestRefused as error:
            raise UpstreamRefused(error.reason, str(error)) from error
        transaction = flow.take_answer(message, request.state.address)
        return RedirectResponse(f"/login/{transaction}", 303)

    async def consume(request: Request) -> Response:
        fields = await read_form(request)
        return await run_in_threadpool(take, request, fields)

    def show_metadata(request: Request) -> Response:
        reader = request.state.address if request.method == "GET" else None
        document = publication.for_upstream(request.path_params.get("slug", ""), reader)
        if document is None:
            raise HTTPException(404)
        return Response(document, media_type=_METADATA_TYPE)

    return [
        Route("/saml/upstream/metadata", show_metadata),
        Route("/saml/upstream/metadata/{slug}", show_metadata),
        Route("/saml/upstream/acs", consume, methods=["POST"]),
    ]


def send_to_source(edition: Edition, view: SendToSource, transaction: str) -> Response:
    """Return what takes the browser to an upstream: at once, or by a page that says so.

    A redirect may not follow the form of our e-mail page, whose policy names our own site only. So
    whoever has typed an address gets a page, which goes on by itself, and to which the back button
    leads.
    """
    if view.is_automatic and not (view.email or view.fields):
        return RedirectResponse(view.url, 303)
    response = edition.page(
        "source",
        view=view,
        message=edition.words.text(view.error, source=view.source_name) if view.error else "",
        path=f"/login/{transaction}",
    )
    if view.fields:
        response.headers.update(onward_headers(view.url))
    elif view.is_automatic:
        response.headers["refresh"] = f"0; url={view.url}"
    return response
