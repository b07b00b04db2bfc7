"""Whoever cannot get in is told why in words, and led back with an answer for the application."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from lxml import etree

from connector.demo.sample_saml import sp_metadata
from tests.parts.identity_provider import STAFF
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL, PAYROLL

BOARD = "cn=board,ou=groups,dc=corp,dc=test"


@pytest.fixture
def board(idp) -> str:
    """An application that is not open to Alice."""
    url = "https://board.corp.test"
    idp.register("Board", sp_metadata(url).encode(), BOARD)
    return url


def test_a_person_who_may_not_enter_is_led_back_to_the_application(idp, ask, board):
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in(ask(PAYROLL), "alice@corp.test", "Passw0rd!")

    page = visitor.get(ask(board))

    assert (page.status, page.heading) == (403, "Sign-in stopped")
    assert page.alert == "Your account does not open Board."
    form = page.form()
    assert form.action == f"{board}/saml/acs"
    assert form.xpath(".//button")[0].text_content() == "Back to Board"
    assert form.fields["RelayState"] == "/"
    response = etree.fromstring(base64.b64decode(form.fields["SAMLResponse"]))
    codes = [each.get("Value") for each in response.iterfind(".//{*}StatusCode")]
    assert [code.rpartition(":")[2] for code in codes] == ["Responder", "RequestDenied"]
    assert response.find(".//{*}StatusMessage").text == "The person may not use this application."
    assert b"alice" not in etree.tostring(response)


def test_the_page_may_post_to_the_application_and_runs_no_script(idp, ask, board):
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in(ask(PAYROLL), "alice@corp.test", "Passw0rd!")

    page = visitor.get(ask(board))

    policy = page.answer.headers["content-security-policy"]
    assert "form-action https:;" in policy
    assert "script" not in page.answer.text
    assert page.answer.headers["cache-control"] == "no-store"


def test_the_page_may_be_loaded_again(idp, ask, board):
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in(ask(PAYROLL), "alice@corp.test", "Passw0rd!")
    page = visitor.get(ask(board))

    again = visitor.get(page.url)

    assert again.alert == page.alert
    assert again.form().action == f"{board}/saml/acs"


def test_who_came_from_our_portal_is_not_sent_anywhere(idp, ask, board):
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in(ask(PAYROLL), "alice@corp.test", "Passw0rd!")

    page = visitor.get("/open/board")

    assert page.alert == "Your account does not open Board."
    assert page.tree.forms == []


def test_names_of_applications_are_shown_as_text(idp, ask):
    idp.register("<b>Odd</b>", sp_metadata("https://odd.test").encode(), BOARD)
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in(ask(PAYROLL), "alice@corp.test", "Passw0rd!")

    page = visitor.get(ask("https://odd.test"))

    assert page.alert == "Your account does not open <b>Odd</b>."
    assert "<b>" not in page.answer.text


def test_a_person_without_what_the_application_needs_is_told_so(idp, ask):
    idp.applications[0] = replace(idp.applications[0], name_id="nickName")
    visitor = visit(idp.app(), BASE_URL)

    page = visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    assert page.alert == "Intranet needs something that your account does not have."
    assert STAFF in idp.applications[0].groups
