"""The SAML endpoints: take a message in, and send the browser on to a page of ours.

A post from another site does not carry our session cookie. So nothing is decided here: the
request becomes a stored transaction, and the GET that follows reads the cookies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connector.idp.binding import read_post, read_redirect
from connector.web.forms import read_form

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.idp.binding import BoundMessage
    from connector.idp.flow import LoginFlow
    from connector.idp.publication import Publication

_METADATA_TYPE = "application/samlmetadata+xml"


def saml_routes(flow: LoginFlow, publication: Publication) -> list[BaseRoute]:
    """Return the routes below /saml.

    Args:
        flow: Takes the requests in.
        publication: Shows our metadata as it is now.

    """

    def begin(request: Request, message: BoundMessage) -> Response:
        transaction = flow.begin(message, request.state.address)
        return RedirectResponse(f"/login/{transaction}", 303)

    def sso_redirect(request: Request) -> Response:
        return begin(request, read_redirect(request.scope["query_string"]))

    async def sso_post(request: Request) -> Response:
        fields = await read_form(request)
        return await run_in_threadpool(begin, request, read_post(fields))

    def show_metadata(request: Request) -> Response:
        # Who only asks for the headers sees no certificate.
        reader = request.state.address if request.method == "GET" else None
        document = publication.document(request.path_params.get("application", ""), reader)
        if document is None:
            raise HTTPException(404)
        return Response(document, media_type=_METADATA_TYPE)

    return [
        Route("/saml/metadata", show_metadata),
        Route("/saml/metadata/{application}", show_metadata),
        Route("/saml/sso", sso_redirect, methods=["GET"]),
        Route("/saml/sso", sso_post, methods=["POST"]),
    ]
