"""Whoever leaves is out of the applications within seconds: real Samba, the daemon, Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from connector.audit import Audit
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.sign_on import prepared_applications, running_applications, sign_in
from tests.real.test_login import (
    PASSWORD,
    World,
    fetch,
    running_daemon,
    write_configuration,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connector.audit import AuditEvent

pytestmark = pytest.mark.real

SECONDS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("leaver")


@pytest.fixture(scope="module")
def people(samba):
    """People of the group that may enter, by login; and the group."""
    added = {
        name: samba.people.add_user(name, password=PASSWORD, mail=f"{name}@corp.test")
        for name in ("disabled", "deleted", "moved", "revoked")
    }
    return added, samba.people.add_group("Staff", *added.values())


@pytest.fixture(scope="module")
def world(samba, people, folder):
    with prepared_applications(folder) as applications:
        write_configuration(folder, samba, applications, people[1])
        with running_daemon(folder) as engine:
            url = f"{applications.login_url}/saml/metadata"
            with running_applications(applications, lambda: fetch(url)):
                yield World(applications, engine)


def enter(page, world, name: str) -> None:
    """Sign in at two applications that servers reach."""
    page.goto(world.urls["Inside mellon"])
    sign_in(page, f"{name}@corp.test", PASSWORD)
    expect(page.get_by_role("heading")).to_have_text("Inside mellon")
    page.goto(world.urls["Inside pysaml2"])
    expect(page.get_by_role("heading")).to_have_text("Inside pysaml2")


def assert_outside(page, world) -> None:
    page.goto(f"{world.applications.pysaml2.base_url}/inside")
    expect(page.get_by_role("heading")).to_have_text("Outside pysaml2")
    page.goto(world.urls["Inside mellon"])
    expect(page.get_by_role("heading")).to_contain_text("Sign in")


def events_of(world, external_id: str) -> list[AuditEvent]:
    return [
        event
        for event in reversed(Audit(world.engine).recent(actor=external_id))
        if event.event.startswith(("session.", "logout."))
    ]


def until(world, external_id: str, is_done: Callable[[list[AuditEvent]], bool]):
    deadline = time.monotonic() + SECONDS
    while not is_done(events := events_of(world, external_id)):
        assert time.monotonic() < deadline, events
        time.sleep(0.05)
    return events


def both_answered(events: list[AuditEvent]) -> bool:
    return [event.event for event in events] == ["session.ended", *2 * ["logout.answered"]]


def external_id_of(world, name: str) -> str:
    found = [
        event.actor
        for event in Audit(world.engine).recent()
        if event.event == "login.succeeded" and event.application == "PySAML2"
    ]
    assert found, name
    return found[0]


@pytest.mark.parametrize("name", ["disabled", "deleted"])
def test_whoever_leaves_active_directory_is_out_of_both_applications(
    page, world, samba, people, name, capsys
):
    enter(page, world, name)
    external_id = external_id_of(world, name)

    begun = time.monotonic()
    change = {"disabled": samba.people.disable, "deleted": samba.people.delete}[name]
    change(people[0][name])
    events = until(world, external_id, both_answered)
    seconds = time.monotonic() - begun

    ended, *answers = events
    assert ended.details["cause"] == "leaver"
    assert {event.application for event in answers} == {"Mellon", "PySAML2"}
    assert {event.details["channel"] for event in answers} == {"soap"}
    assert_outside(page, world)
    times = {event.application: event.details["seconds_since_change"] for event in answers}
    with capsys.disabled():
        print(f"\n{name}: out of both {seconds:.2f} s after the change was asked for;", end=" ")
        print(f"session {ended.details['seconds']} s, {times} s after whenChanged (to the second)")
    assert seconds < 10
    assert all(float(each) < 10 for each in times.values())


def test_whoever_leaves_the_group_of_an_application_is_out_of_it(page, world, samba, people):
    """They may still sign on; there is no application left that lets them in."""
    added, group = people
    enter(page, world, "moved")
    external_id = external_id_of(world, "moved")

    samba.people.remove_members(group, added["moved"])
    events = until(
        world, external_id, lambda found: sum(e.event == "logout.answered" for e in found) == 2
    )

    assert {e.details["cause"] for e in events} == {"policy"}
    page.goto(f"{world.applications.pysaml2.base_url}/inside")
    expect(page.get_by_role("heading")).to_have_text("Outside pysaml2")
    page.goto(world.applications.login_url)
    expect(page.get_by_role("heading")).to_have_text("Your applications")


def connector(folder: Path, *arguments: str) -> dict:
    """Run the program as the help desk does; return what it prints."""
    command = [sys.executable, "-m", "connector", "--config", str(folder / "connector.toml")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_help_desk_lists_and_ends_what_somebody_has(page, world, folder):
    enter(page, world, "revoked")

    listed = connector(folder, "user", "sessions", "revoked@corp.test", "--json")
    revoked = connector(folder, "user", "revoke", "revoked@corp.test", "--json")

    assert len(listed["sessions"]) == 1
    assert {one["application"] for one in listed["applications"]} == {"mellon", "pysaml2"}
    assert {one["application"]: one["outcome"] for one in revoked["applications"]} == {
        "Mellon": "signed-out",
        "PySAML2": "signed-out",
    }
    assert_outside(page, world)
