"""People of a real Active Directory prove a second factor in Chromium, and enter Apache.

Everything is real but Duo, whose endpoints are a simulator that Duo's own library is a witness of.

Each way in is to take less than five seconds. `pytest -rP` shows how many each took; that is not
asserted, as the machine of a whole run does other work beside.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from contextlib import ExitStack

import pyotp
import pytest
from playwright.sync_api import expect

from connector.audit import Audit
from tests.parts.authenticator import VirtualAuthenticator
from tests.parts.browser import accessibility_faults, open_context
from tests.parts.duo_fixtures import duo, shared_duo  # noqa: F401 - fixtures
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.sign_on import give_email, prepared_applications, running_applications, sign_in
from tests.real.test_login import PASSWORD, World, fetch, running_daemon, write_configuration

pytestmark = pytest.mark.real

BAR = 5
PEOPLE = ("key", "code", "paper", "desk", "device", "loser", "plain", "duo", "home", "many")
POLICY = """
[policy]
remembered_devices = "shared"

[[link]]
name = "Canteen"
url = "https://canteen.corp.test"
groups = "*"
"""
DUO = """
[policy]

[duo]
host = "{duo.host}"
client_id = "{client_id}"
client_secret = {{ file = "duo-secret" }}
user_name = "emails.value"
ca_file = "{duo.ca_file}"
"""


@pytest.fixture(scope="module")
def directory(samba):
    names = [
        samba.people.add_user(login, password=PASSWORD, mail=f"{login}@corp.test")
        for login in PEOPLE
    ]
    return samba.people.add_group("Staff", *names)


@pytest.fixture(scope="module")
def open_world(samba, directory, tmp_path_factory):
    """Return what starts a daemon with a policy, and the applications that it serves."""
    with ExitStack() as stack:

        def start(more: str) -> World:
            folder = tmp_path_factory.mktemp("daemon")
            applications = stack.enter_context(prepared_applications(folder))
            write_configuration(folder, samba, applications, directory)
            (folder / "duo-secret").write_text(CLIENT_SECRET)
            with (folder / "connector.toml").open("a") as file:
                file.write(more)
            engine = stack.enter_context(running_daemon(folder))
            metadata_url = f"{applications.login_url}/saml/metadata"
            stack.enter_context(running_applications(applications, lambda: fetch(metadata_url)))
            return World(applications, engine)

        yield start


@pytest.fixture(scope="module")
def world(open_world):
    return open_world(POLICY)


@pytest.fixture(scope="module")
def duo_world(open_world, shared_duo):
    return open_world(DUO.format(duo=shared_duo, client_id=CLIENT_ID))


@pytest.fixture(autouse=True)
def _time_is_told(request, page):
    """Tell how long a test took, without the start of browser, daemon and applications."""
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    print(f"{request.node.name}: {taken:.1f} s, {'less' if taken < BAR else 'MORE'} than {BAR} s")


def arrive(page, world, login):
    """Go as far as what comes after the password."""
    page.goto(world.urls["Inside mellon"])
    sign_in(page, f"{login}@corp.test", PASSWORD)


def inside(page):
    expect(page.get_by_role("heading", level=1)).to_have_text("Inside mellon")


def keep_codes(page) -> list[str]:
    """Read the recovery codes, and go on."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep your recovery codes")
    codes = page.locator(".codes code").all_inner_texts()
    page.get_by_role("button", name="I have kept them").click()
    return codes


def add_app(page) -> tuple[pyotp.TOTP, list[str]]:
    """Add an authenticator app; return it, and the codes on paper."""
    page.get_by_role("button", name="Add an authenticator app").click()
    app = pyotp.TOTP(page.locator(".spelled code").inner_text().replace(" ", ""))
    page.get_by_label("Code of six digits").fill(app.now())
    page.get_by_role("button", name="Add", exact=True).click()
    return app, keep_codes(page)


def add_passkey(page, name="My laptop") -> list[str]:
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_label("Name, to tell it from others").fill(name)
    page.get_by_role("button", name="Make a passkey").click()
    return keep_codes(page)


def sign_out(page):
    page.context.clear_cookies()


def next_code(app: pyotp.TOTP) -> str:
    """Return a code that has not been used: of the next half minute, which is taken, too."""
    return app.at(int(time.time()) + 30)


def events(world) -> list[tuple[str, str]]:
    recent = Audit(world.engine).recent(20)
    return [(one.event, one.details.get("second", one.details.get("kind", ""))) for one in recent]


def test_a_passkey_is_enrolled_then_used_after_the_password_then_alone(page, world):
    authenticator = VirtualAuthenticator(page)
    arrive(page, world, "key")
    expect(page.get_by_role("heading", level=1)).to_have_text("Protect your account")
    assert len(add_passkey(page)) == 10
    inside(page)

    sign_out(page)
    authenticator.hesitate()
    arrive(page, world, "key")
    authenticator.act()
    page.get_by_role("button", name="Use passkey").click()
    inside(page)
    assert ("login.succeeded", "passkey") in events(world)

    sign_out(page)
    authenticator.hesitate()
    page.goto(world.urls["Inside mellon"])
    give_email(page, "key@corp.test")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your password")
    authenticator.act()
    page.get_by_role("button", name="Use a passkey").click()
    inside(page)
    assert Audit(world.engine).recent()[0].details["proof"] == "passkey"


