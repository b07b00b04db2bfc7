"""Whatever goes wrong with a real Active Directory, nobody is disabled or deleted, and it is said.

Whole cycles, of changes and full ones, as an operator runs them. A connection that is lost in any
page is in `test_sync.py`.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.shell import Shell
from tests.parts.ldap_fake import FakeLdap
from tests.parts.operator import LDAP_SOURCE
from tests.parts.samba_people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.samba import Samba
    from tests.parts.scim_server import Simulator

pytestmark = pytest.mark.real

ACCOUNT = "svc-connector"
LOOSE = "[target.limits]\nmax_deletes = 1000\nmax_disables = 1000\nmax_updates = 1000\n"
# How changes are read goes by what the account may; `usn` is what remains without DirSync.
READS = pytest.mark.parametrize("read", ["dirsync", "usn", "full"])
# May it see what was deleted? By default in Active Directory it may not.
ACCOUNTS = pytest.mark.parametrize("account", ["ordinary", "sees deleted"])
SOCKETS = shutil.ignore_patterns("ldapi")
STAFF, REMOTE = 12, 4


class Plant:
    """A company in two units, in step with a target that no limit protects."""

    def __init__(self, shell: Shell, samba: Samba | None, target: Simulator) -> None:
        self.shell, self.samba, self.target = shell, samba, target
        if samba is not None:
            self._build(samba)

    def _build(self, samba: Samba) -> None:
        samba.reset()
        people = samba.people
        self.base = people.unit("Corp")
        self.staff, self.remote = (people.add_unit(one, self.base) for one in ("Staff", "Remote"))
        people.add_user(ACCOUNT, unit=people.unit("Services"))
        self.staff_names = [self._join(f"s{n}", self.staff) for n in range(STAFF)]
        self.remote_names = [self._join(f"r{n}", self.remote) for n in range(REMOTE)]
        everybody = [*self.staff_names, *self.remote_names]
        people.add_group("everybody", *everybody, unit=people.add_unit("Groups", self.base))
        self.configure()

    def _join(self, login: str, unit: str) -> str:
        return self.samba.people.add_user(login, unit=unit)

    def configure(self, more: str = "") -> None:
        source = self.shell.write_source(self.samba)
        source = source.replace(self.samba.administrator[0], f"{ACCOUNT}@{self.samba.realm}")
        source = source.replace(f'base = "{self.samba.base}"', f'base = "{self.base}"')
        (self.shell.folder / "ad-password").write_text(PASSWORD)
        self.shell.configure(source + more, self.shell.write_target(self.target, LOOSE))

    def give(self, account: str) -> None:
        if account == "sees deleted":
            self.samba.allow(ACCOUNT, f"CN=Deleted Objects,{self.samba.base}")

    def settle(self) -> None:
        """Bring everything in step, and remember how it is."""
        said = self.shell.say("sync", "--json")
        assert said.code == 0, said
        self.before = self.holdings()
        self.target.forget_requests()

    def holdings(self) -> tuple[Any, ...]:
        """What the target and our own directory hold, and who has access."""
        users = {one["userName"]: one["active"] for one in self.target.users()}
        members = {one["displayName"]: len(one["members"]) for one in self.target.groups()}
        directory = self.shell.say("status", "--json").values["directory"]
        return users, members, {key: directory[key] for key in ("users", "groups", "leavers")}

    def touch(self, names: list[str]) -> None:
        """Change people, so that reads of changes come upon them."""
        for name in names:
            self.samba.people.modify(name, title="Touched")

    def sync(self, read: str) -> dict[str, Any]:
        """Run a cycle by that way of reading; return its report."""
        if read == "usn":
            self.database("UPDATE directory_watermark SET cookie = x''")
        full = ["--full"] if read == "full" else []
        return self.shell.say("sync", "--json", *full).values

    def database(self, statement: str) -> None:
        """Change our own record, as another history would have left it."""
        with sqlite3.connect(self.shell.folder / "state.db") as connection:
            connection.execute(statement)
        connection.close()

    def assert_nobody_lost_anything(self) -> None:
        assert self.holdings() == self.before
        assert self.target.writes == []


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys, tmp_path)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLdap]:
    (tmp_path / "fake").mkdir()
    directory = FakeLdap(tmp_path / "fake")
    yield directory
    directory.close()


@pytest.fixture
def plant(shell: Shell, samba: Samba, mimecast: Simulator) -> Plant:
    return Plant(shell, samba, mimecast)


# -- a right to read is revoked ----------------------------------------------------------------


@READS
@ACCOUNTS
def test_a_unit_that_may_no_longer_be_seen(plant: Plant, account: str, read: str):
    """Changes say nothing of it; a full read says who is lacking, and how many."""
    plant.give(account)
    plant.settle()

    plant.samba.deny(ACCOUNT, plant.remote)
    plant.touch(plant.remote_names)
    reports = [plant.sync(read) for _ in range(2)]

    plant.assert_nobody_lost_anything()
    if read == "full":
        words = {
            "ordinary": f"all 4 people of {plant.remote.lower()} did not come",
            "sees deleted": "4 known entries neither came nor were found deleted",
        }
        assert all(words[account] in one["reason"] for one in reports), reports
        assert {one["status"] for one in reports} == {"done with failures"}
    plant.samba.allow(ACCOUNT, plant.remote)
    report = plant.sync("full")
    # Reads of changes went by what happened meanwhile; the full read says so, and mends it.
    missed = "4 entries were not as reads of changes had it, and is now"
    assert report["status"] == "done" or report["reason"].startswith(missed), report
    assert plant.sync("full")["status"] == "done"
    assert titles(plant.target) == {"Touched": REMOTE}


@READS
@pytest.mark.parametrize("attribute", ["mail", "userAccountControl"])
def test_an_attribute_that_may_no_longer_be_read(plant: Plant, attribute: str, read: str):
    """Nobody goes by another name for it, and nobody is taken for enabled or disabled."""
    plant.settle()

    plant.samba.deny(ACCOUNT, *plant.remote_names, attribute=attribute)
    plant.touch(plant.remote_names)
    reports = [plant.sync(read) for _ in range(2)]

    plant.assert_nobody_lost_anything()
    words = {
        "mail": "4 people show no e-mail address any more: a right to read may be lost",
        "userAccountControl": "its userAccountControl is hidden from the bind account",
    }
    assert all(words[attribute] in one["reason"] for one in reports), reports
    plant.samba.allow(ACCOUNT, *plant.remote_names, attribute=attribute)
    assert plant.sync("full")["status"] == "done"
    assert titles(plant.target) == {"Touched": REMOTE}


def titles(target: Simulator) -> dict[str, int]:
    return dict(Counter(one["title"] for one in target.users() if "title" in one))


# -- the rest of what goes wrong ---------------------------------------------------------------


@READS
@ACCOUNTS
def test_a_search_base_that_is_gone(plant: Plant, account: str, read: str):
    plant.give(account)
    plant.settle()

    plant.samba.people.rename(plant.base, "Company")
    reports = [plant.sync(read) for _ in range(2)]

    plant.assert_nobody_lost_anything()
    # Active Directory says noSuchObject; Samba has other words for those who may not see deletions.
    words = ("the search base is not there", "invalid basedn")
    assert all(any(one in report["reason"] for one in words) for report in reports), reports


@READS
@ACCOUNTS
def test_an_empty_answer(plant: Plant, account: str, read: str):
    """The base is there, and nothing seems to stand in it."""
    plant.give(account)
    plant.settle()

    plant.samba.deny(ACCOUNT, plant.staff, plant.remote, f"OU=Groups,{plant.base}")
    plant.touch(plant.staff_names + plant.remote_names)
    reports = [plant.sync(read) for _ in range(2)]

    plant.assert_nobody_lost_anything()
    if read == "full":
        assert all("0 users read, 17 entries known" in one["reason"] for one in reports)


def test_a_cookie_that_the_server_does_not_know(plant: Plant):
    """Everything is read instead."""
    plant.settle()
    plant.database("UPDATE directory_watermark SET cookie = x'6e6f6e73656e7365'")
    plant.samba.people.add_user("latest", unit=plant.staff)

    report = plant.sync("dirsync")

    assert report["status"] == "done"
    users, _, directory = plant.holdings()
    assert users == plant.before[0] | {"latest@corp.example": True}
    assert directory["leavers"] == 0


@pytest.mark.parametrize("read", ["usn", "full"])
def test_another_domain_controller_that_has_not_everybody_yet(plant: Plant, read: str):
    """Who is lacking may not have arrived there; an ordinary account sees no deletion either."""
    plant.settle()
    plant.samba.people.delete(plant.staff_names[0])
    plant.database("UPDATE directory_watermark SET server = 'dc9', invocation_id = 'another'")

    report = plant.sync(read)

    users, _, directory = plant.holdings()
    assert (users, directory) == (plant.before[0], plant.before[2])
    assert "the last read was of dc9, which may be ahead of it" in report["reason"]


@READS
@ACCOUNTS
def test_a_directory_that_was_restored_from_a_backup(
    plant: Plant, account: str, read: str, tmp_path: Path
):
    """Whoever joined since the backup is not there; the number of the last change has fallen."""
    plant.give(account)
    database = plant.samba.folder / "private"
    plant.samba.stop()
    shutil.copytree(database, tmp_path / "backup", ignore=SOCKETS)
    plant.samba.start()
    plant.samba.people.add_user("latest", unit=plant.staff)
    plant.settle()

    plant.samba.stop()
    shutil.rmtree(database)
    shutil.copytree(tmp_path / "backup", database)
    plant.samba.start()
    report = plant.sync(read)

    plant.assert_nobody_lost_anything()
    assert "restored from a backup" in report["reason"]


# -- what Samba cannot do ----------------------------------------------------------------------


@pytest.fixture
def far_off(shell: Shell, fake: FakeLdap, mimecast: Simulator) -> Plant:
    """30 people of a directory that keeps the protocol as it is told to."""
    settings = fake.source_settings()
    (shell.folder / "ad-password").write_text("reader's")
    source = LDAP_SOURCE.format(
        url=settings.servers[0], name="reader", base=settings.base, ca_file=settings.ca_file
    )
    names = [fake.add_user(f"p{n}", mail=f"p{n}@corp.example", cn=f"p{n}") for n in range(30)]
    fake.add_group("staff", *names)
    shell.configure(source + "page_size = 10\n", shell.write_target(mimecast, LOOSE))
    return Plant(shell, None, mimecast)


@pytest.mark.parametrize(("kind", "page"), [("user", 1), ("user", 2), ("user", 3), ("group", 1)])
def test_a_size_limit_that_cuts_a_search(far_off: Plant, fake: FakeLdap, kind: str, page: int):
    """RFC 4511 section 4.5.1.4: sizeLimitExceeded, with as many entries as the limit allows."""
    far_off.settle()
    fake.search_ends[kind] = (4, "", page)

    reports = [far_off.sync("full") for _ in range(2)]

    far_off.assert_nobody_lost_anything()
    assert all("the server's size limit cut the search" in one["reason"] for one in reports)
