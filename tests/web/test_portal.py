"""The front page."""

from __future__ import annotations

from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL


def test_who_is_not_signed_in_is_told_how_to(visitor):
    page = visitor.get("/")

    assert page.heading == "You are not signed in"


def test_who_is_signed_in_sees_their_applications_and_no_others(idp, visitor, ask):
    idp.people.add("bob", groups=())
    visitor.get("/")
    visitor.sign_in("/open/payroll", "bob@corp.test", "Passw0rd!")

    page = visitor.get("/")

    assert "Signed in as Bob" in page.answer.text
    assert [link.get("href") for link in page.tree.xpath("//ul//a")] == ["/open/payroll"]


def test_a_tile_opens_its_application_without_a_question(visitor, ask):
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    page = visitor.get("/open/payroll")

    assert page.form().action == "https://payroll.corp.test/saml/acs"


def test_a_tile_kept_as_a_bookmark_asks_who_comes(visitor):
    assert visitor.get("/open/payroll").heading == "Sign in"


def test_signing_out_ends_the_session_on_the_server_too(idp, visitor, ask):
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")
    stolen = visitor.client.cookies["__Host-sso"]

    page = visitor.submit(visitor.get("/"), "/sign-out")

    assert page.heading == "You are signed out"
    assert "__Host-sso" not in visitor.client.cookies
    thief = visit(idp.app(), BASE_URL)
    thief.client.cookies.set("__Host-sso", stolen, domain="sso.corp.test")
    assert thief.get("/").heading == "You are not signed in"


def test_whoever_is_disabled_in_the_directory_is_signed_in_no_longer(idp, visitor, ask):
    visitor.sign_in(ask(), "alice@corp.test", "Passw0rd!")

    idp.people.add("alice", is_enabled=False)

    assert visitor.get("/").heading == "You are not signed in"
