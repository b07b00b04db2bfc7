"""People sign in to an application that others wrote, by way of an identity provider that others
wrote: pysaml2 as the upstream, python3-saml as the application, Chromium as the browser.

Each is on a site of its own and speaks https, so that the browser treats what goes between them as
it would on the net.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from connector.clock import SystemClock
from connector.idp.names import Binding
from connector.idp.routing import Rule
from connector.web.server import Certificate, Listener, serving
from tests.parts.browser import LOOKS, accessibility_faults, open_context
from tests.parts.certificates import make_certificate
from tests.parts.identity_provider import IdentityProvider, free_port, make_identity_provider
from tests.parts.key_pair import make_key_pair
from tests.parts.pysaml2_provider import PASSWORD, Pysaml2Provider
from tests.parts.service_provider import ServiceProvider
from tests.parts.sign_on import give_email, listen_of
from tests.parts.states import new_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.real

PAT, PIA = "pat@partner.test", "pia@partner.test"


@dataclass
class World:
    """What runs.

    Attributes:
        idp: Our identity provider.
        upstream: The other one.
        application: Where people want to go; `straight` likewise, where everybody is sent on.

    """

    idp: IdentityProvider
    upstream: Pysaml2Provider
    application: ServiceProvider
    straight: ServiceProvider


@contextmanager
def running_world(
    folder: Path, *, bindings: tuple[str, ...] = ("redirect", "post"), is_encrypted: bool = False
) -> Iterator[World]:
    """Yield the world; people of partner.test belong to the upstream."""
    hosts = ("login.corp.test", "saml.test", "straight.test", "upstream.test")
    tls = make_certificate(folder, *hosts)
    login, saml, straight, upstream = (f"https://{host}:{free_port()}" for host in hosts)
    engine = new_state(folder / "state.db")
    idp = make_identity_provider(engine, folder, login, SystemClock())
    for person in (PAT, PIA):
        idp.people.add(person)
    applications = [_application(folder, saml), _application(folder, straight)]
    for name, application in zip(("SAML", "Straight"), applications, strict=True):
        idp.register(name, application.metadata())
        application.idp_metadata = idp.metadata()
    partner = Pysaml2Provider(upstream, make_key_pair(folder, "upstream"), bindings=bindings)
    partner.is_encrypted, partner.people = is_encrypted, {PAT: PASSWORD, PIA: PASSWORD}
    idp.believe("Partner", partner.metadata(), "partner.test", requires_encryption=is_encrypted)
    idp.rules += [
        Rule("Partner", 1, applications=frozenset({"straight"})),
        Rule("Partner", 2, frozenset({"partner.test"})),
    ]
    partner.sp_metadata = idp.describe()
    certificate = Certificate(tls.certificate, tls.key)
    listeners = [
        Listener(each.app(), listen_of(each.base_url), certificate)
        for each in (*applications, partner)
    ]
    with serving(listeners), idp.served(tls):
        yield World(idp, partner, *applications)
    engine.dispose()


def _application(folder: Path, base_url: str) -> ServiceProvider:
    pair = make_key_pair(folder, base_url.rpartition(":")[2])
    return ServiceProvider(base_url, pair.certificate_file.read_text(), pair.key_file.read_text())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_world(tmp_path_factory.mktemp("upstream")) as running:
        yield running


@pytest.fixture(scope="module")
def strict_world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strict")
    with running_world(folder, bindings=("post",), is_encrypted=True) as running:
        yield running


def sign_in_there(page: Page, person: str = PAT, password: str = PASSWORD) -> None:
    """Answer the upstream's own question."""
    expect(page.get_by_role("heading")).to_have_text("Upstream sign-in")
    page.get_by_label("Name").fill(person)
    page.get_by_label("Secret").fill(password)
    page.get_by_role("button", name="Enter").click()


@pytest.mark.parametrize(
    "signs", [("assertion", "response"), ("assertion",), ("response",)], ids="+".join
)
def test_a_person_of_the_partner_enters_the_application(page, world, signs):
    world.upstream.signs = signs
    page.goto(world.application.base_url)
    give_email(page, PAT)
    sign_in_there(page)

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    expect(page.locator("#who")).to_have_text(PAT)
    expect(page.locator("#to")).to_have_text("/deep/link")


