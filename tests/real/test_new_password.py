"""People of a real Active Directory whose password has expired change it in the login, and are in.

Everything is real: Samba as the directory, the daemon as an operator starts it and as an ordinary
account, the applications, and Chromium.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connector.audit import Audit
from tests.parts.browser import accessibility_faults, open_context
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.sign_on import prepared_applications, running_applications, sign_in
from tests.real.test_login import PASSWORD, World, fetch, running_daemon, write_configuration

pytestmark = pytest.mark.real

NEW = "Winter-2027!"
PEOPLE = ("must", "old", "short", "again", "wrong", "keys", "plain", "kiosk", "busy")


@pytest.fixture(scope="module")
def directory(samba):
    """The domain with people who have to change their passwords, in one way or the other."""
    people = samba.people
    names = [
        people.add_user(login, password=PASSWORD, mail=f"{login}@corp.test") for login in PEOPLE
    ]
    for login, name in zip(PEOPLE, names, strict=True):
        if login == "old":
            samba.backdate_password(login, 60)
        else:
            people.require_new_password(name)
    samba.forbid_change(people.find("kiosk"))
    people.add_user("reader", password=PASSWORD)
    people.lock_after(10)
    return people.add_group("Staff", *names)


@pytest.fixture(scope="module")
def world(samba, directory, tmp_path_factory):
    folder = tmp_path_factory.mktemp("daemon")
    with prepared_applications(folder) as applications:
        write_configuration(folder, samba, applications, directory)
        as_an_ordinary_account(folder)
        with running_daemon(folder) as engine:
            metadata_url = f"{applications.login_url}/saml/metadata"
            with running_applications(applications, lambda: fetch(metadata_url)):
                yield World(applications, engine)


def as_an_ordinary_account(folder) -> None:
    """Let the daemon read as somebody who has no right over anybody."""
    file = folder / "connector.toml"
    text = file.read_text()
    assert "administrator@ad.test" in text
    file.write_text(text.replace("administrator@ad.test", "reader@ad.test"))
    (folder / "ad-password").write_text(PASSWORD)


def arrive(page, world, login):
    """Go as far as the new password."""
    page.goto(world.urls["Inside mellon"])
    sign_in(page, f"{login}@corp.test", PASSWORD)
    expect(page.get_by_role("heading")).to_have_text("Choose a new password")


def choose(page, new=NEW, old=PASSWORD):
    page.get_by_label("Current password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password, once more").fill(new)
    page.get_by_role("button", name="Change and sign in").click()


@pytest.mark.parametrize(
    ("login", "words"), [("must", "has to be changed"), ("old", "has expired")]
)
def test_a_password_is_changed_and_its_owner_is_in(browser, page, world, login, words):
    arrive(page, world, login)
    expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("#rules")).to_contain_text("At least 7 characters.")

    choose(page)

    expect(page.get_by_role("heading")).to_have_text("Inside mellon")
    events = [(one.event, one.actor != "", one.address) for one in Audit(world.engine).recent()]
    assert ("password.changed", True, "127.0.0.1") in events
    with open_context(browser) as context:
        other = context.new_page()
        other.goto(world.urls["Inside mellon"])
        sign_in(other, f"{login}@corp.test", PASSWORD)
        expect(other.get_by_role("alert")).to_contain_text("do not open this application")
        other.get_by_label("Password", exact=True).fill(NEW)
        other.get_by_role("button", name="Sign in").click()
        expect(other.get_by_role("heading")).to_have_text("Inside mellon")


@pytest.mark.parametrize(
    ("login", "new", "words"),
    [
        ("short", "Ab1!", "too short"),
        ("plain", "summersummer", "too few kinds of characters"),
        ("again", PASSWORD, "used that password before"),
    ],
)
def test_a_refusal_is_in_words_and_the_next_try_succeeds(page, world, login, new, words):
    arrive(page, world, login)

    choose(page, new)
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_label("New password", exact=True)).to_have_attribute("aria-invalid", "true")
    choose(page)

    expect(page.get_by_role("heading")).to_have_text("Inside mellon")


def test_a_wrong_old_password_is_told_and_is_one_bad_password_at_the_directory(
    samba,
    page,
    world,
):
    arrive(page, world, "wrong")

    for _ in range(2):
        choose(page, old="not it")
        expect(page.get_by_role("alert")).to_contain_text("not your current password")

    assert samba.people.bad_password_count("wrong") == 1
    choose(page)
    expect(page.get_by_role("heading")).to_have_text("Inside mellon")


def test_who_may_not_change_the_password_is_sent_to_the_help_desk(page, world):
    arrive(page, world, "kiosk")

    choose(page)

    expect(page.get_by_role("alert")).to_contain_text("cannot be changed here")


def test_the_keyboard_is_enough_on_a_phone_without_scripts(browser, world):
    with open_context(browser, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, world, "keys")
        expect(page.get_by_label("Current password")).to_be_focused()
        for text in (PASSWORD, NEW, NEW):
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Change and sign in")).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Continue").click()

        expect(page.get_by_role("heading")).to_have_text("Inside mellon")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_page_is_accessible_and_does_not_scroll_sideways(browser, world, look):
    with open_context(browser, look) as context:
        page = context.new_page()
        arrive(page, world, "busy")
        assert accessibility_faults(page) == []
        choose(page, "Ab1!")
        expect(page.get_by_role("alert")).to_be_visible()
        assert accessibility_faults(page) == []
