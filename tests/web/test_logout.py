"""The endpoint and the pages of single logout, by HTTP."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from connector.idp.application.service_provider import SloEndpoint
from connector.idp.binding import read_redirect, to_form_value, to_redirect_url
from connector.idp.message.logout_response import build_logout_response
from connector.idp.names import Binding
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from connector.idp.xmldsig import render, sign_enveloped
from connector.web.forms import BODY_LIMIT_BYTES
from tests.idp.bench import certificate_of, load_key
from tests.idp.logout_bench import by_soap, logout_request, status_in
from tests.parts.visitor import Visitor, visit
from tests.web.conftest import BASE_URL, INTRANET, PAYROLL

if TYPE_CHECKING:
    from tests.parts.identity_provider import IdentityProvider

KEY = load_key("service_provider")
SLO = f"{BASE_URL}/saml/slo"


def takes_part(idp: IdentityProvider, number: int, *slo: SloEndpoint, has_key: bool = True) -> None:
    """Let an application of the identity provider take part in single logout."""
    application = idp.applications[number]
    provider = replace(
        application.service_provider,
        slo_endpoints=slo,
        certificates=(certificate_of(KEY),) if has_key else (),
    )
    idp.applications[number] = replace(application, service_provider=provider)


@pytest.fixture
def idp(idp):
    takes_part(idp, 0, SloEndpoint(f"{INTRANET}/slo", Binding.REDIRECT))
    takes_part(idp, 1, SloEndpoint(f"{PAYROLL}/slo", Binding.POST))
    return idp


@pytest.fixture
def inside(idp, visitor, ask) -> Visitor:
    """Somebody who is signed in at both applications."""
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")
    visitor.get("/open/payroll")
    return visitor


def index_of(idp, visitor) -> str:
    cookie = visitor.client.cookies["__Host-sso"]
    return idp.flow().parts.store.session(digest_of(cookie)).session_index


def request_of(idp, visitor, base_url: str = INTRANET, **changes):
    now = idp.clock.now().isoformat()
    return logout_request(
        issuer=f"{base_url}/saml/metadata", name_id="alice@corp.test", Destination=SLO,
        session_index=index_of(idp, visitor), IssueInstant=now, **changes,
    )  # fmt: skip


def redirect_of(element, relay_state: str = "", key=KEY, kind: str = "SAMLRequest") -> str:
    return to_redirect_url("/saml/slo", kind, render(element), relay_state, key)


def refresh_of(page) -> str:
    """Return where a page sends the browser by itself."""
    return page.tree.xpath("//meta[@http-equiv='refresh']")[0].get("content").partition("url=")[2]


def answer_to(idp, document: bytes | str) -> str:
    """Return where an application sends the browser after a LogoutRequest."""
    request = etree.fromstring(document)
    issuer = request.get("Destination").partition("/slo")[0]
    response = build_logout_response(
        response_id=f"_{request.get('ID')}", issuer=f"{issuer}/saml/metadata", destination=SLO,
        in_response_to=request.get("ID"), status=("urn:oasis:names:tc:SAML:2.0:status:Success",),
        now=idp.clock.now(),
    )  # fmt: skip
    return redirect_of(response, kind="SAMLResponse")


def test_each_step_is_a_page_of_its_own(idp, inside):
    first = inside.submit(inside.get("/"), "/sign-out")

    assert first.heading == "Signing out of Intranet"
    url = refresh_of(first)
    assert url.startswith(f"{INTRANET}/slo?SAMLRequest=")
    assert first.tree.xpath("//a[contains(@class, 'primary')]")[0].get("href") == url
    assert first.answer.headers["referrer-policy"] == "no-referrer"
    assert "__Host-sso" not in inside.client.cookies


def test_a_step_by_post_is_a_form_with_a_button_for_those_without_scripts(idp, inside):
    takes_part(idp, 0)
    inside = again(idp, inside)

    page = inside.submit(inside.get("/"), "/sign-out")

    form = page.form("/slo")
    assert form.action == f"{PAYROLL}/slo"
    assert set(form.fields) == {"SAMLRequest"}
    assert "form-action https:;" in page.answer.headers["content-security-policy"]
    assert page.tree.xpath("//noscript//button")
    assert page.tree.xpath("//script/@src")[0].startswith("/static/autopost.js")


def again(idp, visitor) -> Visitor:
    """Return the same visitor at an identity provider that was started anew."""
    other = visit(idp.app(), BASE_URL)
    other.client.cookies = visitor.client.cookies
    return other


def test_the_request_of_an_application_ends_the_session_at_once_whatever_follows(idp, inside):
    request = sign_enveloped(request_of(idp, inside), KEY)
    cross_site = {"origin": INTRANET, "sec-fetch-site": "cross-site"}
    stranger = visit(idp.app(), BASE_URL)  # a post from another site carries no Lax cookie

    answer = stranger.client.post(
        "/saml/slo", data={"SAMLRequest": to_form_value(request)}, headers=cross_site
    )

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/logout/")
    assert "set-cookie" not in answer.headers
    assert inside.get("/").heading == "You are not signed in"


def test_the_get_that_follows_knows_the_browser_and_goes_on(idp, inside):
    page = inside.get(redirect_of(request_of(idp, inside), "state"))

    assert page.heading == "Signing out of Payroll"
    assert "__Host-sso" not in inside.client.cookies


def test_the_end_is_an_answer_to_who_asked(idp, inside):
    takes_part(idp, 1)
    inside = again(idp, inside)

    page = inside.get(redirect_of(request_of(idp, inside), "state"))
    assert page.heading == "You are signed out"
    assert "cannot be told: close the browser" in page.answer.text
    back = inside.get(page.tree.xpath("//a[contains(@class, 'primary')]")[0].get("href"))

    assert back.heading == "Going back to Intranet"
    assert refresh_of(back).startswith(f"{INTRANET}/slo?SAMLResponse=")
    assert "RelayState=state" in refresh_of(back)


def test_who_comes_back_without_an_answer_can_go_on(idp, inside):
    first = inside.submit(inside.get("/"), "/sign-out")

    waiting = inside.get(first.url)
    second = inside.submit(waiting, "/go-on")

    assert waiting.heading == "Not finished yet"
    assert "Intranet did not answer" in waiting.alert
    assert second.heading == "Signing out of Payroll"


def test_who_opens_the_portal_meanwhile_is_told_and_led_back(idp, inside):
    first = inside.submit(inside.get("/"), "/sign-out")

    front = inside.get("/")

    assert "have not all been told" in front.alert
    assert inside.get("/logout").heading == "Not finished yet"
    assert inside.seen[-1].url.path == first.url


def test_who_has_nothing_to_finish_is_led_to_the_portal(visitor):
    assert visitor.get("/logout").heading == "You are not signed in"


def test_a_question_is_asked_for_an_application_that_proves_nothing(idp, inside):
    takes_part(idp, 0, SloEndpoint(f"{INTRANET}/slo", Binding.REDIRECT), has_key=False)
    inside = again(idp, inside)

    page = inside.get(redirect_of(request_of(idp, inside), key=None))

    assert page.heading == "Sign out?"
    assert "Intranet asks to sign you out" in page.answer.text
    assert inside.get("/").heading == "Your applications"
    after = inside.submit(page, "/sign-out")
    assert after.heading == "Signing out of Payroll"
    assert inside.get("/").heading == "You are not signed in"


def test_a_message_that_is_refused_says_so_and_leads_on(idp, inside):
    page = inside.get(redirect_of(request_of(idp, inside), key=load_key("stranger")))

    assert page.status == 400
    assert page.heading == "Sign-out stopped"
    assert page.tree.xpath("//a[contains(@class, 'primary')]")[0].get("href") == "/logout"
    assert Reason.SIGNATURE_INVALID in idp.reasons()
    assert inside.get("/").heading == "Your applications"


def test_loading_the_page_of_a_request_again_goes_on_where_one_was(idp, inside):
    url = redirect_of(request_of(idp, inside))
    inside.get(url)

    page = inside.get(url)

    assert page.heading == "Not finished yet"
    assert Reason.REQUEST_REPLAYED in idp.reasons()


@pytest.mark.parametrize("kind", ["text/xml", "text/xml; charset=utf-8", "application/soap+xml"])
def test_a_server_is_answered_in_an_envelope(idp, inside, kind):
    request = by_soap(request_of(idp, inside))
    server = visit(idp.app(), BASE_URL).client

    answer = server.post("/saml/slo", content=request, headers={"content-type": kind})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    response = etree.fromstring(answer.content).find("{*}Body/{*}LogoutResponse")
    assert status_in(response) == ("Success", "PartialLogout")
    assert inside.get("/").heading == "You are not signed in"


@pytest.mark.parametrize("content", [b"", b"<x/>", b"\xff\xfe", b"<!DOCTYPE x><x/>"])
def test_a_server_that_sends_nonsense_is_refused(idp, inside, content):
    answer = inside.client.post("/saml/slo", content=content, headers={"content-type": "text/xml"})

    assert answer.status_code == 400
    assert answer.text == "this request is not accepted\n"
    assert inside.get("/").heading == "Your applications"


def test_a_server_that_sends_too_much_is_refused(visitor):
    answer = visitor.client.post(
        "/saml/slo", content=b"x" * (BODY_LIMIT_BYTES + 1), headers={"content-type": "text/xml"}
    )

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "headers", [{}, {"origin": INTRANET}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
@pytest.mark.parametrize("step", ["/sign-out", "/logout/x/sign-out", "/logout/x/go-on"])
def test_a_form_of_another_site_signs_nobody_out(inside, headers, step):
    answer = inside.client.post(step, data={"step_token": "x"}, headers=headers)

    assert answer.status_code == 403
    assert inside.get("/").heading == "Your applications"


def test_the_pages_of_somebody_else_s_logout_stay_closed(idp, inside):
    page = inside.submit(inside.get("/"), "/sign-out")
    thief = visit(idp.app(), BASE_URL)

    stolen = thief.get(page.url)

    assert stolen.status == 403
    assert stolen.heading == "Sign-out stopped"
    assert thief.get("/logout/unknown").status == 400


def test_no_page_of_a_logout_has_scripts_or_styles_of_its_own(idp, inside):
    first = inside.submit(inside.get("/"), "/sign-out")
    waiting = inside.get(first.url)
    second = inside.submit(waiting, "/go-on")
    end = inside.submit(inside.get(second.url), "/go-on")

    assert end.heading == "You are signed out"
    for page in (first, waiting, second, end):
        assert page.tree.xpath("//style | //@style | //script[not(@src)] | //@onclick") == []
        assert page.answer.headers["cache-control"] == "no-store"


def test_an_answer_that_an_application_sends_leads_to_the_next_page(idp, inside):
    first = inside.submit(inside.get("/"), "/sign-out")
    query = refresh_of(first).partition("?")[2]
    document = inside_of(query)

    second = inside.get(answer_to(idp, document))

    assert second.heading == "Signing out of Payroll"
    document = inside_of_form(second)
    end = inside.get(answer_to(idp, document))
    assert end.heading == "You are signed out"
    assert end.answer.text.count("signed out</span>") == 2


def inside_of(query: str) -> bytes:
    return read_redirect(query.encode()).document


def inside_of_form(page) -> bytes:
    return b64decode(page.form().fields["SAMLRequest"])


def test_our_metadata_says_where_logouts_come_in(idp):
    root = etree.fromstring(idp.metadata())

    found = {
        (each.get("Binding"), each.get("Location"))
        for each in root.iterfind(".//{*}SingleLogoutService")
    }
    assert found == {(Binding.REDIRECT, SLO), (Binding.POST, SLO)}
