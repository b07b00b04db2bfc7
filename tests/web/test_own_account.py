"""The forms by which people end their other sessions and have their devices forgotten, by HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit
from connector.idp.policy.points import Remembering
from tests.parts.policies import policies
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL
from tests.web.holder import Holder, make_holder

if TYPE_CHECKING:
    from connector.audit import AuditEvent
    from tests.parts.identity_provider import IdentityProvider
    from tests.parts.visitor import Page

ELSEWHERE = "198.51.100.4"


@dataclass(frozen=True)
class Form:
    """A form that takes something of somebody's own away.

    Attributes:
        page: Where it is.
        action: Where it goes.
        field: Names what is taken away.
        event: What the audit has of it.

    """

    page: str
    action: str
    field: str
    event: str


END = Form("/sign-ins", "/sign-ins/end", "session", "session.ended")
FORGET = Form("/keys", "/keys/forget", "device", "device.forgotten")
both_forms = pytest.mark.parametrize("form", [END, FORGET], ids=["end", "forget"])


@pytest.fixture
def idp(idp) -> IdentityProvider:
    idp.policies = policies(remembered_devices=Remembering.SHARED)
    idp.people.add("bob")
    return idp


@pytest.fixture
def alice(idp) -> Holder:
    """Alice at her browser, in which she has just proved her app, and which is remembered."""
    return at_home(make_holder(idp))


@pytest.fixture
def elsewhere(alice) -> Holder:
    """Alice at another browser, which is remembered too."""
    browser = visit(alice.idp.app(), BASE_URL, peer=ELSEWHERE)
    other = Holder(alice.idp, browser, alice.app, alice.codes)
    other.prove(other.password("/open/payroll"), remember="yes")
    return other


def at_home(holder: Holder) -> Holder:
    """Enrol; then sign in at a browser that is remembered."""
    holder.enrol(holder.password("/open/payroll"))
    holder.visitor.client.cookies.delete("__Host-sso")
    holder.prove(holder.password("/open/payroll"), remember="yes")
    return holder


def is_signed_in(holder: Holder) -> bool:
    return "Signed in as" in holder.visitor.get("/").answer.text


def is_remembered(holder: Holder) -> bool:
    """Tell whether the password is enough in a browser that is signed in nowhere."""
    holder.visitor.client.cookies.delete("__Host-sso")
    return holder.password("/open/payroll").heading == "Opening Payroll"


def offered(page: Page, form: Form) -> list[str]:
    """Return what the page offers to take away."""
    forms = [each for each in page.tree.forms if each.action == form.action]
    return [each.fields[form.field] for each in forms]


def device_at(page: Page, address: str) -> str:
    """Return the device that was remembered at that address."""
    at = (
        f"//li[contains(., '{address}')]//form[@action='/keys/forget']/input[@name='device']/@value"
    )
    (device,) = page.tree.xpath(at)
    return device


def events(idp: IdentityProvider, *names: str) -> list[AuditEvent]:
    return [each for each in Audit(idp.engine).recent() if each.event in names]


def test_another_session_is_ended_this_one_goes_on_and_the_audit_says_so(idp, alice, elsewhere):
    page = alice.visitor.get("/sign-ins")
    latest, first = offered(page, END)  # that elsewhere, and that in which she has enrolled

    page = alice.visitor.submit(page, "/sign-ins/end", session=latest)

    assert (page.status, page.url, page.heading) == (200, "/sign-ins", "Sign-ins")
    assert offered(page, END) == [first]
    assert (is_signed_in(alice), is_signed_in(elsewhere)) == (True, False)
    (event,) = events(idp, "session.ended")
    assert (event.actor, event.address, event.outcome) == ("alice", "192.0.2.7", "success")
    assert event.details["cause"] == "person"


def test_a_device_is_forgotten_the_other_is_not_and_the_audit_says_so(idp, alice, elsewhere):
    page = alice.visitor.get("/keys")
    hers, others = device_at(page, "192.0.2.7"), device_at(page, ELSEWHERE)
    assert offered(page, FORGET) == [others, hers], "who was used last first"

    page = alice.visitor.submit(page, "/keys/forget", device=others)

    assert (page.status, page.url, page.heading) == (200, "/keys", "Devices and keys")
    assert offered(page, FORGET) == [hers]
    (event,) = events(idp, "device.forgotten")
    assert (event.actor, event.address, event.outcome) == ("alice", "192.0.2.7", "success")
    assert is_signed_in(elsewhere)
    assert (is_remembered(alice), is_remembered(elsewhere)) == (True, False)


@both_forms
@pytest.mark.parametrize("token", ["x", "of another session"])
def test_a_form_of_another_session_takes_nothing_away(idp, alice, elsewhere, form, token):
    page = alice.visitor.get(form.page)
    before = offered(page, form)
    if token == "of another session":
        token = elsewhere.visitor.get(form.page).form(form.action).fields["form_token"]

    refused = alice.visitor.submit(page, form.action, form_token=token)

    assert (refused.status, refused.heading) == (403, "That did not come from this page")
    assert offered(alice.visitor.get(form.page), form) == before
    assert is_signed_in(elsewhere)
    (event,) = events(idp, form.event, "account.refused")
    assert (event.event, event.reason, event.actor) == ("account.refused", "step-token", "alice")


@both_forms
def test_nobody_takes_away_what_is_somebody_elses(idp, alice, elsewhere, form):
    bob = at_home(make_holder(idp, "bob@corp.test"))
    hers, his = alice.visitor.get(form.page), bob.visitor.get(form.page)
    before = offered(hers, form)
    assert not set(before) & set(offered(his, form))

    for taken in before:
        page = bob.visitor.submit(his, form.action, **{form.field: taken})
        assert (page.status, page.url) == (200, form.page)

    assert offered(alice.visitor.get(form.page), form) == before
    assert is_signed_in(elsewhere)
    assert events(idp, form.event) == []


@both_forms
def test_a_form_of_another_site_takes_nothing_away(idp, alice, elsewhere, form):
    page = alice.visitor.get(form.page)
    fields = dict(page.form(form.action).fields)

    refused = alice.visitor.post(form.action, fields, origin="https://evil.test")

    assert refused.status == 403
    assert offered(alice.visitor.get(form.page), form) == offered(page, form)
    assert events(idp, form.event) == []
    assert Audit(idp.engine).recent()[0].reason == "other-origin"
