"""Turn what went wrong into a page that says what to do, and never what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from starlette.exceptions import HTTPException

from connector.errors import RequestRefused, SourceUnavailable
from connector.web.texts import ENGLISH
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from connector.web.pages import Pages

_log = structlog.get_logger()


def error_pages(pages: Pages) -> Mapping[Any, Any]:
    """Return Starlette's exception handlers: what to answer to which exception."""

    def refused(request: Request, error: HTTPException) -> Response:
        known = str(error.status_code) if str(error.status_code) in ENGLISH else "400"
        response = pages.notice(known, status=error.status_code)
        response.headers.update(error.headers or {})
        if error.status_code == 403:  # noqa: PLR2004 - somebody else's page posted here
            _log.warning("request.refused", reason="other-origin", address=request.state.address)
        return response

    def saml_refused(request: Request, error: RequestRefused) -> Response:
        _log.warning("request.refused", reason=error.reason, address=request.state.address)
        return pages.notice("400", status=400, request_id=request.state.request_id)

    def unavailable(request: Request, error: Exception) -> Response:
        _log.error("request.failed", reason=type(error).__name__, problem=str(error))
        response = pages.notice("503", status=503, request_id=request.state.request_id)
        response.headers["retry-after"] = "60"
        return response

    def failed(request: Request, error: Exception) -> Response:
        del error  # raised again by the framework, and logged once, at the outermost layer
        return pages.notice("500", status=500, request_id=request.state.request_id)

    return {
        HTTPException: refused,
        RequestRefused: saml_refused,
        SourceUnavailable: unavailable,
        StateError: unavailable,
        Exception: failed,
    }
