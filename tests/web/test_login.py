"""The pages of a login, from the AuthnRequest to the form that carries the Response."""

from __future__ import annotations

import base64
import json
import unicodedata
import zlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.demo.sample_saml import sp_metadata
from connector.source.password import PasswordVerdict
from tests.parts.identity_provider import make_identity_provider
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL, INTRANET, PAYROLL

FAILED = "That email and password do not open this application. Try again, or ask the help desk."


def test_a_login_asks_for_email_then_password_and_hands_over_to_the_application(visitor, ask):
    asked = visitor.get(ask())
    assert asked.heading == "Sign in"
    assert "to continue to Intranet" in asked.answer.text

    challenged = visitor.submit(asked, "/email", email="alice@corp.test")
    assert challenged.heading == "Enter your password"
    assert challenged.form("/password").fields["username"] == "alice@corp.test"

    done = visitor.submit(challenged, "/password", password="Passw0rd!")
    assert done.heading == "Opening Intranet"
    form = done.form()
    assert form.action == f"{INTRANET}/saml/acs"
    assert form.fields["RelayState"] == "/"
    assert b"alice@corp.test" in base64.b64decode(form.fields["SAMLResponse"])


def test_the_second_application_asks_for_nothing(visitor, ask):
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    second = visitor.get(ask(PAYROLL))

    assert second.form().action == f"{PAYROLL}/saml/acs"


def test_a_request_by_post_of_another_site_finds_the_session_by_a_redirect_to_ourselves(
    visitor, ask, idp
):
    """The post itself does not carry a Lax cookie; the GET after it does."""
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")
    request = inflated(ask(PAYROLL))
    visitor.seen.clear()

    page = visitor.post("/saml/sso", {"SAMLRequest": request, "RelayState": "deep"}, origin=PAYROLL)

    assert [answer.status_code for answer in visitor.seen] == [303, 200]
    assert page.form().fields["RelayState"] == "deep"


def test_two_logins_in_two_tabs_end_each_at_its_own_application(visitor, ask):
    first, second = visitor.get(ask()), visitor.get(ask(PAYROLL))
    first = visitor.submit(first, "/email", email="alice@corp.test")
    second = visitor.submit(second, "/email", email="alice@corp.test")

    second = visitor.submit(second, "/password", password="Passw0rd!")
    first = visitor.submit(first, "/password", password="Passw0rd!")

    assert first.form().action == f"{INTRANET}/saml/acs"
    assert second.form().action == f"{PAYROLL}/saml/acs"


CAUSES = {
    "wrong-password": ("alice@corp.test", "wrong"),
    "unknown-user": ("nobody@corp.test", "Passw0rd!"),
    "account-disabled": ("disabled@corp.test", "Passw0rd!"),
    "not-in-group": ("stranger@corp.test", "Passw0rd!"),
    "not-active": ("left@corp.test", "Passw0rd!"),
}


def test_every_failed_login_looks_the_same_and_only_the_audit_knows_why(idp, ask):
    idp.people.add("disabled", verdict=PasswordVerdict.ACCOUNT_DISABLED)
    idp.people.add("stranger", groups=())
    idp.people.add("left", is_enabled=False)
    app = idp.app()

    looks = set()
    for email, password in CAUSES.values():
        page = visit(app, BASE_URL).sign_in(ask(), email, password)
        text = page.answer.text.replace(email, "EMAIL")
        challenge = json.loads(page.form("/passkey").get("data-options"))["challenge"]
        token, transaction = page.form("/password").fields["step_token"], page.url.rsplit("/", 1)[1]
        for secret in (challenge, token, transaction, page.form("/passkey").fields["asked_at"]):
            text = text.replace(secret, "TOKEN")
        headers = [
            item for item in page.answer.headers.multi_items() if item[0] != "content-length"
        ]
        looks.add((page.status, page.alert, text, tuple(headers)))

    assert len(looks) == 1
    assert next(iter(looks))[:2] == (200, FAILED)
    assert idp.reasons() == list(CAUSES)


def test_not_you_goes_back_to_the_email_address(visitor, ask):
    challenged = visitor.submit(visitor.get(ask()), "/email", email="bob@corp.test")

    back = visitor.submit(challenged, "/forget")

    assert back.heading == "Sign in"
    assert "bob@corp.test" not in back.answer.text


@pytest.mark.parametrize("typed", ["alice", "alice@", "", "a b@corp.test", "x@y\u202e"])
def test_what_is_no_email_address_is_said_at_once(visitor, ask, typed):
    page = visitor.submit(visitor.get(ask()), "/email", email=typed)

    assert page.heading == "Sign in"
    assert page.alert == "Enter your full work email, such as name@company.com."


