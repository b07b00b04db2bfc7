"""The forms of second factors within a login: what each sends, and who takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.idp.factor_forms import Form
from connector.idp.first_factor import PasskeyAnswer
from connector.web.cookies import browser_cookie
from connector.web.visits import visit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from connector.idp.factor_forms import FactorForms
    from connector.idp.flow import LoginFlow
    from connector.idp.visit import Visit
    from connector.web.site import Site

    Fields = Mapping[str, str]
    Take = Callable[[Request, Fields], None]


@dataclass(frozen=True, slots=True)
class FactorSteps:
    """Takes the forms.

    Attributes:
        flow: Whose they are.
        site: Says which cookies are ours.

    """

    flow: LoginFlow
    site: Site

    def by_name(self) -> dict[str, Take]:
        """Return what takes each form, by the last part of its path."""
        return {
            "choose": self._choose,
            "code": self._code,
            "factor-passkey": self._passkey,
            "enrol": self._enrol,
            "enrol-totp": self._enrol_totp,
            "enrol-passkey": self._enrol_passkey,
            "enrol-finish": self._finish,
        }

    def _choose(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        self._forms.choose(form, visit, fields.get("kind", ""))

    def _code(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        kind, typed = fields.get("kind", ""), fields.get("code", "")
        self._forms.submit_code(form, visit, kind, typed, remembers=remembers(fields))

    def _passkey(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        answer = passkey_answer(fields)
        self._forms.submit_passkey(form, visit, answer, remembers=remembers(fields))

    def _enrol(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        self._forms.begin_enrolment(form, visit, fields.get("kind", ""))

    def _enrol_totp(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        self._forms.enrol_totp(form, visit, fields.get("code", ""), fields.get("name", ""))

    def _enrol_passkey(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        self._forms.enrol_passkey(form, visit, passkey_answer(fields), fields.get("name", ""))

    def _finish(self, request: Request, fields: Fields) -> None:
        form, visit = self._sent(request, fields)
        self._forms.finish_enrolment(form, visit)

    @property
    def _forms(self) -> FactorForms:
        return self.flow.second

    def _sent(self, request: Request, fields: Fields) -> tuple[Form, Visit]:
        return sent(request, fields, self.site), visit_of(request, self.site)


def sent(request: Request, fields: Fields, site: Site) -> Form:
    """Return what every form of a login sends."""
    browser = browser_cookie(site).read(request)
    transaction = str(request.path_params["transaction"])
    return Form(transaction, browser, fields.get("step_token", ""))


def passkey_answer(fields: Fields) -> PasskeyAnswer:
    """Return what the form of a passkey sent."""
    return PasskeyAnswer(fields.get("response", ""), fields.get("asked_at", ""))


def remembers(fields: Fields) -> bool:
    """Return whether this device is to be remembered."""
    return "remember" in fields
