"""Hand an answer over to the application, through the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from connector.web.headers import handoff_headers

if TYPE_CHECKING:
    from starlette.responses import Response

    from connector.idp.view import SendResponse
    from connector.web.pages import Pages


def hand_over(pages: Pages, begun: str | SendResponse) -> Response:
    """Return the page that carries the answer; or, for the id of a login, the way to its pages."""
    if isinstance(begun, str):
        return RedirectResponse(f"/login/{begun}", 303)
    response = pages.page("handoff", view=begun)
    response.headers.update(handoff_headers(begun.acs_url))
    return response