@pytest.mark.parametrize(
    "signs", [("assertion", "response"), ("assertion",), ("response",)], ids="+".join
)
def test_it_may_encrypt_and_take_posts_only(page, strict_world, signs):
    world = strict_world
    world.upstream.signs = signs
    (binding,) = world.idp.upstreams[0].provider.sso_urls
    assert binding == Binding.POST
    page.goto(world.application.base_url)
    give_email(page, PAT)
    sign_in_there(page)

    expect(page.locator("#who")).to_have_text(PAT)


def test_where_everybody_goes_to_the_partner_no_page_of_ours_is_seen(page, world):
    seen = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    page.goto(world.straight.base_url)
    sign_in_there(page)

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    ours = [url for url in seen if url.startswith(world.idp.site.base_url)]
    assert len(ours) == 1, "the page that carries the Response, and no other"


def test_who_is_signed_in_with_us_enters_the_second_application_without_the_partner(page, world):
    page.goto(world.straight.base_url)
    sign_in_there(page)
    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    asked = len(world.upstream.asked)

    page.goto(world.straight.base_url)

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    assert len(world.upstream.asked) == asked


def test_who_is_signed_in_there_enters_without_a_question(browser, world):
    with open_context(browser) as context:
        page = context.new_page()
        page.goto(world.straight.base_url)
        sign_in_there(page)
        expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
        context.clear_cookies(domain="login.corp.test")

        page.goto(world.straight.base_url)

        expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")


def test_a_forced_authentication_is_asked_for_there(page, world):
    page.goto(world.straight.base_url)
    sign_in_there(page)
    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")

    page.goto(world.straight.sign_in_url(force_authn=True))
    sign_in_there(page)

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")


def test_the_back_button_does_not_trap(page, world):
    page.goto(world.application.base_url)
    give_email(page, PAT)
    expect(page.get_by_role("heading")).to_have_text("Upstream sign-in")

    page.go_back()

    expect(page.get_by_role("heading")).to_have_text("Sign in at Partner")
    page.get_by_role("button", name="Not you?").click()
    give_email(page, PIA)
    sign_in_there(page, PIA)
    expect(page.locator("#who")).to_have_text(PIA)


def test_who_gives_up_there_reads_what_to_do(page, world):
    page.goto(world.application.base_url)
    give_email(page, PAT)
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("alert")).to_have_text(
        "Partner did not let you in. Try again, or ask the help desk."
    )
    page.get_by_role("link", name="Continue to Partner").click()
    sign_in_there(page)
    expect(page.locator("#who")).to_have_text(PAT)


def test_two_people_at_one_computer_are_not_taken_for_each_other(browser, world):
    with open_context(browser) as context:
        page = context.new_page()
        page.goto(world.application.base_url)
        give_email(page, PIA)
        sign_in_there(page, PIA)
        expect(page.locator("#who")).to_have_text(PIA)
        context.clear_cookies(domain="login.corp.test")

        page.goto(world.application.base_url)
        give_email(page, PAT)

        expect(page.get_by_role("alert")).to_contain_text("signed in as somebody else")
        page.get_by_role("link", name="Continue to Partner").click()
        sign_in_there(page)
        expect(page.locator("#who")).to_have_text(PAT)


@pytest.mark.parametrize("kind", ["world", "strict_world"])
def test_without_scripts_buttons_lead_the_way(browser, request, kind):
    world = request.getfixturevalue(kind)
    with open_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(world.application.base_url)
        give_email(page, PAT)
        if kind == "strict_world":
            page.get_by_role("button", name="Continue to Partner").click()
        sign_in_there(page)
        page.get_by_role("button", name="Back").click()
        page.get_by_role("button", name="Continue").click()

        expect(page.locator("#who")).to_have_text(PAT)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_none_scrolls_sideways(browser, world, look, tmp_path):
    folder = Path(os.environ.get("PICTURES", tmp_path))
    with open_context(browser, look) as context:
        page = context.new_page()

        def check(name):
            page.evaluate("document.fonts.ready")
            page.screenshot(path=folder / f"upstream-{name}-{look}.png")
            assert accessibility_faults(page) == [], name

        page.goto(world.application.base_url)
        give_email(page, "maximiliane.von-der-hohenheim-schwarzenberg@partner.test")
        expect(page.get_by_role("heading")).to_have_text("Upstream sign-in")
        page.go_back()
        expect(page.get_by_role("heading")).to_have_text("Sign in at Partner")
        check("source")
        page.get_by_role("link", name="Continue to Partner").click()
        sign_in_there(page)
        expect(page.get_by_role("alert")).to_contain_text("signed in as somebody else")
        check("other-person")
        page.get_by_role("button", name="Not you?").click()
        give_email(page, PAT)
        expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
