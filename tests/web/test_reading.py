"""GET and HEAD of every route that there is: what asking for a page may change, and what never."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect
from starlette.routing import Route

from connector.demo.sample_saml import sp_metadata
from connector.idp.application.service_provider import SloEndpoint
from connector.idp.names import Binding
from connector.settings.branding import SVG, Picture
from connector.web.app import public_routes
from connector.web.pages import make_pages
from connector.web.site import Brand
from state.engine import reading
from tests.parts.logo import LOGO
from tests.parts.policies import policies
from tests.parts.visitor import Page, Visitor, visit
from tests.web.conftest import BASE_URL, INTRANET, PAYROLL
from tests.web.holder import EMAIL, PASSWORD, app_of, make_holder
from tests.web.test_logout import redirect_of, request_of, takes_part
from tests.web.test_upstream import make_idp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.parts.identity_provider import IdentityProvider

AUDIT = {"audit", "audit_head"}
# A login that begins: a row that holds nothing of anybody.
BEGUN = {"login_transaction", "used_request"}
# Whoever is signed in is let in: the session was used, the application was told.
LET_IN = {"sso_session", "session_participant", "used_request", *AUDIT}
SIGNED_OUT = {"logout", "logout_delivery", *LET_IN}
# Who has read the certificate to come is noted, once in a while; HEAD shows none, so it notes nobody.
FETCHED = {"metadata_fetch"}
# SAML's redirect binding and Duo come by GET, links of a portal do, and a login that was begun by a
# post of another site goes on by the GET that carries its cookies. HEAD changes nothing anywhere.
MAY_CHANGE = {
    "/open/{slug}": BEGUN | LET_IN,
    "/saml/sso": BEGUN | LET_IN,
    "/login/{transaction}": {"login_transaction"} | LET_IN,
    "/login/duo": {"login_transaction", *AUDIT},
    "/saml/slo": SIGNED_OUT,
    "/logout/{logout}": {"logout", "logout_delivery", *AUDIT},
    "/keys": BEGUN,
    "/sign-ins": BEGUN,
    "/saml/metadata": FETCHED,
    "/saml/metadata/{application}": FETCHED,
    "/saml/upstream/metadata": FETCHED,
    "/saml/upstream/metadata/{slug}": FETCHED,
}


def waiting(visitor: Visitor) -> str:
    """Return the page of a login that waits for an address."""
    visitor.client.cookies.delete("__Host-sso")
    return visitor.get("/open/intranet").url


def due(visitor: Visitor) -> str:
    """Return the page of a login whose person has proved all, which lets them in."""
    asked = visitor.submit(visitor.get(waiting(visitor)), "/email", email="alice@corp.test")
    form = asked.form("/password")
    typed = {**form.fields, "password": "Passw0rd!"}
    answer = visitor.client.post(form.action, data=typed, headers={"origin": BASE_URL})
    assert answer.status_code == 303
    return answer.headers["location"]


def signed_out(visitor: Visitor) -> str:
    """Return the page of a logout that has applications to visit."""
    answer = visitor.client.post("/sign-out", headers={"origin": BASE_URL})
    return answer.headers["location"]


ADDRESSES: dict[str, Callable[[IdentityProvider, Visitor, Callable[..., str]], Iterable[str]]] = {
    "/": lambda *_: ["/", "/?q=intra"],
    "/open/{slug}": lambda *_: ["/open/payroll"],
    "/saml/metadata": lambda *_: ["/saml/metadata"],
    "/saml/metadata/{application}": lambda *_: ["/saml/metadata/payroll"],
    "/saml/sso": lambda idp, visitor, ask: [ask(PAYROLL)],
    "/saml/upstream/metadata": lambda *_: ["/saml/upstream/metadata"],
    "/saml/upstream/metadata/{slug}": lambda *_: ["/saml/upstream/metadata/partner"],
    "/login/duo": lambda *_: [f"/login/duo?state={'a' * 44}&duo_code=b"],
    "/login/{transaction}": lambda idp, visitor, ask: [waiting(visitor), due(visitor)],
    "/keys": lambda *_: ["/keys"],
    "/sign-ins": lambda *_: ["/sign-ins"],
    "/saml/slo": lambda idp, visitor, ask: [redirect_of(request_of(idp, visitor, PAYROLL))],
    "/logout": lambda *_: ["/logout"],
    "/logout/{logout}": lambda idp, visitor, ask: [signed_out(visitor)],
    "/static/brand.css": lambda *_: ["/static/brand.css"],
    "/static/brand/logo.svg": lambda *_: ["/static/brand/logo.svg"],
}


@pytest.fixture
def idp(engine, tmp_path) -> IdentityProvider:
    """An identity provider with everything that has routes of its own."""
    idp = make_idp(engine, tmp_path)
    idp.register("Payroll", sp_metadata(PAYROLL).encode())
    takes_part(idp, 0, SloEndpoint(f"{INTRANET}/slo", Binding.REDIRECT))
    takes_part(idp, 1, SloEndpoint(f"{PAYROLL}/slo", Binding.REDIRECT))
    idp.site = replace(idp.site, brand=Brand("#7a1fa2", Picture(LOGO, SVG)))
    return idp


@pytest.fixture
def visitor(idp) -> Visitor:
    """Somebody who is signed in, at both applications."""
    visitor = visit(idp.app(), BASE_URL)
    visitor.sign_in("/open/intranet", "alice@corp.test", "Passw0rd!")
    visitor.get("/open/payroll")
    return visitor


def contents(engine) -> dict[str, list]:
    """Return all that the state holds, by table."""
    names = inspect(engine).get_table_names()
    with reading(engine) as connection:
        return {
            name: sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}")))
            for name in names
        }


def changed(before: dict[str, list], after: dict[str, list]) -> set[str]:
    return {name for name in after if after[name] != before[name]}


def test_every_route_that_get_takes_is_looked_at(idp):
    flow = idp.flow()
    routes = public_routes(flow, idp.logout(flow), make_pages(idp.site), idp.publication())
    others = [type(each).__name__ for each in routes if not isinstance(each, Route)]

    getting = [each for each in routes if isinstance(each, Route) and "GET" in each.methods]

    assert {each.path for each in getting} == set(ADDRESSES)
    assert others == ["Mount"], "the static files"
    assert {each.path for each in getting if "HEAD" not in each.methods} == {
        path for path, tables in MAY_CHANGE.items() if tables != FETCHED
    }


@pytest.mark.parametrize("path", ADDRESSES)
def test_head_changes_nothing_and_get_only_what_it_is_there_for(idp, visitor, ask, engine, path):
    stranger = visit(idp.app(), BASE_URL)

    for url in ADDRESSES[path](idp, visitor, ask):
        before = contents(engine)
        for somebody in (stranger, visitor):
            assert somebody.client.head(url).status_code < 500
        assert changed(before, contents(engine)) == set(), url

        for somebody in (stranger, visitor):
            assert somebody.client.get(url).status_code < 500
        after = contents(engine)
        assert changed(before, after) <= MAY_CHANGE.get(path, set()), url

        if MAY_CHANGE.get(path, FETCHED) == FETCHED:
            idp.clock.moment += timedelta(seconds=1)
            for somebody in (stranger, visitor):
                assert somebody.client.get(url).status_code < 500
            assert changed(after, contents(engine)) == set(), f"{url}, once more"


def test_a_page_of_a_login_that_waits_is_shown_again_and_nothing_changes(idp, engine):
    """The first GET ties a login to its browser; those that follow only show how far it is."""
    idp.policies = policies()
    alice = make_holder(idp)

    def shown_again(page: Page) -> Page:
        """Return the page, after it was asked for once more and nothing came of it."""
        before = contents(engine)
        again = alice.visitor.get(page.url)
        assert (again.status, again.url, again.heading) == (200, page.url, page.heading)
        assert alice.visitor.client.head(page.url).status_code == 405
        assert changed(before, contents(engine)) == set(), page.heading
        return page

    page = shown_again(alice.visitor.get("/open/payroll"))
    page = shown_again(alice.visitor.submit(page, "/email", email=EMAIL))
    page = shown_again(alice.visitor.submit(page, "/password", password=PASSWORD))
    page = shown_again(alice.choose(page, "/enrol", "totp"))
    alice.app = app_of(page)
    page = shown_again(alice.visitor.submit(page, "/enrol-totp", code=alice.code(), name="x"))
    assert alice.visitor.submit(page, "/enrol-finish").heading == "Opening Payroll"
    alice.visitor.client.cookies.delete("__Host-sso")
    page = shown_again(alice.password("/open/payroll"))
    page = shown_again(alice.choose(page, "/choose", "recovery-code"))
    assert alice.prove(alice.choose(page, "/choose", "totp")).heading == "Opening Payroll"


POSTED = ("email", "forget", "password", "code", "enrol", "enrol-totp", "choose", "duo")
OWN = ("sign-ins/end-all", "sign-ins/end", "keys/add", "keys/rename", "keys/remove", "keys/forget")


def test_what_a_form_does_no_link_does(visitor, engine):
    before = contents(engine)

    for path in ("sign-out", *OWN):
        for method in ("GET", "HEAD"):
            assert visitor.client.request(method, f"/{path}").status_code == 405, path

    assert changed(before, contents(engine)) == set()


def test_no_step_of_a_login_is_taken_by_a_link(visitor, engine):
    url = waiting(visitor)
    before = contents(engine)

    for step in POSTED:
        for method in ("GET", "HEAD"):
            answer = visitor.client.request(
                method, f"{url}/{step}?email=alice@corp.test&password=x"
            )
            assert answer.status_code == 405, step

    assert changed(before, contents(engine)) == set()
