"""The forms of second factors within a login: what each sends, and who takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.factor_forms import Form
from connector.idp.first_factor import PasskeyAnswer
from connector.web.cookies import browser_cookie
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from connector.idp.flow import LoginFlow
    from connector.web.site import Site

    Take = Callable[[Request, Mapping[str, str]], None]


def factor_steps(flow: LoginFlow, site: Site) -> dict[str, Take]:
    """Return what takes each form, by the last part of its path."""

    def sent(request: Request, fields: Mapping[str, str]) -> Form:
        browser = browser_cookie(site).read(request)
        transaction = str(request.path_params["transaction"])
        return Form(transaction, browser, fields.get("step_token", ""))

    def choose(request: Request, fields: Mapping[str, str]) -> None:
        form, visit = sent(request, fields), visit_of(request, site)
        flow.second.choose(form, visit, fields.get("kind", ""))

    def code(request: Request, fields: Mapping[str, str]) -> None:
        form, visit, kind = sent(request, fields), visit_of(request, site), fields.get("kind", "")
        typed, remembers = fields.get("code", ""), "remember" in fields
        flow.second.submit_code(form, visit, kind, typed, remembers=remembers)

    def factor_passkey(request: Request, fields: Mapping[str, str]) -> None:
        form, visit, remembers = sent(request, fields), visit_of(request, site), "remember" in fields
        flow.second.submit_passkey(form, visit, passkey_answer(fields), remembers=remembers)

    def enrol(request: Request, fields: Mapping[str, str]) -> None:
        form, visit = sent(request, fields), visit_of(request, site)
        flow.second.begin_enrolment(form, visit, fields.get("kind", ""))

    def enrol_totp(request: Request, fields: Mapping[str, str]) -> None:
        form, visit = sent(request, fields), visit_of(request, site)
        flow.second.enrol_totp(form, visit, fields.get("code", ""), fields.get("name", ""))

    def enrol_passkey(request: Request, fields: Mapping[str, str]) -> None:
        form, visit, name = sent(request, fields), visit_of(request, site), fields.get("name", "")
        flow.second.enrol_passkey(form, visit, passkey_answer(fields), name)

    def enrol_finish(request: Request, fields: Mapping[str, str]) -> None:
        flow.second.finish_enrolment(sent(request, fields), visit_of(request, site))

    return {
        "choose": choose,
        "code": code,
        "factor-passkey": factor_passkey,
        "enrol": enrol,
        "enrol-totp": enrol_totp,
        "enrol-passkey": enrol_passkey,
        "enrol-finish": enrol_finish,
    }


def passkey_answer(fields: Mapping[str, str]) -> PasskeyAnswer:
    """Return what the form of a passkey sent."""
    return PasskeyAnswer(fields.get("response", ""), fields.get("asked_at", ""))
