"""Every page of ours side by side, states that are hard to come to included, to look at them.

The names are long on purpose. Nothing behind the pages is real; the pages themselves are, with the
headers that they have in service.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from connector.idp.logout.view import (
    AskSignOut,
    AwaitAnswer,
    Outcome,
    SendMessage,
    ShowOutcome,
    Told,
)
from connector.idp.view import (
    AskEmail,
    AskNewPassword,
    AskPassword,
    SendResponse,
    SendToSource,
    ShowNotReady,
)
from connector.source.password_rules import PasswordRules
from connector.web.branding import brand_routes
from connector.web.handoff import hand_over
from connector.web.headers import handoff_headers, onward_headers, with_headers
from connector.web.new_password import page_values
from connector.web.pages import STATIC_FOLDER, make_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from connector.web.pages import Edition
    from connector.web.site import Site

APPLICATION = "Northwind Reisekostenabrechnung und Personalverwaltung"
WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenverwaltung"
EMAIL = "maximiliane.von-der-hohenheim-schwarzenberg@northwind-traders.corp.test"
ELSEWHERE = "https://elsewhere.test/sso"
RULES = PasswordRules(min_length=14, history_count=24, is_complex=True, min_age=timedelta(days=1))
PATH = "/login/x"


def _email(error: str = "", name: str = APPLICATION) -> Callable[[Edition], Response]:
    view = AskEmail(name, "token", "bjensen" if error else "", error)
    return lambda pages: pages.page(
        "email", view=view, message=pages.words.message(error), path=PATH
    )


def _password(error: str = "") -> Callable[[Edition], Response]:
    view = AskPassword(APPLICATION, "token", EMAIL, error)
    return lambda pages: pages.page(
        "password", view=view, message=pages.words.message(error), path=PATH
    )


def _new_password(error: str, rules: PasswordRules | None = RULES) -> Callable[[Edition], Response]:
    view = AskNewPassword(APPLICATION, "token", EMAIL, rules, error)
    return lambda pages: pages.page(
        "new_password", view=view, message=pages.words.message(error), path=PATH,
        **page_values(view, pages.words),
    )  # fmt: skip


def _source(error: str = "", fields=(), email: str = EMAIL) -> Callable[[Edition], Response]:
    source = "Nordwind Versicherungsgesellschaft"
    view = SendToSource(APPLICATION, "token", source, ELSEWHERE, fields, email, error, False)

    def show(pages: Edition) -> Response:
        message = pages.words.text(error, source=source) if error else ""
        response = pages.page("source", view=view, message=message, path=PATH)
        response.headers.update(onward_headers(ELSEWHERE))
        return response

    return show


def _denied(error: str, way_back: SendResponse | None = None) -> Callable[[Edition], Response]:
    def show(pages: Edition) -> Response:
        words, hint = (
            pages.words.text(error, application=APPLICATION),
            pages.words.text("help-hint"),
        )
        response = pages.notice("denied", status=403, words=words, hint=hint, way_back=way_back)
        response.headers.update(handoff_headers(ELSEWHERE))
        return response

    return show


def _step(**values: str) -> Callable[[Edition], Response]:
    view = SendMessage(APPLICATION, ELSEWHERE, **values)

    def show(pages: Edition) -> Response:
        response = pages.page("logout_step", view=view)
        response.headers.update(handoff_headers(ELSEWHERE))
        return response

    return show


def _notice(key: str, status: int, **more: str) -> Callable[[Edition], Response]:
    return lambda pages: pages.notice(key, status=status, **more)


def _outcome(*outcomes: Outcome, asked_by: str = "") -> Callable[[Edition], Response]:
    names = (APPLICATION, WORD, "Payroll", "Intranet")
    told = tuple(Told(name, outcome) for name, outcome in zip(names, outcomes, strict=False))
    view = ShowOutcome(told, asked_by)
    return lambda pages: pages.page("logout_outcome", view=view, path="/logout/x")


def _portal(*names: str) -> Callable[[Edition], Response]:
    applications = tuple((name, "slug") for name in names)
    return lambda pages: pages.page("portal", person=EMAIL, applications=applications)


def _logout(template: str, key: str, view) -> Callable[[Edition], Response]:
    return lambda pages: pages.page(
        template, view=view, path="/logout/x", words=pages.words.text(key, application=APPLICATION)
    )


ANSWER = SendResponse(APPLICATION, ELSEWHERE, "UmVzcG9uc2U=", "state")
ROOMS: Mapping[str, Callable[[Edition], Response]] = MappingProxyType(
    {
        "email": _email(),
        "email-portal": _email("", ""),
        "email-invalid": _email("invalid-email", WORD),
        "email-no-source": _email("no-source"),
        "password": _password(),
        "password-failed": _password("failed"),
        "password-too-many": _password("too-many"),
        "password-unavailable": _password("unavailable"),
        "password-changed": _password("changed-only"),
        "new-password": _new_password("password-expired"),
        "new-password-refused": _new_password("new-password-against-rules"),
        "new-password-differs": _new_password("new-differs", None),
        "source": _source(),
        "source-form": _source("other-person", (("SAMLRequest", "UmVxdWVzdA=="),)),
        "source-all": _source("upstream-error", (), ""),
        "handoff": lambda pages: hand_over(pages, ANSWER),
        "not-ready": lambda pages: pages.page("not_ready", view=ShowNotReady(APPLICATION), path=PATH),
        "denied": _denied("not-allowed"),
        "denied-way-back": _denied("no-such-way", ANSWER),
        "403": _notice("403", 403),
        "404": _notice("404", 404),
        "500": _notice("500", 500, request_id="0123456789abcdef"),
        "503": _notice("503", 503, request_id="0123456789abcdef"),
        "logout-refused": _notice("logout-refused", 400, request_id="0123456789abcdef", link="/"),
        "logout-visiting": _step(),
        "logout-returning": _step(form_field="SAMLResponse", value="UmVz", is_answer=True),
        "logout-ask": _logout("logout_ask", "logout-ask", AskSignOut(APPLICATION, "token")),
        "logout-await": _logout("logout_await", "logout-await", AwaitAnswer(APPLICATION, "token")),
        "logout-complete": _outcome(Outcome.SIGNED_OUT, Outcome.SIGNED_OUT, asked_by=APPLICATION),
        "logout-incomplete": _outcome(*Outcome),
        "portal": _portal(APPLICATION, WORD, "Payroll", "Intranet", "Zeiterfassung"),
        "portal-empty": _portal(),
        "welcome": lambda pages: pages.page("welcome", is_unfinished=False),
        "welcome-unfinished": lambda pages: pages.page("welcome", is_unfinished=True),
    }
)  # fmt: skip


def gallery(site: Site) -> ASGIApp:
    """Return an application that shows each page at "/" and its name."""
    pages = make_pages(site)

    def show(request: Request) -> Response:
        room = ROOMS.get(request.path_params["name"], ROOMS["404"])
        return room(pages.of(request))

    routes = [
        *brand_routes(site.brand),
        Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
        Route("/{name}", show),
    ]
    return with_headers(Starlette(routes=routes), is_https=site.is_https)
