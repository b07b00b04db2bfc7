"""The pages of one login: who somebody is, what they prove, and the way to the application.

A post changes state and answers 303 to the one GET that shows what comes next, so that reloading
a page never repeats anything, and nothing of the login is in a URL but the number of it.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from connector.errors import RequestRefused
from connector.idp.reason import Reason
from connector.idp.view import (
    AskEmail,
    AskEnrolment,
    AskFactor,
    AskNewPassword,
    AskPasskeyEnrolment,
    AskPassword,
    AskTotpEnrolment,
    SendHome,
    SendResponse,
    SendToSource,
    ShowCodes,
    ShowDenied,
    ShowNotReady,
)
from connector.web.cookies import browser_cookie, device_cookie, sso_cookie
from connector.web.factor_forms import FactorSteps, passkey_answer
from connector.web.forms import read_form, require_same_origin
from connector.web.handoff import hand_over
from connector.web.headers import handoff_headers
from connector.web.methods import get_only
from connector.web.new_password import page_values, read_passwords
from connector.web.upstream import send_to_source
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from connector.idp.flow import LoginFlow
    from connector.idp.view import NextStep
    from connector.web.pages import Edition, Pages

# Machines read the status, people the message; whatever failed at the password is 200.
_STATUS: Final = MappingProxyType({"unavailable": 503, "too-many": 429})
_TEMPLATES: Final = MappingProxyType(
    {
        AskEmail: "email",
        AskPassword: "password",
        AskNewPassword: "new_password",
        AskFactor: "factor",
        AskEnrolment: "enrol",
        AskTotpEnrolment: "enrol_totp",
        AskPasskeyEnrolment: "enrol_passkey",
    }
)
Question = (
    AskEmail
    | AskPassword
    | AskNewPassword
    | AskFactor
    | AskEnrolment
    | AskTotpEnrolment
    | AskPasskeyEnrolment
)
Told = ShowDenied | ShowCodes | ShowNotReady
_UNAVAILABLE_SECONDS: Final = 30


def login_routes(flow: LoginFlow, pages: Pages) -> list[BaseRoute]:
    """Return the routes below /login; a login is in `begin`'s hands until it has a number."""

    def show(request: Request) -> Response:
        return _show(flow, pages, request)

    def email(request: Request, fields: Mapping[str, str]) -> None:
        token, typed = fields.get("step_token", ""), fields.get("email", "")
        flow.first.submit_email(_transaction(request), _browser(pages, request), token, typed)

    def forget(request: Request, fields: Mapping[str, str]) -> None:
        token = fields.get("step_token", "")
        flow.first.forget_email(_transaction(request), _browser(pages, request), token)

    def another(request: Request, fields: Mapping[str, str]) -> None:
        token = fields.get("step_token", "")
        flow.first.leave_source(_transaction(request), _browser(pages, request), token)

    def password(request: Request, fields: Mapping[str, str]) -> None:
        token, typed = fields.get("step_token", ""), fields.get("password", "")
        browser, visit = _browser(pages, request), visit_of(request, pages.site)
        flow.first.submit_password(_transaction(request), browser, token, typed, visit)

    def passkey(request: Request, fields: Mapping[str, str]) -> None:
        token, answer = fields.get("step_token", ""), passkey_answer(fields)
        browser, visit = _browser(pages, request), visit_of(request, pages.site)
        flow.first.submit_passkey(_transaction(request), browser, token, answer, visit)

    def new_password(request: Request, fields: Mapping[str, str]) -> None:
        token, typed = fields.get("step_token", ""), read_passwords(fields)
        browser, visit = _browser(pages, request), visit_of(request, pages.site)
        flow.first.submit_new_password(_transaction(request), browser, token, typed, visit)

    steps = {
        "email": email,
        "forget": forget,
        "another": another,
        "password": password,
        "passkey": passkey,
        "new-password": new_password,
        **FactorSteps(flow, pages.site).by_name(),
    }
    return [
        get_only("/login/{transaction}", show),
        *(
            Route(f"/login/{{transaction}}/{name}", _taking(pages, take), methods=["POST"])
            for name, take in steps.items()
        ),
    ]


