"""A person's own account: the pages on which they see and change what guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.home import KEYS, PORTAL, SIGN_INS
from connector.idp.reason import Reason
from connector.web.cookies import device_cookie, sso_cookie
from connector.web.forms import read_form, require_same_origin
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.idp.own_account import OwnAccount
    from connector.web.pages import Pages

    Take = Callable[[Request, Mapping[str, str]], str]

# After these a page is shown anew: nothing was done.
_SHOWN_ANEW = frozenset(
    {Reason.PROOF_MISSING, Reason.STEP_TOKEN, Reason.FACTOR_UNKNOWN, Reason.TRANSACTION_ENDED}
)


def key_routes(flow: LoginFlow, account: OwnAccount, pages: Pages) -> list[BaseRoute]:
    """Return the routes of a person's own account.

    Args:
        flow: Signs in whoever comes without a session, or without a proof that is fresh enough.
        account: Shows and changes what they have.
        pages: Show it.

    """
    cookie, devices = sso_cookie(pages.site), device_cookie(pages.site)

    def sign_in(path: str, *, adds_factor: bool = False) -> Response:
        return RedirectResponse(f"/login/{flow.begin_at_home(path, adds_factor=adds_factor)}", 303)

    def keys(request: Request) -> Response:
        own = account.keys(cookie.read(request))
        if own is None:
            return sign_in(KEYS)
        return pages.of(request).page("keys", own=own)

    def sign_ins(request: Request) -> Response:
        own = account.sign_ins(cookie.read(request))
        if own is None:
            return sign_in(SIGN_INS)
        return pages.of(request).page("sign_ins", own=own)

    def rename(request: Request, fields: Mapping[str, str]) -> str:
        visit, name = visit_of(request, pages.site), fields.get("name", "")
        factor = fields.get("factor", "")
        account.rename(cookie.read(request), _token(fields), factor, name, visit)
        return KEYS

    def remove(request: Request, fields: Mapping[str, str]) -> str:
        visit, factor = visit_of(request, pages.site), fields.get("factor", "")
        account.remove(cookie.read(request), _token(fields), factor, visit)
        return KEYS

    def forget(request: Request, fields: Mapping[str, str]) -> str:
        visit, digest = visit_of(request, pages.site), _digest(fields.get("device", ""))
        account.forget_device(cookie.read(request), _token(fields), digest, visit)
        return KEYS

    def end(request: Request, fields: Mapping[str, str]) -> str:
        account.end(cookie.read(request), _token(fields), fields.get("session", ""))
        return SIGN_INS

    def end_everything(request: Request, fields: Mapping[str, str]) -> str:
        account.end_everything(cookie.read(request), _token(fields))
        return PORTAL

    async def add(request: Request) -> Response:
        require_same_origin(request, pages.site)
        await read_form(request)
        return await run_in_threadpool(sign_in, KEYS, adds_factor=True)

    async def sign_in_here(request: Request) -> Response:
        require_same_origin(request, pages.site)
        await read_form(request)
        return await run_in_threadpool(sign_in, PORTAL)

    def taking(take: Take, shown: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint that takes a form, and sends the browser on to what it returns."""

        async def endpoint(request: Request) -> Response:
            require_same_origin(request, pages.site)
            fields = await read_form(request)
            path = shown
            try:
                path = await run_in_threadpool(take, request, fields)
            except RequestRefused as error:
                if error.reason not in _SHOWN_ANEW:
                    raise
            response = RedirectResponse(path, 303)
            if path == PORTAL:
                cookie.remove(response)
                devices.remove(response)
            return response

        return endpoint

    return [
        Route(KEYS, keys),
        Route(SIGN_INS, sign_ins),
        Route("/sign-in", sign_in_here, methods=["POST"]),
        Route(f"{KEYS}/add", add, methods=["POST"]),
        Route(f"{KEYS}/rename", taking(rename, KEYS), methods=["POST"]),
        Route(f"{KEYS}/remove", taking(remove, KEYS), methods=["POST"]),
        Route(f"{KEYS}/forget", taking(forget, KEYS), methods=["POST"]),
        Route(f"{SIGN_INS}/end", taking(end, SIGN_INS), methods=["POST"]),
        Route(f"{SIGN_INS}/end-all", taking(end_everything, SIGN_INS), methods=["POST"]),
    ]


def _token(fields: Mapping[str, str]) -> str:
    return fields.get("form_token", "")


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