def test_when_no_domain_controller_answers_the_page_says_to_try_again(visitor, ask, idp):
    idp.people.is_down = True

    page = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    assert (page.status, page.answer.headers["retry-after"]) == (503, "30")
    assert "try again in a minute" in page.alert
    idp.people.is_down = False
    assert visitor.submit(page, "/password", password="Passw0rd!").heading == "Opening Intranet"


def test_too_many_attempts_are_told_to_wait(visitor, ask):
    page = visitor.submit(visitor.get(ask()), "/email", email="alice@corp.test")
    for attempt in range(6):
        page = visitor.submit(page, "/password", password=f"wrong {attempt}")

    assert (page.status, page.answer.headers["retry-after"]) == (429, "960")
    assert "Wait a few minutes" in page.alert


@pytest.mark.parametrize(
    "password",
    [
        "  blanks around  ",
        "x" * 200,
        "grün & Пароль = 日本語 🔑 %41+;",
        "Ame\u0301lie",  # not the same as with one character for the last vowel
        "tab\there",
        '"><script>alert(1)</script>',
    ],
)
def test_a_password_reaches_the_directory_as_it_was_typed(visitor, ask, idp, password):
    """Not trimmed, cut, folded or normalised."""
    idp.people.add("alice", password)

    assert visitor.sign_in(ask(), "alice@corp.test", password).heading == "Opening Intranet"

    other = visit(idp.app(), BASE_URL)
    for changed in (password.strip(), password[:64], unicodedata.normalize("NFC", password)):
        if changed != password:
            assert other.sign_in(ask(), "alice@corp.test", changed).alert == FAILED


def test_the_back_button_leads_to_the_step_that_is_due(visitor, ask):
    asked = visitor.get(ask())
    visitor.submit(asked, "/email", email="alice@corp.test")

    again = visitor.submit(asked, "/email", email="bob@corp.test")

    assert again.heading == "Enter your password"
    assert "alice@corp.test" in again.answer.text


def test_the_password_step_cannot_be_taken_first(visitor, ask, idp):
    asked = visitor.get(ask())
    fields = {**dict(asked.form("/email").fields), "password": "Passw0rd!"}

    page = visitor.post(f"{asked.url}/password", fields)

    assert page.status == 403
    assert idp.reasons() == ["step-token"]


def test_a_login_belongs_to_the_browser_that_began_it(visitor, ask, idp):
    asked = visitor.get(ask())
    stranger = visit(idp.app(), BASE_URL)

    page = stranger.get(asked.url)

    assert (page.status, page.alert) == (403, "This sign-in was begun in another browser.")


def test_reloading_the_last_page_hands_out_nothing_twice(visitor, ask):
    done = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    again = visitor.get(done.url)

    assert again.status == 403
    assert again.alert == "This sign-in has ended, or has taken too long."
    assert "SAMLResponse" not in again.answer.text


def test_a_login_that_took_too_long_says_so(visitor, ask, idp):
    asked = visitor.get(ask())
    idp.clock.moment += timedelta(hours=1)

    page = visitor.submit(asked, "/email", email="alice@corp.test")

    assert page.alert == "This sign-in has ended, or has taken too long."


def test_a_request_of_nobody_we_know_is_refused_with_a_number_for_the_help_desk(visitor, ask):
    page = visitor.get(ask("https://stranger.test"))

    assert page.status == 400
    assert page.alert == "The application's request was not accepted."
    assert "Request" in page.tree.xpath("//p[code]")[0].text_content()


@pytest.mark.parametrize("query", ["", "?SAMLRequest=", "?SAMLRequest=%00", "?SAMLRequest=AAAA"])
def test_a_damaged_request_is_refused(visitor, query):
    assert visitor.get(f"/saml/sso{query}").status == 400


def test_values_of_others_are_shown_as_text(engine, tmp_path, ask, idp):
    name = "<script>alert(1)</script>"
    other = make_identity_provider(engine, tmp_path, BASE_URL)
    application = idp.applications[0]
    other.register(name, metadata_of(application))
    visitor = visit(other.app(), BASE_URL)

    page = visitor.submit(visitor.get(ask()), "/email", email='"><img/src=x>@corp.test')

    assert "<script>alert" not in page.answer.text
    assert "<img" not in page.answer.text
    assert page.tree.xpath("//form/b")[0].text == '"><img/src=x>@corp.test'


def metadata_of(application) -> bytes:
    return sp_metadata(
        application.service_provider.entity_id.removesuffix("/saml/metadata")
    ).encode()


def inflated(path: str) -> str:
    """Return the SAMLRequest of a redirect as a form would carry it."""
    packed = parse_qs(urlsplit(path).query)["SAMLRequest"][0]
    return base64.b64encode(zlib.decompress(base64.b64decode(packed), -15)).decode()
