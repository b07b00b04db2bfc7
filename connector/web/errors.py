"""Turn what went wrong into a page that says what to do, and never what it was."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import structlog
from starlette.exceptions import HTTPException

from connector.errors import RequestRefused, SourceUnavailable, UpstreamRefused
from connector.idp.reason import Reason
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from connector.web.pages import Pages

_log = structlog.get_logger()


# Refusals that a person can come to without doing wrong, and what the page says then.
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Reason.TRANSACTION_UNKNOWN: "expired",
        Reason.TRANSACTION_ENDED: "expired",
        Reason.REQUEST_REPLAYED: "expired",
        Reason.STEP_TOKEN: "expired",
        Reason.OTHER_BROWSER: "other-browser",
        Reason.RESPONSE_UNSOLICITED: "expired",
        Reason.ASSERTION_REPLAYED: "expired",
        Reason.UPSTREAM_UNKNOWN: "upstream-away",
    }
)
_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {Reason.STEP_TOKEN: 403, Reason.OTHER_BROWSER: 403, Reason.UPSTREAM_UNKNOWN: 503}
)


def error_pages(pages: Pages, note_foreign_form: Callable[[str], None]) -> Mapping[Any, Any]:
    """Return Starlette's exception handlers: what to answer to which exception.

    Args:
        pages: Say so.
        note_foreign_form: Keeps in the audit that a form came from elsewhere, and from which
            address.

    """

    def not_answered(request: Request, error: HTTPException) -> Response:
        edition, status = pages.of(request), str(error.status_code)
        known = status if edition.words.knows(status) else "400"
        if error.status_code == 403:
            _log.warning("login.refused", reason="other-origin", address=request.state.address)
            note_foreign_form(request.state.address)
        response = edition.notice(known, status=error.status_code)
        response.headers.update(error.headers or {})
        return response

    def refused(request: Request, error: RequestRefused | UpstreamRefused) -> Response:
        _log.warning("login.refused", reason=error.reason, address=request.state.address)
        usual = "refused" if isinstance(error, RequestRefused) else "upstream-unusable"
        edition = pages.of(request)
        words = edition.words.text(_WORDS.get(error.reason, usual))
        hint = edition.words.text("denied-hint")
        number = request.state.request_id
        status = _STATUS.get(error.reason, 400)
        return edition.notice("denied", status=status, words=words, hint=hint, request_id=number)

    def unavailable(request: Request, error: Exception) -> Response:
        _log.error("http.failed", reason=type(error).__name__, problem=str(error))
        number = request.state.request_id
        response = pages.of(request).notice("503", status=503, request_id=number)
        response.headers["retry-after"] = "30"
        return response

    def failed(request: Request, error: Exception) -> Response:
        del error  # raised again by the framework, and logged once, at the outermost layer
        number = request.state.request_id
        return pages.of(request).notice("500", status=500, request_id=number)

    return {
        HTTPException: not_answered,
        RequestRefused: refused,
        UpstreamRefused: refused,
        SourceUnavailable: unavailable,
        StateError: unavailable,
        Exception: failed,
    }
