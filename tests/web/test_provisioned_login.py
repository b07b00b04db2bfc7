"""Signing in and being provisioned are one: nobody is sent to an application that does not know them."""

from __future__ import annotations

import base64
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from lxml import etree
from sqlalchemy import update

from connector.audit import Audit
from connector.bootstrap.cycles import make_parts
from connector.bootstrap.logins import make_accounts, make_fast_lane, make_identity_provider
from connector.bootstrap.opening import open_state
from connector.clock import SystemClock
from connector.demo.sample_saml import IdentityProvider, authn_request_url, sp_metadata
from connector.idp.binding import read_redirect
from connector.idp.visit import Visit
from connector.settings import load_settings
from connector.source.stored_password import store_password
from connector.sync.cycle import run_cycle
from connector.sync.lock import cycle_lock
from connector.sync.on_demand import OnDemand
from connector.sync.request import Request
from connector.web.app import web_app
from connector.web.site import Site
from state.engine import table_of, writing
from state.provisioning import LinkRow
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.visitor import visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.settings import Settings
    from tests.parts.scim_server import Simulator
    from tests.parts.visitor import Page

PASSWORD = "Passw0rd!"
INTRANET = "https://intranet.corp.test"
COMPANY = f"""
domain = "corp.example"
password = "{store_password(PASSWORD, b"salt of the tests")}"
[[person]]
login = "ann"
[[person]]
login = "ben"
"""
SIGN_ON = """
[idp]
base_url = "https://sso.corp.test"
keys = "keys"
[[application]]
name = "Intranet"
metadata = "intranet.xml"
groups = "*"
target = "scim"
"""


@dataclass
class Desk:
    """A company with a target and an application that goes by its accounts."""

    folder: Path
    settings: Settings
    engine: Engine
    accounts: OnDemand

    def sync(self) -> None:
        parts = make_parts(self.settings, self.engine, SystemClock())
        run_cycle(parts, Request("a test"), lambda _: None, threading.Event())

    def open(self, name: str = "ann") -> Page:
        """Go to the application and sign in."""
        provider = make_identity_provider(self.settings, self.engine, SystemClock(), self.accounts)
        self.fast_lane = make_fast_lane(self.settings, provider.flow.parts)
        app = web_app(
            provider.flow,
            provider.logout,
            Site("https://sso.corp.test"),
            provider.publication,
            self.fast_lane,
        )
        self.visitor = visit(app, "https://sso.corp.test")
        return self.visitor.sign_in("/open/intranet", f"{name}@corp.example", PASSWORD)

    def request_url(self) -> str:
        """Return where the application sends a browser."""
        provider = IdentityProvider("", "https://sso.corp.test/saml/sso", ())
        number = f"_{uuid4().hex}"
        return authn_request_url(provider, INTRANET, request_id=number, now=datetime.now(UTC))

    def reasons(self) -> list[tuple[str, str]]:
        events = reversed(Audit(self.engine).recent())
        return [(one.event, one.reason) for one in events if not one.event.startswith("key.")]


@pytest.fixture
def desk(tmp_path: Path, mimecast: Simulator) -> Iterator[Desk]:
    with opened(tmp_path, mimecast) as opened_desk:
        yield opened_desk


@contextmanager
def opened(folder: Path, mimecast: Simulator, patience_seconds: float = 10.0) -> Iterator[Desk]:
    operator = Operator(folder)
    (folder / "company.toml").write_text(COMPANY)
    (folder / "intranet.xml").write_text(sp_metadata(INTRANET))
    source = FILE_SOURCE.format(file="company.toml")
    operator.configure(source, operator.write_target(mimecast), SIGN_ON)
    settings = load_settings(folder / "connector.toml")
    engine = open_state(settings)
    accounts = make_accounts(settings, engine, SystemClock())
    assert accounts is not None
    if patience_seconds != 10.0:
        accounts = OnDemand(make_parts(settings, engine, SystemClock()), patience_seconds)
    yield Desk(folder, settings, engine, accounts)
    accounts.close()
    engine.dispose()


def name_id_of(page: Page) -> str:
    response = etree.fromstring(base64.b64decode(page.form().fields["SAMLResponse"]))
    return response.find(".//{*}NameID").text


