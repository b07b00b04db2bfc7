"""Hand an answer over to the application, through the browser."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from markupsafe import escape
from starlette.responses import RedirectResponse

from connector.idp.view import SendResponse
from connector.web.headers import handoff_headers

if TYPE_CHECKING:
    from starlette.responses import Response

    from connector.web.pages import Edition

# Stands in a page where a value will be; no name and no address of an application is like it.
_SEAM: Final = secrets.token_hex(16)


def hand_over(edition: Edition, begun: str | SendResponse) -> Response:
    """Return the page that carries the answer; or, for the id of a login, the way to its pages."""
    if isinstance(begun, str):
        return RedirectResponse(f"/login/{begun}", 303)
    values = [begun.saml_response.encode()]  # base64: there is nothing to escape
    values += [escape(begun.relay_state).encode()] if begun.relay_state else []
    first, *others = _pieces(edition, begun.application_name, begun.acs_url, len(values))
    filled = [first]
    for value, piece in zip(values, others, strict=True):
        filled += (value, piece)
    return edition.answer(b"".join(filled), headers=handoff_headers(begun.acs_url))


@lru_cache(maxsize=512)
def _pieces(edition: Edition, name: str, acs_url: str, count: int) -> tuple[bytes, ...]:
    """Return the page of an application as it stands around the values that are never the same.

    Kept by language, as an edition has one.
    """
    view = SendResponse(name, acs_url, _SEAM, _SEAM if count > 1 else "")
    return tuple(edition.render("handoff", view=view).encode().split(_SEAM.encode()))
