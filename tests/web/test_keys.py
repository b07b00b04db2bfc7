"""A person's own account on the pages: factors, remembered devices, sessions."""

from __future__ import annotations

import pyotp
import pytest

from connector.audit import Audit
from connector.idp.parts import Link
from tests.parts.policies import policies
from tests.parts.visitor import Page, Visitor, visit
from tests.web.conftest import BASE_URL
from tests.web.holder import app_of

PASSWORD = "Passw0rd!"


@pytest.fixture
def app(idp):
    idp.policies = policies()
    return idp.app()


@pytest.fixture
def visitor(app) -> Visitor:
    return visit(app, BASE_URL)


def sign_in_here(visitor: Visitor, email: str = "alice@corp.test", path: str = "/keys") -> Page:
    """Sign in to a page of ours; return what comes after the password."""
    asked = visitor.submit(visitor.get(path), "/email", email=email)
    return visitor.submit(asked, "/password", password=PASSWORD)


def add_app(visitor: Visitor, page: Page) -> tuple[pyotp.TOTP, Page]:
    """Add an authenticator app at the page that offers it."""
    form = next(one for one in page.tree.forms if "totp" in one.xpath(".//button/@value"))
    page = visitor.post(form.action, {**dict(form.fields), "kind": "totp"})
    app = app_of(page)
    page = visitor.submit(page, "/enrol-totp", code=app.now(), name="My telephone")
    assert page.heading == "Keep your recovery codes"
    return app, visitor.submit(page, "/enrol-finish")


def test_who_signs_in_to_devices_and_keys_enrols_and_sees_what_there_is(visitor):
    page = sign_in_here(visitor)
    assert page.heading == "Protect your account"

    _, page = add_app(visitor, page)

    assert (page.heading, page.url) == ("Devices and keys", "/keys")
    names = [each.text_content() for each in page.tree.findall(".//h2")]
    assert names == ["My telephone", "Recovery codes"]


def test_a_factor_is_renamed_and_removed_and_the_audit_says_so(idp, visitor):
    _, page = add_app(visitor, sign_in_here(visitor))

    page = visitor.submit(page, "/keys/rename", name="Old telephone")
    assert page.tree.find(".//h2").text_content() == "Old telephone"
    page = visitor.submit(page, "/keys/remove")

    assert [each.text_content() for each in page.tree.findall(".//h2")] == ["Recovery codes"]
    events = [each.event for each in Audit(idp.engine).recent(2)]
    assert events == ["factor.removed", "factor.renamed"]


def test_a_form_of_another_session_changes_nothing(app, visitor, idp):
    idp.people.add("bob")
    _, hers = add_app(visitor, sign_in_here(visitor))
    bob = visit(app, BASE_URL)
    _, his = add_app(bob, sign_in_here(bob, "bob@corp.test"))
    factor = hers.form("/keys/remove").fields["factor"]

    own = his.form("/keys/remove").fields["form_token"]
    bob.post("/keys/remove", {"form_token": own, "factor": factor})
    theirs = hers.form("/keys/remove").fields["form_token"]
    bob.post("/keys/remove", {"form_token": theirs, "factor": factor})

    names = [each.text_content() for each in visitor.get("/keys").tree.findall(".//h2")]
    assert names == ["My telephone", "Recovery codes"]


def test_a_post_from_elsewhere_is_refused(visitor):
    _, page = add_app(visitor, sign_in_here(visitor))
    fields = dict(page.form("/keys/remove").fields)

    answer = visitor.client.post("/keys/remove", data=fields, headers={"origin": "https://x.test"})

    assert answer.status_code == 403


def test_the_pages_show_nothing_to_strangers(visitor):
    for path in ("/keys", "/sign-ins"):
        page = visitor.get(path)
        assert page.heading == "Sign in"
        assert page.url.startswith("/login/")


def test_sign_ins_are_listed_for_who_is_signed_in(app, visitor):
    add_app(visitor, sign_in_here(visitor))
    page = visitor.get("/sign-ins")
    text = page.tree.text_content()
    assert "With the password and an authenticator app" in text
    assert "this browser" in text

    stranger = visit(app, BASE_URL)
    stranger.client.cookies.set("__Host-sso", "x" * 43)
    assert stranger.get("/sign-ins").heading == "Sign in"


def test_signing_out_everywhere_ends_this_session_too(visitor):
    add_app(visitor, sign_in_here(visitor))
    page = visitor.submit(visitor.get("/sign-ins"), "/end-all")

    assert page.heading == "You are not signed in"
    assert visitor.get("/keys").heading == "Sign in"


def test_the_portal_finds_what_is_sought_and_shows_links(idp):
    idp.links += [Link(f"Site {n}", f"https://s{n}.test", admits_everybody=True) for n in range(13)]
    idp.links.append(Link("Board", "https://board.test", frozenset({"cn=board"})))
    visitor = visit(idp.app(), BASE_URL)
    page = sign_in_here(visitor, path="/open/payroll")
    assert page.form().action.startswith("https://payroll.corp.test")

    shown = tiles(visitor.get("/"))
    assert len(shown) == 15
    assert shown[0].startswith("Payroll")
    assert "Used lately" in shown[0]
    assert not any("Board" in each for each in shown)
    assert tiles(visitor.get("/?q=SITE+12")) == ["Site 12"]
    assert "Nothing of yours is called <b>." in visitor.get("/?q=<b>").tree.text_content()


@pytest.mark.parametrize(("count", "is_there"), [(12, False), (13, True)])
def test_a_dozen_tiles_are_looked_at_and_more_are_searched(idp, count, is_there):
    """Whoever sees few is asked nothing; a search that finds few can be changed all the same."""
    idp.links += [
        Link(f"Site {n}", f"https://s{n}.test", admits_everybody=True) for n in range(count - 2)
    ]
    visitor = visit(idp.app(), BASE_URL)
    sign_in_here(visitor, path="/open/payroll")

    page = visitor.get("/")
    found = visitor.get("/?q=site+3")

    assert (len(tiles(page)), tiles(found)) == (count, ["Site 3"])
    for shown, sought in ((page, ""), (found, "site 3")):
        boxes = shown.tree.xpath("//form[@role='search' and @action='/']//input[@name='q']/@value")
        assert boxes == ([sought] if is_there else [])


def tiles(page: Page) -> list[str]:
    """Return what the tiles say, without the letters that stand for pictures."""
    (found,) = page.tree.find_class("applications")
    return [each.text_content().strip() for each in found.xpath(".//a/span[2]")]
