"""`report factors`: how far people have come with enrolling."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connector.directory.search import DirectorySearch
from connector.idp.authenticator.recovery_code import RecoveryCodes
from connector.idp.store.codes import CodeStore
from state.engine import open_engine
from tests.cli.shell import COMPANY, IDP
from tests.idp.factors.subject import Passkeys, Totp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

SALES = "CN=Sales,OU=Groups,DC=corp,DC=example"
STAFF = "CN=Staff,OU=Groups,DC=corp,DC=example"
WIKI = """
[[application]]
name = "Wiki"
entity_id = "https://wiki.corp.example"
acs = "https://wiki.corp.example/acs"
groups = "*"
"""


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    """A shell beside a company of three, of whom two are in Sales, and Sales is in Staff."""
    shell.set_up(mimecast, "", IDP, WIKI)
    assert shell.say("sync").code == 0
    return shell


@pytest.fixture
def engine(desk: Shell) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{desk.folder}/state.db")
    yield engine
    engine.dispose()


def id_of(engine: Engine, login: str) -> str:
    (person,) = DirectorySearch(engine).people(f"{login}@corp.example")
    return person.external_id


def rows(output: str) -> dict[str, list[str]]:
    """Return the seven numbers of each line by what is before them."""
    found = [line.rsplit(maxsplit=7) for line in output.splitlines() if line]
    return {name: numbers for name, *numbers in found if len(numbers) == 7 and numbers[0].isdigit()}


def test_everybody_each_application_and_each_group_are_counted(desk: Shell, engine: Engine):
    now = datetime.now(UTC)
    Passkeys(engine, os.urandom).enrol(id_of(engine, "anna"), now)
    apps = Totp(engine, os.urandom)
    apps.enrol(id_of(engine, "anna"), now)
    apps.enrol(id_of(engine, "cleo"), now)

    said = desk.say("report", "factors")

    assert said.output.startswith("3 people, 2 enrolled (66 %).\n")
    found = rows(said.output)
    assert found["everybody"] == ["3", "2", "66", "1", "2", "0", "0"]
    assert found["Mimecast Personal Portal"] == ["2", "1", "50", "1", "1", "0", "0"]
    assert found["Wiki"] == found["everybody"]
    assert found[SALES] == found["Mimecast Personal Portal"]
    assert said.output.endswith("Without: ben@corp.example\n")


def test_codes_alone_do_not_count_as_enrolled(desk: Shell, engine: Engine):
    codes = RecoveryCodes(CodeStore(engine), b"pepper", os.urandom)
    codes.issue(id_of(engine, "ben"), datetime.now(UTC))

    values = desk.say("report", "factors", "--json").values

    assert (values["enrolled"], values["kinds"]["recovery-code"]) == (0, 1)
    assert len(values["without"]) == 3


def test_it_is_narrowed_to_a_group_with_those_nested_in_it(desk: Shell, engine: Engine):
    Totp(engine, os.urandom).enrol(id_of(engine, "cleo"), datetime.now(UTC))

    staff = desk.say("report", "factors", "--group", STAFF.lower(), "--json").values
    sales = desk.say("report", "factors", "--group", SALES, "--json").values

    assert (staff["people"], staff["enrolled"], staff["percent"]) == (3, 1, 33)
    assert (sales["people"], sales["enrolled"]) == (2, 0)
    assert {one["name"] for one in sales["without"]} == {"anna@corp.example", "ben@corp.example"}


def test_it_is_narrowed_to_an_application(desk: Shell, engine: Engine):
    values = desk.say("report", "factors", "--app", "mimecast-personal-portal", "--json").values

    assert values["people"] == 2
    assert [one["name"] for one in values["applications"]] == ["Mimecast Personal Portal"]
    assert [one["name"] for one in values["groups"]] == [SALES]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--group", "CN=Nobody"), "no group of the directory is called CN=Nobody"),
        (
            ("--app", "nothing"),
            "no application is called nothing; there are: mimecast-personal-portal, wiki\n",
        ),
    ],
)
def test_what_is_not_there_is_said(desk: Shell, options: tuple[str, ...], words: str):
    said = desk.say("report", "factors", *options)

    assert said.code == 1
    assert words in said.errors


def test_who_is_not_active_is_not_counted(desk: Shell, engine: Engine):
    desk.edit('login = "anna"', 'login = "anna"\ndisabled = true')
    assert desk.say("sync").code == 0

    assert desk.say("report", "factors", "--json").values["people"] == 2


def test_twenty_are_named_and_the_others_counted(desk: Shell):
    more = "".join(
        f'\n[[person]]\nlogin = "p{n}"\ngiven = "P"\nfamily = "Q{n}"\n' for n in range(30)
    )
    desk.company(COMPANY + more)
    assert desk.say("sync").code == 0

    said = desk.say("report", "factors")

    named = said.output.splitlines()[-2]
    assert named.count("@") == 20
    assert said.output.endswith("and 13 others; all of them: --json\n")
    assert len(desk.say("report", "factors", "--json").values["without"]) == 33
