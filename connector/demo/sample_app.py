"""A sample SAML application: "Northwind Intranet". Run it as a module, or within the demo.

It keeps everything in memory: who is in, and which requests wait for an answer.
"""

from __future__ import annotations

import argparse
import secrets
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from connector.clock import Clock, SystemClock
from connector.demo.sample_saml import (
    ResponseRefused,
    Visitor,
    authn_request_url,
    read_idp_metadata,
    read_response,
    sp_metadata,
)
from connector.demo.sample_slo import read_logout
from connector.settings.values import Listen
from connector.web.forms import read_form, require_same_origin
from connector.web.headers import with_headers
from connector.web.pages import STATIC_FOLDER, Edition, make_pages
from connector.web.server import Listener, serve
from connector.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

_COOKIE: Final = "intranet"
_OUTSTANDING_LIMIT: Final = 1000


@dataclass(slots=True)
class _Application:
    """The application's memory and its surroundings."""

    pages: Edition
    idp_metadata: Callable[[], bytes]
    clock: Clock
    visitors: dict[str, Visitor] = field(default_factory=dict)
    outstanding: dict[str, None] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.pages.site.base_url


def sample_app(
    base_url: str, idp_metadata: Callable[[], bytes], clock: Clock | None = None
) -> ASGIApp:
    """Return the application.

    Args:
        base_url: Where browsers reach it, without a path.
        idp_metadata: Fetches the identity provider's metadata; called at every sign-in, so the
            identity provider may start later and may change its keys.
        clock: Tells the time; default: the machine's.

    """
    site = Site(base_url, "Northwind Intranet", language="en")
    pages = make_pages(site, Path(__file__).parent / "templates").editions[site.language]
    state = _Application(pages, idp_metadata, clock or SystemClock())
    routes = [
        Route("/", lambda request: _home(state, request)),
        Route("/sign-in", lambda request: _sign_in(state, request)),
        Route("/saml/metadata", lambda request: _metadata(state, request)),
        Route("/saml/acs", _consumer(state), methods=["POST"]),
        Route("/saml/slo", lambda request: _told_to_leave(state, request)),
        Route("/sign-out", lambda request: _sign_out(state, request), methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
    ]
    return with_headers(Starlette(routes=routes), is_https=pages.site.is_https)


def _home(state: _Application, request: Request) -> Response:
    person = state.visitors.get(request.cookies.get(_COOKIE, ""))
    if person is None:
        return state.pages.page("intranet_welcome", signed_out="left" in request.query_params)
    return state.pages.page("intranet_home", person=person)


def _sign_in(state: _Application, request: Request) -> Response:
    del request
    provider = read_idp_metadata(state.idp_metadata())
    request_id = f"_{secrets.token_hex(16)}"
    state.outstanding[request_id] = None
    while len(state.outstanding) > _OUTSTANDING_LIMIT:
        del state.outstanding[next(iter(state.outstanding))]
    now = state.clock.now()
    url = authn_request_url(provider, state.base_url, request_id=request_id, now=now)
    return RedirectResponse(url, 302)


def _metadata(state: _Application, request: Request) -> Response:
    del request
    document = sp_metadata(state.base_url, signs_out=True)
    return Response(document, media_type="application/samlmetadata+xml")


def _consumer(state: _Application) -> Callable[[Request], object]:
    async def consume(request: Request) -> Response:
        fields = await read_form(request)
        return await run_in_threadpool(_let_in, state, fields.get("SAMLResponse", ""))

    return consume


def _let_in(state: _Application, encoded: str) -> Response:
    try:
        visitor = read_response(
            encoded,
            read_idp_metadata(state.idp_metadata()),
            state.base_url,
            outstanding=state.outstanding,
            now=state.clock.now(),
        )
        _take_once(state, visitor.in_response_to)
    except ResponseRefused as error:
        return _refusal(state, "Not let in", f"The answer was refused: {error}.")
    key = secrets.token_urlsafe(32)
    state.visitors[key] = visitor
    response = RedirectResponse("/", 303)
    is_https = state.pages.site.is_https
    response.set_cookie(_COOKIE, key, httponly=True, secure=is_https, samesite="lax")
    return response


def _take_once(state: _Application, request_id: str) -> None:
    """Let only one of several answers to the same request in."""
    if state.outstanding.pop(request_id, request_id) is not None:
        message = "that request has been answered"
        raise ResponseRefused(message)


def _told_to_leave(state: _Application, request: Request) -> Response:
    """Sign out whom the identity provider says to have signed out, and send the browser back."""
    query: bytes = request.scope["query_string"]
    try:
        provider = read_idp_metadata(state.idp_metadata())
        farewell = read_logout(query, provider, state.base_url, state.clock.now())
    except ResponseRefused as error:
        return _refusal(state, "Not signed out", f"The request was refused: {error}.")
    for key, visitor in list(state.visitors.items()):
        if visitor.session_index in farewell.session_indexes:
            del state.visitors[key]
    return RedirectResponse(farewell.answer_url, 302)


def _refusal(state: _Application, heading: str, words: str) -> Response:
    return state.pages.page(
        "notice", status=403, heading=heading, words=words,
        hint="", request_id="", link="", way_back=None,
    )  # fmt: skip


def _sign_out(state: _Application, request: Request) -> Response:
    require_same_origin(request, state.pages.site)
    state.visitors.pop(request.cookies.get(_COOKIE, ""), None)
    response = RedirectResponse("/?left", 303)
    response.delete_cookie(_COOKIE)
    return response


def main() -> None:
    """Run the application until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A sample SAML application.")
    parser.add_argument("--base-url", default="http://localhost:8081")
    parser.add_argument("--idp-metadata", default="http://localhost:8443/saml/metadata")
    arguments = parser.parse_args()
    app = sample_app(arguments.base_url, lambda: fetch_metadata(arguments.idp_metadata))
    listen = Listen("127.0.0.1", urlsplit(arguments.base_url).port or 80)
    print(f"Open {arguments.base_url}")  # noqa: T201 - what the command is for
    try:
        serve([Listener(app, listen)], threading.Event())
    except KeyboardInterrupt:
        return


def fetch_metadata(url: str) -> bytes:
    """Return the document at an http or https URL."""
    if urlsplit(url).scheme not in {"http", "https"}:
        message = f"not an http or https URL: {url}"
        raise ValueError(message)
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the scheme was checked
        document: bytes = answer.read(1_000_000)
    return document


if __name__ == "__main__":
    main()
