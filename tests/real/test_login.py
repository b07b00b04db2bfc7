"""People of a real Active Directory sign in to applications that others wrote.

Everything is real: Samba as the directory, the daemon as an operator starts it, Apache with
mod_auth_mellon and python3-saml as the applications, Chromium as the browser.
"""

from __future__ import annotations

import re
import ssl
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from connector.audit import Audit
from connector.bootstrap.opening import open_state
from connector.clock import SystemClock
from connector.daemon import Daemon
from connector.settings import load_settings
from tests.parts.browser import open_context
from tests.parts.identity_provider import free_port
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.sign_on import (
    Applications,
    hold_the_answer,
    listen_of,
    prepared_applications,
    read_answer,
    running_applications,
    send_answer,
    sign_in,
)
from tests.parts.tampering import TAMPERINGS, tampered

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

pytestmark = pytest.mark.real

PASSWORD = "Sommer-2026!"
CONFIGURATION = """
[state]
url = "sqlite:///{folder}/state.db"

[source]
servers = ["{domain.url}"]
bind_dn = "{bind_dn}"
password = {{ file = "ad-password" }}
base = "{domain.base}"
ca_file = "{domain.ca_file}"

[schedule]
every = "1h"

[operations]
listen = "127.0.0.1:{operations_port}"

[idp]
workers = 1
base_url = "{applications.login_url}"
listen = "{listen}"
tls = {{ cert = "{applications.tls.certificate}", key = "{applications.tls.key}" }}
ca_file = "{applications.tls.authority}"
organization = "Northwind"
"""
APPLICATION = """
[[application]]
name = "{name}"
metadata = "{file}"
groups = ["{group}"]
encrypt = "never"
"""


@dataclass
class World:
    """The daemon and the applications, running.

    Attributes:
        applications: Where they are.
        engine: The daemon's state.

    """

    applications: Applications
    engine: Engine

    @property
    def urls(self) -> dict[str, str]:
        """Return what begins a sign-in, by what one then reads there."""
        return {
            "Inside mellon": f"{self.applications.mellon_url}/private/",
            "Inside python3-saml": self.applications.saml.base_url,
            "Inside pysaml2": self.applications.pysaml2.base_url,
        }

    def reasons(self) -> list[str]:
        return [event.reason for event in reversed(Audit(self.engine).recent()) if event.reason]


@pytest.fixture(scope="module")
def world(samba, tmp_path_factory):
    folder = tmp_path_factory.mktemp("daemon")
    group = fill_directory(samba)
    with prepared_applications(folder) as applications:
        write_configuration(folder, samba, applications, group)
        with running_daemon(folder) as engine:
            metadata_url = f"{applications.login_url}/saml/metadata"
            with running_applications(applications, lambda: fetch(metadata_url)):
                yield World(applications, engine)


def fill_directory(domain) -> str:
    """Add people in every state; return the group that may enter."""
    people = domain.people
    names = ("bjensen", "wrong", "disabled", "expired", "stranger")
    added = {
        name: people.add_user(name, password=PASSWORD, mail=f"{name}@corp.test") for name in names
    }
    people.disable(added["disabled"])
    people.expire(added["expired"], datetime.now(UTC) - timedelta(days=1))
    members = [added[name] for name in names if name != "stranger"]
    inner = people.add_group("Mail Users", *members)
    return people.add_group("Staff", inner)


def write_configuration(folder: Path, domain, applications: Applications, group: str) -> None:
    bind_dn, password = domain.administrator
    (folder / "ad-password").write_text(password)
    listen = listen_of(applications.login_url)
    text = CONFIGURATION.format(
        folder=folder, domain=domain, bind_dn=bind_dn, operations_port=free_port(),
        applications=applications, listen=listen,
    )  # fmt: skip
    for name, metadata in applications.metadata.items():
        file = folder / f"{name}.xml"
        file.write_bytes(metadata)
        text += APPLICATION.format(name=name, file=file, group=group)
    (folder / "connector.toml").write_text(text)


