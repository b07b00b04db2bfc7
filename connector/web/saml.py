"""The SAML endpoints: take a message in, and answer it or send the browser on to a page of ours.

Who comes by redirect and is signed in gets through at once. A post from another site does not
carry our session cookie, so nothing is decided there: the request becomes a stored login, and the
GET that follows reads the cookies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from connector.idp.binding import read_post, read_redirect
from connector.web.cookies import sso_cookie
from connector.web.forms import read_form
from connector.web.handoff import hand_over
from connector.web.methods import get_only
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from connector.idp.binding import BoundMessage
    from connector.idp.flow import LoginFlow
    from connector.idp.publication import Publication
    from connector.web.pages import Pages

SSO_PATH = "/saml/sso"
_METADATA_TYPE = "application/samlmetadata+xml"


def saml_routes(flow: LoginFlow, pages: Pages, publication: Publication) -> list[BaseRoute]:
    """Return the routes below /saml.

    Args:
        flow: Takes the requests in.
        pages: Shows the answers.
        publication: Shows our metadata as it is now.

    """
    cookie = sso_cookie(pages.site)

    def begin(request: Request, message: BoundMessage, signed_on: str | None = None) -> Response:
        begun = flow.begin(message, visit_of(request, pages.site), signed_on)
        return hand_over(pages.of(request), begun)

    def sso_redirect(request: Request) -> Response:
        message = read_redirect(request.scope["query_string"])
        return begin(request, message, cookie.read(request))

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
        get_only(SSO_PATH, sso_redirect),
        Route(SSO_PATH, sso_post, methods=["POST"]),
    ]
