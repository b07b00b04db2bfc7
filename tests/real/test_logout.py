"""Single logout with applications that others wrote, both ways, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from connector.audit import Audit
from tests.parts.browser import accessibility_faults, open_context
from tests.parts.identity_provider import STAFF
from tests.parts.sign_on import running_sign_on, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.parts.sign_on import SignOn

pytestmark = pytest.mark.real

INSIDE = ("mellon", "python3-saml", "pysaml2")
NAMES = {"mellon": "Mellon", "python3-saml": "Python SAML", "pysaml2": "PySAML2"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_sign_on(tmp_path_factory.mktemp("logout"), (STAFF,)) as running:
        running.idp.people.add("alice")
        yield running


@pytest.fixture
def deaf(world):
    """pysaml2, out of order: by whichever binding it is told."""
    world.applications.pysaml2.is_deaf = True
    yield world.applications.pysaml2
    world.applications.pysaml2.is_deaf = False


def urls_of(world: SignOn) -> dict[str, tuple[str, str, str]]:
    """Return where one signs in to each application, sees whether one is, and signs out."""
    applications = world.applications
    mellon, private = applications.mellon_url, f"{applications.mellon_url}/private/"
    saml, pysaml2 = applications.saml.base_url, applications.pysaml2.base_url
    return {
        "mellon": (private, private, f"{mellon}/mellon/logout?ReturnTo={mellon}/"),
        "python3-saml": (saml, f"{saml}/inside", f"{saml}/logout"),
        "pysaml2": (pysaml2, f"{pysaml2}/inside", f"{pysaml2}/logout"),
    }


def enter(page: Page, world: SignOn, *names: str) -> None:
    for number, name in enumerate(names):
        page.goto(urls_of(world)[name][0])
        if number == 0:
            sign_in(page)
        expect(page.get_by_role("heading")).to_have_text(f"Inside {name}")


def leave(page: Page, world: SignOn) -> None:
    """Sign out at the portal."""
    page.goto(world.applications.login_url)
    page.get_by_role("button", name="Sign out").click()


def finish(page: Page, world: SignOn) -> None:
    """Come to the portal in the middle of signing out, and go on."""
    page.goto(world.applications.login_url)
    expect(page.get_by_role("heading")).to_have_text("You are not signed in")
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Finish signing out").click()


def still_inside(page: Page, world: SignOn) -> set[str]:
    """Return the applications that still know who this is."""
    found = set()
    for name, (_, inside, _) in urls_of(world).items():
        page.goto(inside)
        if page.get_by_role("heading").inner_text() == f"Inside {name}":
            found.add(name)
    return found


def outcomes(page: Page) -> dict[str, str]:
    rows = page.locator(".outcomes li").all()
    return {row.locator("b").inner_text(): row.locator("span").last.inner_text() for row in rows}


def channels(world: SignOn) -> dict[str, str]:
    """Return how each application was told of the last logout, as the audit has it."""
    found = {}
    for event in Audit(world.idp.engine).recent():
        if event.event == "session.ended":
            break
        if event.event == "logout.answered":
            found[event.application] = event.details["channel"]
    return found


def test_signing_out_at_the_portal_signs_out_of_all_applications(page, world):
    enter(page, world, *INSIDE)

    leave(page, world)

    expect(page.get_by_role("heading")).to_have_text("You are signed out")
    assert outcomes(page) == dict.fromkeys(NAMES.values(), "signed out")
    assert channels(world) == {"Mellon": "soap", "PySAML2": "soap", "Python SAML": "browser"}
    assert still_inside(page, world) == set()


@pytest.mark.parametrize("asking", INSIDE)
def test_signing_out_at_an_application_signs_out_of_the_others_and_comes_back(page, world, asking):
    enter(page, world, *INSIDE)
    answers = len(world.applications.pysaml2.logout_answers)

    page.goto(urls_of(world)[asking][2])

    if asking == "mellon":
        page.wait_for_url(f"{world.applications.mellon_url}/")
    else:
        expect(page.get_by_role("heading")).to_have_text("Farewell")
        expect(page.locator("#to")).to_have_text("/farewell")
    assert set(channels(world)) == {name for key, name in NAMES.items() if key != asking}
    assert still_inside(page, world) == set()
    assert world.applications.saml.logout_errors == []
    if asking == "pysaml2":
        assert world.applications.pysaml2.logout_answers[answers:] == ["Success"]
    page.goto(world.applications.login_url)
    expect(page.get_by_role("heading")).to_have_text("You are not signed in")


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_pysaml2_asks_and_is_answered_by_either_binding(page, world, binding):
    enter(page, world, "pysaml2", "python3-saml")

    page.goto(f"{urls_of(world)['pysaml2'][2]}?binding={binding}")

    expect(page.get_by_role("heading")).to_have_text("Farewell")
    expect(page.locator("#status")).to_have_text("Success")
    expect(page.locator("#to")).to_have_text("/farewell")
    assert still_inside(page, world) == set()


def test_a_server_that_asks_is_answered_at_once_and_told_what_only_a_browser_can_do(page, world):
    """By SOAP, python3-saml cannot be told: it takes messages through browsers only."""
    enter(page, world, *INSIDE)

    page.goto(f"{urls_of(world)['pysaml2'][2]}?binding=soap")

    # pysaml2 says "Success" of the first level, which speaks of our own session.
    expect(page.locator("#status")).to_have_text("Success")
    assert still_inside(page, world) == {"python3-saml"}
    ended = next(
        event for event in Audit(world.idp.engine).recent() if event.event == "session.ended"
    )
    assert ended.details["untold"] == "Python SAML"


def test_an_application_that_is_silent_by_soap_is_visited_instead(page, world, deaf):
    """And one that sends nobody back leaves nobody standing there."""
    enter(page, world, *INSIDE)

    leave(page, world)
    expect(page.get_by_role("heading")).to_have_text("Out of order")
    # It was visited last, being silent already.
    assert still_inside(page, world) == {"pysaml2"}
    finish(page, world)
    expect(page.get_by_role("heading")).to_have_text("Not finished yet")
    expect(page.get_by_role("alert")).to_contain_text("PySAML2 did not answer")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Go on without it").click()

    expect(page.get_by_role("heading")).to_have_text("You are signed out")
    assert outcomes(page) == {
        "Mellon": "signed out", "PySAML2": "did not answer", "Python SAML": "signed out",
    }  # fmt: skip
    assert accessibility_faults(page) == []
    assert still_inside(page, world) == {"pysaml2"}


def test_who_was_stranded_finishes_at_the_portal(page, world, deaf):
    enter(page, world, "pysaml2", "python3-saml")
    leave(page, world)
    expect(page.get_by_role("heading")).to_have_text("Out of order")

    deaf.is_deaf = False
    finish(page, world)
    page.get_by_role("link", name="Try PySAML2 again").click()

    expect(page.get_by_role("heading")).to_have_text("You are signed out")
    assert outcomes(page) == {"PySAML2": "signed out", "Python SAML": "signed out"}
    assert still_inside(page, world) == set()


def test_the_application_that_asked_is_answered_after_the_page_that_says_who_did_not(
    page, world, deaf
):
    enter(page, world, *INSIDE)

    page.goto(urls_of(world)["python3-saml"][2])
    expect(page.get_by_role("heading")).to_have_text("Out of order")
    finish(page, world)
    page.get_by_role("button", name="Go on without it").click()
    assert outcomes(page) == {"Mellon": "signed out", "PySAML2": "did not answer"}
    page.get_by_role("link", name="Back to Python SAML").click()

    expect(page.get_by_role("heading")).to_have_text("Farewell")
    assert world.applications.saml.logout_errors == []


def test_without_scripts_a_button_does_what_a_script_would(browser, world):
    with open_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(urls_of(world)["python3-saml"][0])
        sign_in(page)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
        page.goto(world.applications.login_url)

        page.get_by_role("button", name="Sign out").click()

        expect(page.get_by_role("heading")).to_have_text("You are signed out")
        assert outcomes(page) == {"Python SAML": "signed out"}
