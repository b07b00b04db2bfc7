"""The pages of second factors and of people's own accounts, by HTTP."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from connector.audit import Audit
from connector.idp.policy.points import Remembering
from connector.idp.transaction import digest_of
from tests.parts.policies import policies
from tests.parts.visitor import visit
from tests.web.conftest import BASE_URL
from tests.web.holder import EMAIL, PASSWORD, Holder, make_holder


@pytest.fixture
def idp(idp):
    idp.policies = policies(remembered_devices=Remembering.SHARED)
    return idp


@pytest.fixture
def alice(idp) -> Holder:
    """Alice, who has an app, and is signed in nowhere."""
    alice = make_holder(idp)
    assert alice.enrol(alice.password("/open/payroll")).heading == "Opening Payroll"
    alice.visitor.client.cookies.clear()
    return alice


def test_password_and_code_lead_to_the_application_without_a_script(alice):
    page = alice.password("/open/intranet")
    assert page.form("/code").fields["kind"] == "totp"

    assert alice.prove(page).heading == "Opening Intranet"


def test_the_cookie_of_a_remembered_device_is_as_strict_as_the_others(alice):
    alice.prove(alice.password("/open/intranet"), remember="yes")

    (cookie,) = [
        value
        for seen in alice.visitor.seen
        for value in seen.headers.get_list("set-cookie")
        if value.startswith("__Host-device=")
    ]
    name, *attributes = (part.strip().lower() for part in cookie.split(";"))
    assert set(attributes) == {
        "httponly", "path=/", "samesite=lax", "secure", f"max-age={400 * 24 * 3600}",
    }  # fmt: skip
    assert len(name.partition("=")[2]) == 43


def test_nothing_secret_is_in_any_address_on_the_way(alice):
    """A login's number is no secret: it is worth nothing without the cookie of its browser."""
    alice.visitor.seen.clear()
    wrong = alice.password("/open/intranet")
    page = alice.visitor.submit(wrong, "/code", code="000000")
    page = alice.choose(page, "/choose", "recovery-code")
    page = alice.visitor.submit(page, "/code", code=alice.codes[0], remember="yes")
    assert page.heading == "Opening Intranet"
    for path in ("/", "/keys", "/sign-ins"):
        alice.visitor.get(path)
    alice.visitor.submit(alice.visitor.get("/"), "/sign-out")

    addresses = [str(seen.request.url) for seen in alice.visitor.seen] + [
        seen.headers["location"] for seen in alice.visitor.seen if "location" in seen.headers
    ]
    addresses += [
        link for seen in alice.visitor.seen for link in re.findall(r'(?:href|action)="([^"]*)"', seen.text)
    ]  # fmt: skip

    assert {urlsplit(each).path.split("/")[1] for each in addresses if each.startswith("/")} <= {
        "", "keys", "login", "logout", "open", "sign-ins", "sign-out", "static",
    }  # fmt: skip
    queries = {name for each in addresses for name, _ in parse_qsl(urlsplit(each).query)}
    assert queries <= {"v"}, "the version of a static file"
    cookies = dict(alice.visitor.client.cookies)
    secrets = [EMAIL, PASSWORD, alice.app.secret, *alice.codes, *cookies.values()]
    text = "\n".join(map(unquote, addresses)).casefold()
    assert [each for each in secrets if each.casefold() in text] == []


@pytest.mark.parametrize("path", ["/", "/keys", "/sign-ins"])
def test_the_session_of_who_signed_out_opens_no_page(alice, path):
    alice.prove(alice.password("/open/intranet"))
    stolen = alice.visitor.client.cookies["__Host-sso"]
    thief = visit(alice.idp.app(), BASE_URL)
    thief.client.cookies.set("__Host-sso", stolen, domain="sso.corp.test")
    assert thief.client.get(path).status_code == 200

    alice.visitor.submit(alice.visitor.get("/"), "/sign-out")

    answer = thief.client.get(path)
    if path == "/":
        assert "You are not signed in" in answer.text
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login/")


def test_an_address_tells_nobody_who_has_a_passkey_or_exists(alice):
    asked = []
    for email in (EMAIL, "bob@corp.test", "nobody@corp.test"):
        visitor = visit(alice.idp.app(), BASE_URL)
        first = visitor.get("/open/intranet")
        second = visitor.submit(first, "/email", email=email)
        for page in (first, second):
            options = json.loads(page.form("/passkey").get("data-options"))
            assert len(base64.urlsafe_b64decode(options.pop("challenge") + "=")) == 32
            asked.append(options)

    assert all(each == asked[0] for each in asked)
    assert asked[0]["allowCredentials"] == []


@pytest.mark.parametrize("step", ["code", "choose", "enrol", "enrol-totp", "enrol-finish", "duo"])
def test_no_step_of_the_second_half_is_taken_before_the_first(alice, step):
    page = alice.visitor.get("/open/intranet")
    token = page.form("/email").fields["step_token"]
    form = {"step_token": token, "kind": "totp", "code": alice.code()}

    refused = alice.visitor.post(f"{page.url}/{step}", form)

    assert refused.status == 403
    event = Audit(alice.idp.engine).recent()[0]
    assert (event.event, event.reason) == ("login.refused", "step-token")
    assert alice.visitor.get(page.url).heading == "Sign in"


# The own account.


def test_a_form_of_another_session_changes_nothing_says_so_and_leads_back(alice):
    alice.prove(alice.password("/open/intranet"))
    page = alice.visitor.get("/keys")
    form = page.form("/keys/remove")

    refused = alice.visitor.post(form.action, {**dict(form.fields), "form_token": "x"})

    assert (refused.status, refused.heading) == (403, "That did not come from this page")
    assert refused.tree.xpath("//a[@class='button primary']/@href") == ["/keys"]
    event = Audit(alice.idp.engine).recent()[0]
    assert (event.event, event.reason, event.actor) == ("account.refused", "step-token", "alice")
    assert alice.visitor.get("/keys").form("/keys/remove").fields == form.fields


def test_who_signs_out_everywhere_is_out_and_the_browser_forgets_both_cookies(alice):
    alice.prove(alice.password("/open/intranet"), remember="yes")
    cookie = alice.visitor.client.cookies["__Host-sso"]

    page = alice.visitor.submit(alice.visitor.get("/sign-ins"), "/end-all")

    assert page.heading == "You are not signed in"
    assert set(alice.visitor.client.cookies) == {"__Host-browser"}
    assert alice.idp.flow().parts.store.session(digest_of(cookie)) is None
    assert alice.visitor.post("/sign-ins/end-all", {"form_token": "x"}).status == 200


@pytest.mark.parametrize("path", ["/", "/keys", "/sign-ins"])
def test_pages_of_the_account_are_kept_by_nobody_and_run_nothing(alice, path):
    alice.prove(alice.password("/open/intranet"))

    page = alice.visitor.get(path)

    assert page.status == 200
    assert page.answer.headers["cache-control"] == "no-store"
    assert page.tree.xpath("//style | //@style | //script[not(@src)] | //@onclick") == []
