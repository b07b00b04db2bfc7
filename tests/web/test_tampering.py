"""What applications make of our Responses: a good one is accepted, no changed one is."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.parts.browser import open_context, running_browser
from tests.parts.identity_provider import STAFF
from tests.parts.sign_on import (
    hold_the_answer,
    read_answer,
    running_sign_on,
    send_answer,
    sign_in,
)
from tests.parts.tampering import TAMPERINGS, tampered

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_sign_on(tmp_path_factory.mktemp("sign-on"), (STAFF,)) as running:
        running.idp.people.add("alice")
        yield running


@pytest.fixture(scope="module")
def page(world):
    """A page whose browser is signed on; each application is yet to be entered."""
    with running_browser() as browser, open_context(browser) as context:
        page = context.new_page()
        hold_the_answer(page)
        page.goto(world.applications.saml.base_url)
        sign_in(page)
        expect(page.get_by_role("heading")).to_contain_text("Opening")
        yield page


def test_an_answer_as_we_made_it_is_accepted_by_both(page, world):
    for url, inside in (
        (f"{world.applications.mellon_url}/private/", "mellon"),
        (world.applications.saml.base_url, "python3-saml"),
    ):
        page.goto(url)
        send_answer(page, read_answer(page))
        expect(page.get_by_role("heading")).to_have_text(f"Inside {inside}")


@pytest.mark.parametrize("change", TAMPERINGS, ids=lambda change: change.__name__)
def test_mellon_refuses_a_changed_answer(page, world, change):
    page.context.clear_cookies(name="mellon-cookie")
    page.goto(f"{world.applications.mellon_url}/private/")

    send_answer(page, tampered(read_answer(page), change))

    expect(page.get_by_role("heading")).to_have_text("Bad Request")


@pytest.mark.parametrize("change", TAMPERINGS, ids=lambda change: change.__name__)
def test_python3_saml_refuses_a_changed_answer(page, world, change):
    page.goto(world.applications.saml.base_url)

    send_answer(page, tampered(read_answer(page), change))

    expect(page.get_by_role("heading")).to_have_text("Refused")
    assert world.applications.saml.errors


@pytest.mark.parametrize("change", TAMPERINGS, ids=lambda change: change.__name__)
def test_our_sample_application_refuses_a_changed_answer(page, world, change):
    page.goto(f"{world.applications.intranet_url}/sign-in")

    send_answer(page, tampered(read_answer(page), change))

    expect(page.get_by_role("heading")).to_have_text("Not let in")


def test_our_sample_application_takes_an_answer_once(page, world):
    page.goto(f"{world.applications.intranet_url}/sign-in")
    answer = read_answer(page)
    send_answer(page, answer)
    expect(page.get_by_role("heading")).to_have_text("Hello, Alice")
    page.goto(f"{world.applications.intranet_url}/sign-in")

    send_answer(page, answer)

    expect(page.get_by_role("heading")).to_have_text("Not let in")