def _taking(
    pages: Pages, take: Callable[[Request, Mapping[str, str]], None]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that takes a form of ours and sends the browser on to what follows."""

    async def endpoint(request: Request) -> Response:
        require_same_origin(request, pages.site)
        fields = await read_form(request)
        try:
            await run_in_threadpool(take, request, fields)
        except RequestRefused as error:
            # The back button brings old forms back; the right one follows, and nothing was taken.
            if error.reason not in {Reason.STEP_SKIPPED, Reason.TRANSACTION_ENDED}:
                raise
        return RedirectResponse(f"/login/{_transaction(request)}", 303)

    return endpoint


def _show(flow: LoginFlow, pages: Pages, request: Request) -> Response:
    """Return what comes next; the first browser that asks keeps the login."""
    transaction, known = _transaction(request), _browser(pages, request)
    browser = flow.bind_browser(transaction, known)
    signed_on = sso_cookie(pages.site)
    visit = visit_of(request, pages.site)
    view = flow.next_step(transaction, browser, signed_on.read(request), visit)
    response = _page(pages.of(request), view, transaction)
    if browser != known:
        browser_cookie(pages.site).write(response, browser)
    if isinstance(view, SendResponse | SendHome):
        if view.sso_cookie:
            signed_on.write(response, view.sso_cookie)
        if view.device:
            device_cookie(pages.site).write(response, view.device.value, view.device.lifetime)
    return response


def _page(edition: Edition, view: NextStep, transaction: str) -> Response:
    match view:
        case (
            AskEmail()
            | AskPassword()
            | AskNewPassword()
            | AskFactor()
            | AskEnrolment()
            | AskTotpEnrolment()
            | AskPasskeyEnrolment()
        ):
            return _question(edition, view, transaction)
        case SendToSource():
            return send_to_source(edition, view, transaction)
        case SendResponse():
            return hand_over(edition, view)
        case SendHome():
            return RedirectResponse(view.path, 303)
        case _:
            return _told(edition, view, transaction)


def _told(edition: Edition, view: Told, transaction: str) -> Response:
    """Return a page that asks nothing."""
    match view:
        case ShowDenied():
            return _denied(edition, view)
        case ShowCodes():
            return edition.page("codes", view=view, path=f"/login/{transaction}")
        case ShowNotReady():
            path = f"/login/{transaction}"
            response = edition.page("not_ready", status=503, view=view, path=path)
            response.headers["retry-after"] = "10"
            return response


def _denied(edition: Edition, view: ShowDenied) -> Response:
    words = edition.words.text(view.error, application=view.application_name)
    hint = edition.words.text("denied-hint" if view.way_back is None else "help-hint")
    response = edition.notice("denied", status=403, words=words, hint=hint, way_back=view.way_back)
    if view.way_back is not None:
        response.headers.update(handoff_headers(view.way_back.acs_url))
    return response


def _question(edition: Edition, view: Question, transaction: str) -> Response:
    response = edition.page(
        _TEMPLATES[type(view)],
        status=_STATUS.get(view.error, 200),
        view=view,
        message=edition.words.message(view.error),
        path=f"/login/{transaction}",
        **_more(edition, view),
    )
    if seconds := _retry_after(view):
        response.headers["retry-after"] = str(seconds)
    return response


def _retry_after(view: Question) -> int:
    """Return the seconds after which it is worth another try; 0 if that may be at once."""
    match view:
        case AskPassword(error="too-many") | AskNewPassword(error="too-many"):
            return max(1, ceil(view.wait.total_seconds()))
        case _:
            return _UNAVAILABLE_SECONDS if view.error == "unavailable" else 0


def _more(edition: Edition, view: Question) -> Mapping[str, object]:
    """Return what the page of a question shows besides the view."""
    return page_values(view, edition.words) if isinstance(view, AskNewPassword) else {}


def _transaction(request: Request) -> str:
    return str(request.path_params["transaction"])


def _browser(pages: Pages, request: Request) -> str | None:
    return browser_cookie(pages.site).read(request)