def test_the_browser_offers_a_passkey_in_the_field_for_the_address(page, world):
    authenticator = VirtualAuthenticator(page)
    arrive(page, world, "plain")
    add_passkey(page)
    inside(page)
    sign_out(page)

    assert len(authenticator.credentials()) == 1
    page.goto(world.urls["Inside mellon"])

    inside(page)  # nobody pressed anything: the authenticator answered by itself


def test_a_code_of_an_app_lets_in_after_the_password(page, world):
    arrive(page, world, "code")
    app, _ = add_app(page)
    inside(page)
    sign_out(page)

    arrive(page, world, "code")
    expect(page.get_by_label("Code of six digits")).to_be_focused()
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    page.get_by_label("Code of six digits").fill(next_code(app))
    page.keyboard.press("Enter")

    inside(page)


def test_without_scripts_password_and_code_lead_to_the_application(browser, world):
    with open_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, world, "many")
        app, _ = add_app(page)
        page.get_by_role("button", name="Continue").click()
        inside(page)
        context.clear_cookies()

        arrive(page, world, "many")
        page.get_by_label("Code of six digits").fill(next_code(app))
        page.get_by_role("button", name="Verify").click()
        page.get_by_role("button", name="Continue").click()

        inside(page)


def test_a_recovery_code_is_the_way_in_of_who_has_lost_the_app(page, world):
    arrive(page, world, "paper")
    _, codes = add_app(page)
    sign_out(page)

    arrive(page, world, "paper")
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0].lower())
    page.get_by_role("button", name="Verify").click()

    inside(page)
    assert ("recovery_code.used", "") in events(world)


def test_the_help_desk_reads_out_a_code(page, world):
    folder = world.engine.url.database.rpartition("/")[0]
    command = [sys.executable, "-m", "connector", "user", "bypass-code", "desk@corp.test"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    (code,) = re.findall(r"\d{3} \d{3} \d{3}", said)
    arrive(page, world, "desk")
    page.get_by_label("Code from the help desk").fill(code)
    page.get_by_role("button", name="Verify").click()

    inside(page)


def test_a_remembered_device_is_not_asked_again(page, world):
    arrive(page, world, "device")
    app, _ = add_app(page)
    sign_out(page)
    arrive(page, world, "device")
    page.get_by_label("This is my own device").check()
    page.get_by_label("Code of six digits").fill(next_code(app))
    page.get_by_role("button", name="Verify").click()
    inside(page)

    kept = [each for each in page.context.cookies() if each["name"].endswith("device")]
    page.context.clear_cookies()
    page.context.add_cookies(kept)
    arrive(page, world, "device")

    inside(page)
    assert ("login.succeeded", "remembered-device") in events(world)


def test_each_factor_can_be_renamed_and_removed(page, world):
    VirtualAuthenticator(page)
    arrive(page, world, "loser")
    add_passkey(page, "Old laptop")
    inside(page)
    page.goto(f"{world.applications.login_url}/keys")
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices and keys")
    assert accessibility_faults(page) == []

    first = page.locator("ul.rows > li").first
    first.locator("summary").click()
    first.get_by_label("Name, to tell it from others").fill("New laptop")
    first.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="New laptop")).to_be_visible()

    page.get_by_role("button", name="Add a key").click()
    page.get_by_role("button", name="Add an authenticator app").click()
    app = pyotp.TOTP(page.locator(".spelled code").inner_text().replace(" ", ""))
    page.get_by_label("Code of six digits").fill(app.now())
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("ul.rows").first.locator("> li")).to_have_count(3)

    for left in (2, 1, 0):
        row = page.locator("ul.rows").first.locator("> li").first
        row.locator("summary").click()
        row.get_by_role("button", name="Remove").click()
        expect(page.locator("ul.rows > li")).to_have_count(left)
    expect(page.locator("main")).to_contain_text("You have none yet.")


def test_the_portal_shows_what_is_open_and_where_one_is_signed_in(page, world):
    page.goto(world.applications.login_url)
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, "home@corp.test", PASSWORD)
    add_app(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your applications")
    expect(page.get_by_role("link", name="Canteen")).to_have_attribute(
        "href", "https://canteen.corp.test"
    )
    page.get_by_role("link", name="Python SAML").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inside python3-saml")

    page.goto(f"{world.applications.login_url}/sign-ins")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign-ins")
    expect(page.locator("main")).to_contain_text("this browser")
    expect(page.locator("main")).to_contain_text("With the password and an authenticator app")
    assert accessibility_faults(page) == []

    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")


def test_duo_lets_in_and_keeps_out(page, duo, duo_world):
    duo.decision = "ask"
    arrive(page, duo_world, "duo")
    page.get_by_role("button", name="Continue to Duo").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("Duo did not confirm")

    page.get_by_role("button", name="Continue to Duo").click()
    page.get_by_role("button", name="Approve").click()

    inside(page)
    assert ("login.succeeded", "duo") in events(duo_world)


def test_nobody_gets_in_while_duo_is_silent(page, duo, duo_world):
    duo.failure = "unavailable"
    arrive(page, duo_world, "code")
    page.get_by_role("button", name="Continue to Duo").click()

    expect(page.get_by_role("alert")).to_contain_text("Duo does not answer")


def test_the_address_page_is_for_the_eyes_of_whoever_has_no_passkey(page, world):
    VirtualAuthenticator(page).hesitate()
    page.goto(world.urls["Inside mellon"])

    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert accessibility_faults(page) == []
    give_email(page, "nobody@corp.test")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your password")
