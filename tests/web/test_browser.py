"""The same pages in a real browser, with real applications on other sites."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connector.demo.sample_app import sample_app
from connector.demo.sample_saml import sp_metadata
from connector.settings.values import Listen
from connector.source.password import PasswordVerdict
from connector.web.server import Listener, serving
from connector.web.words import read_words
from tests.parts.browser import accessibility_faults, open_context, pictures
from tests.parts.identity_provider import STAFF, free_port, make_identity_provider
from tests.parts.sign_on import (
    give_email,
    give_password,
    hold_the_answer,
    running_sign_on,
    sign_in,
)
from tests.parts.states import new_state

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_sign_on(tmp_path_factory.mktemp("sign-on"), (STAFF,)) as running:
        running.idp.people.add("alice")
        yield running


def test_a_person_enters_mellon_and_then_everything_else_without_a_question(page, world):
    page.goto(f"{world.applications.mellon_url}/private/")
    sign_in(page)
    expect(page.get_by_role("heading")).to_have_text("Inside mellon")

    page.goto(f"{world.applications.saml.base_url}/?to=/reports/7")
    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    expect(page.locator("#who")).to_have_text("alice@corp.test")
    expect(page.locator("#to")).to_have_text("/reports/7")

    page.goto(f"{world.applications.intranet_url}/sign-in")
    expect(page.get_by_role("heading")).to_have_text("Hello, Alice")


def test_without_scripts_one_more_button_leads_to_the_application(browser, world):
    with open_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(world.applications.saml.base_url)
        sign_in(page)

        page.get_by_role("button", name="Continue").click()

        expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")


def test_the_keyboard_is_enough(page, world):
    page.goto(world.applications.saml.base_url)
    expect(page.locator("input[type=email]")).to_be_focused()
    page.keyboard.type("alice@corp.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text("Enter your password")
    expect(page.locator("input[type=password]")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not open this application")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Not you?")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("input[type=password]")).to_be_focused()
    page.keyboard.type("Passw0rd!")
    expect(page.locator("input[type=password]")).to_have_value("Passw0rd!")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")


def test_not_you_asks_for_another_address(page, world):
    page.goto(world.applications.saml.base_url)
    page.get_by_label("Work email").fill("bob@corp.test")
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Not you?").click()
    sign_in(page)

    expect(page.locator("#who")).to_have_text("alice@corp.test")


def test_two_tabs_end_each_where_it_began(browser, world):
    with open_context(browser) as context:
        first, second = context.new_page(), context.new_page()
        first.goto(f"{world.applications.mellon_url}/private/")
        second.goto(world.applications.saml.base_url)
        for tab in (first, second):
            give_email(tab)

        give_password(second)
        expect(second.get_by_role("heading")).to_have_text("Inside python3-saml")
        give_password(first)
        expect(first.get_by_role("heading")).to_have_text("Inside mellon")


def test_leaving_the_portal_ends_the_sign_on(page, world):
    page.goto(world.applications.saml.base_url)
    sign_in(page)
    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    page.goto(world.idp.site.base_url)
    expect(page.get_by_role("link")).to_contain_text(
        ["Python SAML", "Mellon", "Northwind Intranet"]  # what was opened last comes first
    )

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading")).to_have_text("You are signed out")
    page.goto(world.applications.saml.base_url)
    expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_by_plain_http_on_this_machine_the_sample_application_is_entered_too(page, tmp_path):
    login, intranet = (f"http://localhost:{free_port()}" for _ in range(2))
    engine = new_state(tmp_path / "state.db")
    idp = make_identity_provider(engine, tmp_path, login)
    idp.register("Northwind Intranet", sp_metadata(intranet, signs_out=True).encode())
    idp.people.add("alice")
    listen = Listen("127.0.0.1", int(intranet.rpartition(":")[2]))
    with idp.served(), serving([Listener(sample_app(intranet, idp.metadata), listen)]):
        page.goto(intranet)
        page.get_by_role("link", name="Sign in").click()
        sign_in(page)
        expect(page.get_by_role("heading")).to_have_text("Hello, Alice")
        expect(page.get_by_role("definition").first).to_have_text("alice@corp.test")

        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("status")).to_contain_text("You have left the intranet")
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_role("heading")).to_have_text("Hello, Alice")

        page.goto(login)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("status")).to_contain_text("and of everything that you opened")
        page.goto(intranet)
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    engine.dispose()


@pytest.mark.parametrize(
    ("look", "language"),
    [("dark", "en"), ("phone", "de")]
    + [pytest.param(look, "en", marks=pytest.mark.long) for look in ("light", "phone")],
)
def test_every_page_on_the_way_is_accessible_and_none_scrolls_sideways(
    browser, world, look, language
):
    """All the others, and these with what is hard to come to, are in the gallery."""
    folder, words = pictures(), read_words(language)
    new, again = words.text("new-password"), words.text("new-password-again")
    with open_context(browser, look, locale=language) as context:
        page = context.new_page()
        hold_the_answer(page)

        def check(name):
            page.evaluate("document.fonts.ready")
            if folder:
                page.screenshot(path=folder / f"way-{name}-{language}-{look}.png")
            assert accessibility_faults(page) == [], name

        base_url = world.idp.site.base_url
        page.goto(base_url)
        check("welcome")
        page.goto(f"{base_url}/nowhere")
        check("not-found")
        page.goto(f"{base_url}/login/unknown")
        check("denied")
        page.goto(world.applications.intranet_url)
        check("intranet-welcome")
        page.get_by_role("link", name="Sign in").click()
        check("email")
        page.locator("form").first.evaluate("form => form.noValidate = true")
        page.get_by_label(words.text("email")).evaluate("field => field.type = 'text'")
        give_email(page, "alice", words)
        check("email-error")
        long_email = "maximiliane.von-der-hohenheim-schwarzenberg@northwind-traders.corp.test"
        give_email(page, long_email, words)
        check("password")
        give_password(page, "wrong", words)
        check("password-error")
        page.get_by_role("button", name=words.text("not-you")).click()
        erin = world.idp.people.add("erin", verdict=PasswordVerdict.PASSWORD_EXPIRED)
        sign_in(page, erin, words=words)
        check("new-password")
        page.get_by_label(words.text("current-password")).fill("Passw0rd!")
        for field in (new, again):
            page.get_by_label(field, exact=True).fill("short")
        page.get_by_role("button", name=words.text("change-and-sign-in")).click()
        check("new-password-error")
        page.get_by_role("button", name=words.text("not-you")).click()
        world.idp.people.is_down = True
        sign_in(page, words=words)
        check("unavailable")
        world.idp.people.is_down = False
        give_password(page, words=words)
        check("handoff")
        page.locator("form").evaluate("form => form.submit()")
        expect(page.get_by_role("heading")).to_have_text("Hello, Alice")
        check("intranet-home")
        page.goto(base_url)
        check("portal")
        page.get_by_role("button", name=words.text("sign-out")).click()
        check("signed-out")