def test_whoever_is_not_there_yet_is_provisioned_before_the_answer_leaves(
    desk: Desk, mimecast: Simulator
):
    mimecast.behave(failing_names=("ann@corp.example",))
    desk.sync()
    mimecast.behave()
    assert [one["userName"] for one in mimecast.users()] == ["ben@corp.example"]

    page = desk.open()

    assert page.heading == "Opening Intranet"
    assert mimecast.named("ann@corp.example")["active"] is True
    assert name_id_of(page) == "ann@corp.example"
    assert desk.reasons() == [
        ("identity.proved", ""),
        ("account.provisioned", ""),
        ("login.succeeded", ""),
    ]


def test_a_target_that_is_down_is_said_and_trying_again_goes_on_where_one_was(
    desk: Desk, mimecast: Simulator
):
    mimecast.behave(failing_names=("ann@corp.example",))
    desk.sync()

    page = desk.open()

    assert (page.status, page.heading) == (503, "Your account is not ready yet")
    assert "Intranet does not have a usable account for you yet" in page.alert
    assert page.answer.headers["retry-after"] == "10"
    assert ("login.denied", "not-provisioned") in desk.reasons()
    mimecast.behave()
    (link,) = page.tree.xpath("//a[contains(@class, 'primary')]/@href")
    again = desk.visitor.get(link)
    assert again.heading == "Opening Intranet"
    assert name_id_of(again) == "ann@corp.example"


def test_the_wait_is_bounded_and_what_was_begun_is_finished(tmp_path: Path, mimecast: Simulator):
    with opened(tmp_path, mimecast, patience_seconds=0.3) as desk:
        mimecast.behave(failing_names=("ann@corp.example",))
        desk.sync()
        mimecast.behave()
        with cycle_lock(tmp_path / "state.db.lock", "a test", lambda holder: False):
            page = desk.open()
            assert page.heading == "Your account is not ready yet"
        patience = threading.Event()
        for _ in range(200):
            if len(mimecast.users()) == 2:
                break
            patience.wait(0.05)

        assert mimecast.named("ann@corp.example")["active"] is True


def test_the_name_is_the_one_that_was_provisioned_whatever_the_directory_says_by_now(
    desk: Desk, mimecast: Simulator
):
    desk.sync()
    text = (desk.folder / "company.toml").read_text()
    renamed = text.replace('login = "ann"', 'login = "ann"\nmail = "ann.lind@corp.example"')
    (desk.folder / "company.toml").write_text(renamed)
    mimecast.behave(requires_domain="nowhere.example")
    desk.sync()

    page = desk.open("ann.lind")

    assert name_id_of(page) == mimecast.named("ann@corp.example")["emails"][0]["value"]
    said = Operator(desk.folder).run("explain", "ann.lind@corp.example")
    assert (
        "Application Intranet: may sign in: everybody active may, as ann@corp.example, which scim"
        " holds; MISMATCH: the directory says ann.lind@corp.example, and no cycle has changed it"
        " there yet." in said
    )


def test_whoever_is_signed_in_already_is_provisioned_as_well(desk: Desk, mimecast: Simulator):
    desk.sync()
    desk.open()
    mimecast.ask("DELETE", f"/Users/{mimecast.named('ann@corp.example')['id']}")
    Operator(desk.folder).run("drift", "--repair", expect=4)

    page = desk.visitor.get("/open/intranet")

    assert page.heading == "Opening Intranet"
    assert mimecast.named("ann@corp.example")["active"] is True


def test_who_is_signed_in_is_let_in_at_once_whoever_else_waits_for_the_database(desk: Desk):
    """Others that wait hold every connection of the pool, which must not stop the event loop."""
    desk.sync()
    desk.open()
    lent = [desk.engine.connect() for _ in range(15)]

    started = time.perf_counter()
    page = desk.visitor.get(desk.request_url())

    assert time.perf_counter() - started < 5
    assert (page.heading, name_id_of(page)) == ("Opening Intranet", "ann@corp.example")
    for connection in lent:
        connection.close()
    assert [event for event, _ in desk.reasons()] == ["identity.proved", *2 * ["login.succeeded"]]


def test_whose_account_is_gone_is_not_let_in_at_once(desk: Desk):
    desk.sync()
    desk.open()
    with writing(desk.engine) as connection:
        connection.execute(update(table_of(LinkRow)).values(is_active=False))
    message = read_redirect(urlsplit(desk.request_url()).query.encode())

    cookie = desk.visitor.client.cookies["__Host-sso"]
    assert desk.fast_lane is not None
    assert desk.fast_lane.answer(message, Visit("192.0.2.7"), cookie) is None
