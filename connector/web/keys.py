"""A person's own account: the pages on which they see and change what guards it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.home import KEYS, PORTAL, SIGN_INS
from connector.idp.reason import Reason
from connector.web.cookies import device_cookie, sso_cookie
from connector.web.forms import read_form, require_same_origin
from connector.web.methods import get_only
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.idp.own_account import OwnAccount
    from connector.web.pages import Pages

    Fields = Mapping[str, str]
    Take = Callable[[Request, Fields], None]

# After these a page is shown anew: nothing was done.
_SHOWN_ANEW = frozenset({Reason.PROOF_MISSING, Reason.FACTOR_UNKNOWN, Reason.TRANSACTION_ENDED})


@dataclass(frozen=True, slots=True)
class OwnPages:
    """The pages of a person's own account.

    Attributes:
        flow: Signs in whoever comes without a session, or without a proof that is fresh enough.
        account: Shows and changes what they have.
        pages: Show it.

    """

    flow: LoginFlow
    account: OwnAccount
    pages: Pages

    def routes(self) -> list[BaseRoute]:
        """Return their routes."""
        forms = {
            f"{KEYS}/rename": self._rename,
            f"{KEYS}/remove": self._remove,
            f"{KEYS}/forget": self._forget,
            f"{SIGN_INS}/end": self._end,
        }
        return [
            get_only(KEYS, self._keys),
            get_only(SIGN_INS, self._sign_ins),
            Route("/sign-in", self._sign_in_here, methods=["POST"]),
            Route(f"{KEYS}/add", self._add, methods=["POST"]),
            Route(f"{SIGN_INS}/end-all", self._end_all, methods=["POST"]),
            *(Route(path, self._taking(take), methods=["POST"]) for path, take in forms.items()),
        ]

    def _keys(self, request: Request) -> Response:
        own = self.account.keys(self._cookie(request))
        if own is None:
            return self._sign_in(KEYS)
        return self.pages.of(request).page("keys", own=own)

    def _sign_ins(self, request: Request) -> Response:
        own = self.account.sign_ins(self._cookie(request))
        if own is None:
            return self._sign_in(SIGN_INS)
        return self.pages.of(request).page("sign_ins", own=own)

    def _rename(self, request: Request, fields: Fields) -> None:
        factor, name = fields.get("factor", ""), fields.get("name", "")
        visit = visit_of(request, self.pages.site)
        self.account.rename(self._cookie(request), _token(fields), factor, name, visit)

    def _remove(self, request: Request, fields: Fields) -> None:
        visit = visit_of(request, self.pages.site)
        factor = fields.get("factor", "")
        self.account.remove(self._cookie(request), _token(fields), factor, visit)

    def _forget(self, request: Request, fields: Fields) -> None:
        visit = visit_of(request, self.pages.site)
        digest = _digest(fields.get("device", ""))
        self.account.forget_device(self._cookie(request), _token(fields), digest, visit)

    def _end(self, request: Request, fields: Fields) -> None:
        visit = visit_of(request, self.pages.site)
        self.account.end(self._cookie(request), _token(fields), fields.get("session", ""), visit)

    def _end_everything(self, request: Request, fields: Fields) -> None:
        visit = visit_of(request, self.pages.site)
        self.account.end_everything(self._cookie(request), _token(fields), visit)

    async def _end_all(self, request: Request) -> Response:
        response = await self._take(request, self._end_everything, PORTAL)
        if isinstance(response, RedirectResponse):
            for each in (sso_cookie(self.pages.site), device_cookie(self.pages.site)):
                each.remove(response)
        return response

    async def _add(self, request: Request) -> Response:
        await self._read(request)
        return await run_in_threadpool(self._sign_in, KEYS, adds_factor=True)

    async def _sign_in_here(self, request: Request) -> Response:
        await self._read(request)
        return await run_in_threadpool(self._sign_in, PORTAL)

    def _sign_in(self, path: str, *, adds_factor: bool = False) -> Response:
        begun = self.flow.begin_at_home(path, adds_factor=adds_factor)
        return RedirectResponse(f"/login/{begun}", 303)

    def _taking(self, take: Take) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint that takes a form, and shows the page that it was on."""

        async def endpoint(request: Request) -> Response:
            return await self._take(request, take, request.url.path.rpartition("/")[0])

        return endpoint

    async def _take(self, request: Request, take: Take, page: str) -> Response:
        """Take a form, and go to that page of ours."""
        fields = await self._read(request)
        try:
            await run_in_threadpool(take, request, fields)
        except RequestRefused as error:
            if error.reason == Reason.STEP_TOKEN:
                return self.pages.of(request).notice("403", status=403, link=page)
            if error.reason not in _SHOWN_ANEW:
                raise
        return RedirectResponse(page, 303)

    async def _read(self, request: Request) -> Fields:
        require_same_origin(request, self.pages.site)
        return await read_form(request)

    def _cookie(self, request: Request) -> str | None:
        return sso_cookie(self.pages.site).read(request)


def _token(fields: Fields) -> str:
    return fields.get("form_token", "")


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