@contextmanager
def running_daemon(folder: Path):
    """Run the daemon of `connector.toml`; yield its state once the directory has been read."""
    settings = load_settings(folder / "connector.toml")
    engine = open_state(settings)
    reports = []
    is_read = threading.Event()

    def note(report) -> None:
        reports.append(report)
        is_read.set()

    daemon = Daemon(settings, engine, SystemClock(), note)
    daemon.start()
    try:
        assert is_read.wait(60)
        assert reports[0].status == "done", reports[0]
        yield engine
    finally:
        daemon.stop()
        engine.dispose()


def fetch(url: str) -> bytes:
    """Return what our own daemon says; its name leads to this machine in the browser only."""
    port = url.split(":")[2].partition("/")[0]
    context = ssl._create_unverified_context()
    local = f"https://127.0.0.1:{port}/saml/metadata"
    with urllib.request.urlopen(local, timeout=10, context=context) as answer:
        return answer.read()


def test_a_person_enters_one_application_and_then_another_without_a_question(page, world):
    page.goto(world.urls["Inside mellon"])
    sign_in(page, "bjensen@corp.test", PASSWORD)
    expect(page.get_by_role("heading")).to_have_text("Inside mellon")

    page.goto(world.urls["Inside python3-saml"])

    expect(page.get_by_role("heading")).to_have_text("Inside python3-saml")
    expect(page.locator("#who")).to_have_text("bjensen@corp.test")
    assert world.applications.saml.attributes["givenName"] == ["Bjensen"]


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_pysaml2_asks_by_either_binding(page, world, binding):
    page.goto(f"{world.urls['Inside pysaml2']}/?binding={binding}")

    sign_in(page, "bjensen@corp.test", PASSWORD)

    expect(page.get_by_role("heading")).to_have_text("Inside pysaml2")
    expect(page.locator("#who")).to_have_text("bjensen@corp.test")
    assert world.applications.pysaml2.attributes["givenName"] == ["Bjensen"]


FAILURES = {
    "wrong-password": ("wrong", "not the password"),
    "account-disabled": ("disabled", PASSWORD),
    "account-expired": ("expired", PASSWORD),
    "not-in-group": ("stranger", PASSWORD),
    "unknown-user": ("nobody", PASSWORD),
}


# What is another one each time a page is shown: the login, its tokens and its challenge.
ONCE = r"/login/[\w-]+|[0-9a-f]{64}|challenge[^,]+,|name=\"asked_at\" value=\"\d+\""


def test_every_failed_login_shows_one_page_and_leaves_its_own_reason(browser, world):
    looks = set()
    for name, password in FAILURES.values():
        with open_context(browser) as context:
            page = context.new_page()
            page.goto(world.urls["Inside mellon"])
            sign_in(page, f"{name}@corp.test", password)
            expect(page.get_by_role("alert")).to_be_visible()
            text = page.content().replace(name, "NAME")
            looks.add(re.sub(ONCE, "TOKEN", text))

    assert len(looks) == 1
    assert world.reasons() == list(FAILURES)


@pytest.fixture(scope="module")
def signed_on(browser, world):
    """A page whose browser is signed on, and keeps what it is to hand over."""
    with open_context(browser) as context:
        page = context.new_page()
        hold_the_answer(page)
        page.goto(world.urls["Inside python3-saml"])
        sign_in(page, "bjensen@corp.test", PASSWORD)
        expect(page.get_by_role("heading")).to_contain_text("Opening")
        yield page


@pytest.mark.parametrize("change", TAMPERINGS, ids=lambda change: change.__name__)
@pytest.mark.parametrize("inside", ["Inside mellon", "Inside python3-saml", "Inside pysaml2"])
def test_a_changed_answer_is_refused(signed_on, world, inside, change):
    signed_on.goto(world.urls[inside])

    send_answer(signed_on, tampered(read_answer(signed_on), change))

    heading = "Bad Request" if inside == "Inside mellon" else "Refused"
    expect(signed_on.get_by_role("heading")).to_have_text(heading)
