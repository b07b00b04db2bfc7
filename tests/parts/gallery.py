"""Every page of ours side by side, states that are hard to come to included, to look at them.

The names are long on purpose. Nothing behind the pages is real; the pages themselves are, with the
headers that they have in service.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyotp
import segno
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from connector.audit import AuditEvent
from connector.idp.factor import EnrolledFactor, FactorKind
from connector.idp.logout.view import (
    AskSignOut,
    AwaitAnswer,
    Outcome,
    SendMessage,
    ShowOutcome,
    Told,
)
from connector.idp.own_account import OwnKeys, OwnSignIns
from connector.idp.session import SsoSession
from connector.idp.store.devices import RememberedDevice
from connector.idp.view import (
    AskEmail,
    AskEnrolment,
    AskFactor,
    AskNewPassword,
    AskPasskeyEnrolment,
    AskPassword,
    AskTotpEnrolment,
    PasskeyQuestion,
    SendResponse,
    SendToDuo,
    SendToSource,
    ShowCodes,
    ShowNotReady,
    Tile,
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
    view = AskEmail(name, "token", "bjensen" if error else "", error, QUESTION)
    return lambda pages: pages.page(
        "email", view=view, message=pages.words.message(error), path=PATH
    )


def _password(error: str = "") -> Callable[[Edition], Response]:
    view = AskPassword(APPLICATION, "token", EMAIL, error, QUESTION)
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


def _portal(*names: str, sought: str = "", has_many: bool = False) -> Callable[[Edition], Response]:
    tiles = [Tile(name, "/open/slug", is_recent=not at) for at, name in enumerate(names)]
    return lambda pages: pages.page(
        "portal", person=EMAIL, tiles=tiles, sought=sought, has_many=has_many
    )


def _question(template: str, view) -> Callable[[Edition], Response]:
    message = getattr(view, "error", "")
    return lambda pages: pages.page(
        template, view=view, message=pages.words.message(message), path=PATH
    )


def _factor(kind: FactorKind, error: str = "", **more) -> Callable[[Edition], Response]:
    others = tuple(each for each in FactorKind if each is not kind)
    passkey = QUESTION if kind is FactorKind.PASSKEY else None
    view = AskFactor(APPLICATION, "token", EMAIL, kind, others, error, passkey, **more)
    return _question("factor", view)


def _keys(*factors: EnrolledFactor, is_weak: bool = False) -> Callable[[Edition], Response]:
    device = RememberedDevice(
        b"digest",
        "",
        "ann",
        FactorKind.TOTP,
        NOW,
        NOW,
        NOW + timedelta(days=30),
        "192.0.2.7",
        AGENT,
    )
    own = OwnKeys(EMAIL, "token", factors, (device,) if factors else (), lacks_way_back=is_weak)
    return lambda pages: pages.page("keys", own=own)


def _sign_ins() -> Callable[[Edition], Response]:
    here, there = (
        SsoSession(b"", index, "ann", EMAIL, "2001:db8::7", NOW, NOW, NOW, user_agent=agent)
        for index, agent in (("_1", AGENT), ("_2", ""))
    )
    told = [
        ("login.succeeded", {"proof": "password", "second": "totp", "browser": AGENT}),
        ("login.succeeded", {"proof": "passkey"}),
        ("login.failed", {}),
        ("login.denied", {}),
        ("factor.refused", {"factor": "totp"}),
    ]
    events = tuple(
        AuditEvent(NOW, event, "", application=WORD, address="192.0.2.7", details=details)
        for event, details in told
    )
    own = OwnSignIns(EMAIL, "token", (here, there), "_1", events)
    return lambda pages: pages.page("sign_ins", own=own)


def _logout(template: str, key: str, view) -> Callable[[Edition], Response]:
    return lambda pages: pages.page(
        template, view=view, path="/logout/x", words=pages.words.text(key, application=APPLICATION)
    )


NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
)
QUESTION = PasskeyQuestion("{}", "0")
TOTP = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
URI = TOTP.provisioning_uri(name=EMAIL, issuer_name="Northwind Traders")
PICTURE = segno.make(URI, error="m").svg_inline(
    svgclass="qr", lineclass=None, omitsize=True, light="#fff"
)
SPELLED = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"
CODES = tuple("7K2M-9QXA-B3CD-4EFG-H5JK-6MN" + str(number) for number in range(10))
FACTORS = (
    EnrolledFactor("1", "ann", FactorKind.PASSKEY, WORD[:60], NOW, NOW, None, None),
    EnrolledFactor("2", "ann", FactorKind.TOTP, "My telephone", NOW, None, None, None),
    EnrolledFactor("3", "ann", FactorKind.TOTP, "Old telephone", NOW, None, NOW, None),
    EnrolledFactor("4", "ann", FactorKind.RECOVERY_CODE, "Recovery codes", NOW, None, None, 1),
)
ENROLLED = (FactorKind.PASSKEY, FactorKind.TOTP, FactorKind.RECOVERY_CODE)
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
        "factor-totp": _factor(FactorKind.TOTP, remember_for=timedelta(days=30)),
        "factor-totp-wrong": _factor(FactorKind.TOTP, "code-wrong"),
        "factor-passkey": _factor(FactorKind.PASSKEY, remember_for=timedelta(days=1)),
        "factor-passkey-first": _factor(FactorKind.PASSKEY, why="prove-first"),
        "factor-duo": _factor(FactorKind.DUO, "duo-away"),
        "factor-recovery": _factor(FactorKind.RECOVERY_CODE, "code-used-up"),
        "factor-bypass": _factor(FactorKind.BYPASS_CODE),
        "duo": _question("duo", SendToDuo(APPLICATION, ELSEWHERE)),
        "enrol": _question("enrol", AskEnrolment(APPLICATION, "token", EMAIL, ENROLLED)),
        "enrol-more": _question(
            "enrol", AskEnrolment("Northwind", "token", EMAIL, ENROLLED, is_demanded=False)
        ),
        "enrol-totp": _question(
            "enrol_totp", AskTotpEnrolment(APPLICATION, "token", EMAIL, PICTURE, URI, SPELLED)
        ),
        "enrol-totp-wrong": _question(
            "enrol_totp",
            AskTotpEnrolment(APPLICATION, "token", EMAIL, PICTURE, URI, SPELLED, "code-wrong"),
        ),
        "enrol-passkey": _question(
            "enrol_passkey",
            AskPasskeyEnrolment(APPLICATION, "token", EMAIL, QUESTION, "passkey-not-added"),
        ),
        "codes": _question("codes", ShowCodes(APPLICATION, "token", EMAIL, CODES)),
        "denied-policy": _denied("policy-denied"),
        "denied-browser": _denied("browser-too-old", ANSWER),
        "denied-factor": _denied("factor-missing"),
        "keys": _keys(*FACTORS),
        "keys-none": _keys(is_weak=True),
        "sign-ins": _sign_ins(),
        "portal-many": _portal(
            APPLICATION, WORD, *(f"Application {number}" for number in range(12)), has_many=True
        ),
        "portal-nothing": _portal(sought=WORD, has_many=True),
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
