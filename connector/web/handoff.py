"""Hand an answer over to the application, through the browser."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from markupsafe import escape
from starlette.responses import HTMLResponse, RedirectResponse

from connector.idp.view import SendResponse
from connector.web.headers import handoff_headers

if TYPE_CHECKING:
    from starlette.responses import Response

    from connector.web.pages import Pages

# Stands in a page where a value will be; no name and no address of an application is like it.
_SEAM: Final = secrets.token_hex(16)


def hand_over(pages: Pages, begun: str | SendResponse) -> Response:
    """Return the page that carries the answer; or, for the id of a login, the way to its pages."""
    if isinstance(begun, str):
        return RedirectResponse(f"/login/{begun}", 303)
    values = [begun.saml_response]  # base64: there is nothing to escape
    values += [escape(begun.relay_state)] if begun.relay_state else []
    first, *others = _pieces(pages, begun.application_name, begun.acs_url, len(values))
    filled = [first]
    for value, piece in zip(values, others, strict=True):
        filled += (value, piece)
    return HTMLResponse("".join(filled), headers=handoff_headers(begun.acs_url))


@lru_cache(maxsize=256)
def _pieces(pages: Pages, name: str, acs_url: str, count: int) -> tuple[str, ...]:
    """Return the page of an application as it stands around the values that are never the same."""
    view = SendResponse(name, acs_url, _SEAM, _SEAM if count > 1 else "")
    return tuple(pages.render("handoff", view=view).split(_SEAM))
