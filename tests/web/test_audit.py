"""What the audit has of a login that came by the web: who, when, from where, by which request."""

from __future__ import annotations

from datetime import UTC, timedelta

from connector.audit import Audit
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL


def test_each_event_of_a_login_says_when_from_where_and_by_which_request(idp, ask):
    app = idp.app()
    visitor = visit(app, BASE_URL, peer="198.51.100.9")
    asked = visitor.submit(visitor.get(ask()), "/email", email="alice@corp.test")
    again = visitor.submit(asked, "/password", password="wrong")
    visitor.submit(again, "/password", password="Passw0rd!")
    visit(app, BASE_URL, peer="198.51.100.10").get(asked.url)

    events = Audit(idp.engine).recent()[::-1]

    assert [each.event for each in events] == [
        "login.failed", "identity.proved", "login.succeeded", "login.refused",
    ]  # fmt: skip
    assert [each.outcome for each in events] == ["failure", "success", "success", "failure"]
    assert [each.actor for each in events] == ["alice"] * 3 + [""]
    assert {each.at.utcoffset() for each in events} == {timedelta(0)}
    assert {each.at for each in events} == {idp.clock.now().astimezone(UTC)}
    assert [each.address for each in events] == ["198.51.100.9"] * 3 + ["198.51.100.10"]
    numbers = [each.details["request"] for each in events]
    assert len(set(numbers)) == 4
    assert Audit(idp.engine).first_break() is None


def test_the_number_is_the_one_that_the_page_shows(idp, visitor):
    page = visitor.get("/open/nowhere")

    (event,) = Audit(idp.engine).recent()

    assert (event.event, event.reason) == ("request.refused", "application-unknown")
    assert event.details["request"] in page.answer.text


def test_a_form_of_another_site_is_in_the_audit(idp, visitor):
    for path in ("/login/x/password", "/sign-out", "/keys/remove", "/sign-ins/end-all"):
        answer = visitor.client.post(path, data={"x": "y"}, headers={"origin": "https://evil.test"})
        assert answer.status_code == 403

    events = Audit(idp.engine).recent()

    assert [(each.event, each.reason) for each in events] == [("login.refused", "other-origin")] * 4
    assert {each.address for each in events} == {"192.0.2.7"}


def test_a_form_that_was_made_for_another_login_is_refused_and_in_the_audit(idp, visitor, ask):
    first, second = visitor.get(ask()), visitor.get(ask())
    form = {**first.form("/email").fields, "email": "alice@corp.test"}

    page = visitor.post(f"{second.url}/email", form)

    assert page.status == 403
    (event,) = Audit(idp.engine).recent()
    assert (event.event, event.reason) == ("login.refused", "step-token")
