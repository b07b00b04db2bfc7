"""`explain --app` and `check --effect`: what a policy does, before anybody signs in by it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connector.bootstrap.policy_effect import keep_in_force
from connector.clock import SystemClock
from connector.settings import load_settings
from state.engine import open_engine
from tests.cli.shell import COMPANY
from tests.parts.golden import assert_as_reviewed
from tests.parts.mmdb import write_mmdb
from tests.parts.operator import FILE_SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.shell import Shell

GOLDEN = Path(__file__).parent / "explained"
STAFF = "CN=Staff,OU=Groups,DC=corp,DC=example"
SALES = "CN=Sales,OU=Groups,DC=corp,DC=example"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0"
RULES = f"""
[idp]
base_url = "https://sso.corp.example"
listen = "127.0.0.1:0"
countries_file = "countries.mmdb"
[policy]
remembered_devices = "shared"
[policy.networks]
without = ["10.0.0.0/8"]
refuse = ["10.66.0.0/16"]
[policy.countries]
refuse = ["KP"]
[policy.browsers]
chrome = 120
[[application]]
name = "Payroll"
entity_id = "urn:payroll"
acs = ["https://payroll.example/acs"]
groups = ["{STAFF}"]
[application.policy]
second_factor = "login"
[[application.group_policy]]
groups = ["{SALES}"]
phishing_resistant = true
[[application]]
name = "Wiki"
entity_id = "urn:wiki"
acs = ["https://wiki.example/acs"]
groups = "*"
"""
DUO = """\
[duo]
host = "api-12345678.duosecurity.com"
client_id = "DIXXXXXXXXXXXXXXXXXX"
client_secret = { file = "duo-secret" }
"""
NOTHING_KEPT = (
    "No policy is in force here yet: the daemon notes it when it starts (connector run); a change"
    " after that can be compared.\n"
)


@pytest.fixture
def office(shell: Shell) -> Shell:
    """A shell beside a company that was read, with two applications and a policy."""
    write_mmdb(
        shell.folder / "countries.mmdb",
        {"175.45.176.0/22": {"country": {"iso_code": "KP"}}},
    )
    shell.company(COMPANY)
    shell.configure(FILE_SOURCE.format(file="company.toml"), RULES)
    assert shell.say("sync").code == 0
    return shell


def state_of(shell: Shell) -> sqlite3.Connection:
    return sqlite3.connect(shell.folder / "state.db", isolation_level=None)


def give_status(shell: Shell, login: str, status: str) -> None:
    """Have the help desk say so of somebody."""
    person = shell.say("explain", login, "--json").values["person"]["external_id"]
    with state_of(shell) as connection:
        connection.execute(
            "INSERT INTO user_standing (external_id, status, since, set_by, reason)"
            " VALUES (?, ?, '2026-11-01 00:00:00', 'desk', '')",
            (person, status),
        )


def give_factor(shell: Shell, login: str, kind: str) -> None:
    """Have somebody enrolled."""
    person = shell.say("explain", login, "--json").values["person"]["external_id"]
    with state_of(shell) as connection:
        connection.execute(
            "INSERT INTO factor (id, external_id, kind, name, created_at, disabled_for,"
            " failed_count) VALUES (?, ?, ?, 'Mine', '2026-11-01 00:00:00', '', 0)",
            (f"{login} {kind}", person, kind),
        )


def asked_at_every_login(shell: Shell) -> tuple[str, ...]:
    give_factor(shell, "cleo@corp.example", "totp")
    return "cleo@corp.example", "--app", "Payroll", "--from", "203.0.113.7"


def asked_and_the_browser_remembered(shell: Shell) -> tuple[str, ...]:
    give_factor(shell, "cleo@corp.example", "totp")
    return "cleo@corp.example", "--app", "wiki"


def a_weaker_factor_than_the_group_needs(shell: Shell) -> tuple[str, ...]:
    give_factor(shell, "anna@corp.example", "totp")
    return "anna@corp.example", "--app", "payroll", "--from", "203.0.113.7"


def let_in_from_the_office(shell: Shell) -> tuple[str, ...]:
    give_factor(shell, "cleo@corp.example", "totp")
    return "cleo@corp.example", "--app", "Wiki", "--from", "::ffff:10.1.2.3"


def refused_by_a_network(shell: Shell) -> tuple[str, ...]:
    return "cleo@corp.example", "--app", "Wiki", "--from", "10.66.1.2"


def refused_by_a_country(shell: Shell) -> tuple[str, ...]:
    return "cleo@corp.example", "--app", "Wiki", "--from", "175.45.176.9"


def refused_by_a_browser(shell: Shell) -> tuple[str, ...]:
    place = ("--from", "203.0.113.7", "--browser", CHROME)
    return "cleo@corp.example", "--app", "Wiki", *place


def in_none_of_the_groups(shell: Shell) -> tuple[str, ...]:
    shell.edit('groups = ["Staff"]', "", "company.toml")
    assert shell.say("sync").code == 0
    return "cleo@corp.example", "--app", "Payroll"


def let_in_by_the_help_desk(shell: Shell) -> tuple[str, ...]:
    give_status(shell, "cleo@corp.example", "bypass")
    return "cleo@corp.example", "--app", "Payroll", "--from", "10.66.1.2"


def refused_for_want_of_a_factor(shell: Shell) -> tuple[str, ...]:
    shell.edit("[policy]\n", '[policy]\nnew_users = "deny"\n', "connector.toml")
    return "cleo@corp.example", "--app", "Wiki", "--from", "203.0.113.7"


SITUATIONS = [
    refused_for_want_of_a_factor,
    asked_at_every_login,
    asked_and_the_browser_remembered,
    a_weaker_factor_than_the_group_needs,
    let_in_from_the_office,
    refused_by_a_network,
    refused_by_a_country,
    refused_by_a_browser,
    in_none_of_the_groups,
    let_in_by_the_help_desk,
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.__name__)
def test_a_login_is_explained_line_by_line(
    office: Shell, situation: Callable[[Shell], tuple[str, ...]]
):
    words = situation(office)

    said = office.say("explain", *words)

    typed = " ".join(f'"{word}"' if " " in word else word for word in words)
    assert said.errors == ""
    assert said.output.count("\n* ") == 1
    assert_as_reviewed(
        f"$ connector explain {typed}\n{said.output}", GOLDEN / f"login_{situation.__name__}.txt"
    )


@pytest.mark.parametrize("status", ["disabled", "locked-out"])
def test_whom_the_help_desk_keeps_out_may_sign_in_nowhere(office: Shell, status: str):
    give_status(office, "cleo@corp.example", status)

    ways = office.say("explain", "cleo@corp.example", "--json").values["applications"]

    assert list(ways) == ["Payroll", "Wiki"]
    for name, words in ways.items():
        assert words.startswith(f"may not sign in: status = {status} (help desk): ")
        said = office.say("explain", "cleo@corp.example", "--app", name)
        assert f"Application {name}: {words}.\n" in said.output


def test_where_the_policy_lets_nobody_in_nobody_may_sign_in(office: Shell):
    deny = '[application.policy]\nauthentication = "deny"\n'
    office.edit("[application.policy]\n", deny, "connector.toml")

    said = office.say("explain", "cleo@corp.example")
    login = office.say("explain", "cleo@corp.example", "--app", "Payroll", "--from", "10.66.1.2")

    kept_out = (
        "Application Payroll: may not sign in: authentication = deny (application Payroll):"
        " nobody enters.\n"
    )
    assert kept_out in said.output
    assert kept_out in login.output
    assert "Application Wiki: may sign in: everybody active may.\n" in said.output


def test_a_program_gets_the_same(office: Shell):
    give_factor(office, "anna@corp.example", "totp")
    words = ("anna@corp.example", "--app", "payroll", "--from", "203.0.113.7", "--browser", CHROME)

    values = office.say("explain", *words, "--json").values

    assert values["application"] == "Payroll"
    assert (values["address"], values["country"]) == ("203.0.113.7", "")
    assert values["browser"] == {"family": "chrome", "major": 119}
    assert values["enrolled"] == ["totp"]
    assert values["decision"] == {
        "is": "deny",
        "reason": "browser-too-old",
        "point": "browsers.chrome",
    }
    (deciding,) = [one for one in values["rulings"] if one["decides"]]
    assert deciding["layer"] == "global"

    words = ("cleo@corp.example", "--app", "wiki", "--from", "203.0.113.7")
    values = office.say("explain", *words, "--json").values
    assert values["decision"]["is"] == "ask"
    assert values["decision"]["remember_for"] == "30d"
    assert values["following"] == {"is": "enrol", "kinds": ["passkey", "totp"], "after": []}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--app", "Mail"), "no application is called Mail; there are: payroll, wiki"),
        (("--app", "Wiki", "--from", "home"), "--from must be an address such as 203.0.113.7"),
        (("--from", "10.1.2.3"), "--from and --browser are of use with --app only"),
    ],
)
def test_what_cannot_be_explained_is_said(office: Shell, words: tuple[str, ...], problem: str):
    said = office.say("explain", "anna@corp.example", *words)

    assert said.code == 1
    assert problem in said.errors


def take_up(shell: Shell) -> None:
    """Have the file be in force, as the daemon's start does."""
    settings = load_settings(shell.folder / "connector.toml")
    engine = open_engine(settings.state.url)
    keep_in_force(settings, engine, SystemClock().now())
    engine.dispose()


def test_before_the_daemon_has_run_there_is_nothing_to_compare_with(office: Shell):
    said = office.say("check", "--effect")

    assert (said.code, said.output, said.errors) == (0, NOTHING_KEPT, "")
    assert office.say("check", "--effect", "--json").values["in_force_since"] is None


def test_a_state_is_not_made_for_it(shell: Shell):
    shell.company(COMPANY)
    write_mmdb(shell.folder / "countries.mmdb", {})
    shell.configure(FILE_SOURCE.format(file="company.toml"), RULES)

    assert shell.say("check", "--effect").output == NOTHING_KEPT
    assert not (shell.folder / "state.db").exists()


def test_the_same_policy_has_no_effect(office: Shell):
    take_up(office)

    assert office.say("check", "--effect").output.startswith("Nothing changes for anybody.\n")


def test_an_effect_is_told_in_one_line_and_then_by_application(office: Shell):
    take_up(office)
    office.edit(
        "[application.policy]\n", '[application.policy]\nnew_users = "deny"\n', "connector.toml"
    )
    office.edit('remembered_devices = "shared"\n', "", "connector.toml")
    give_factor(office, "cleo@corp.example", "totp")

    said = office.say("check", "--effect")

    assert (said.code, said.errors) == (0, "")
    lines = re.sub(r"since \S+ \S+ UTC", "since THEN", said.output).splitlines()
    assert lines == [
        "3 people will be asked more often, 2 people lose access.",
        (
            "Compared with the policy in force since THEN, for logins by password from 203.0.113.1,"
            " outside all named networks."
        ),
        "Payroll: 2 people lose access: anna@corp.example, ben@corp.example",
        (
            "Wiki: 3 people will be asked more often: anna@corp.example, ben@corp.example,"
            " cleo@corp.example"
        ),
    ]


def test_an_application_that_comes_or_goes_opens_or_closes(office: Shell):
    take_up(office)
    office.edit(
        'name = "Wiki"\nentity_id = "urn:wiki"',
        'name = "Docs"\nentity_id = "urn:docs"',
        "connector.toml",
    )

    values = office.say("check", "--effect", "--json").values

    by_name = {one.pop("application"): one for one in values["applications"]}
    everybody = ["anna@corp.example", "ben@corp.example", "cleo@corp.example"]
    assert by_name["Wiki"]["lose_access"] == by_name["Docs"]["gain_access"] == everybody
    assert by_name["Docs"]["must_enrol"] == everybody
    assert by_name["Payroll"] == {key: [] for key in by_name["Wiki"]}


def test_whoever_is_not_active_is_not_counted(office: Shell):
    office.edit('given = "Anna"', 'given = "Anna"\ndisabled = true')
    assert office.say("sync").code == 0
    take_up(office)
    give_status(office, "ben@corp.example", "disabled")
    office.edit('groups = "*"', "groups = []", "connector.toml")

    values = office.say("check", "--effect", "--json").values

    (wiki,) = [one for one in values["applications"] if one["application"] == "Wiki"]
    assert wiki["lose_access"] == ["cleo@corp.example"]


def test_where_duo_is_configured_everybody_has_it(office: Shell):
    """It knows by itself who has what, and enrols those who have nothing."""
    take_up(office)
    (office.folder / "duo-secret").write_text("s" * 40)
    office.edit("[[application]]", DUO + "[[application]]", "connector.toml")
    office.edit(
        "[application.policy]\n", '[application.policy]\nnew_users = "deny"\n', "connector.toml"
    )

    words = ("cleo@corp.example", "--app", "Payroll", "--from", "203.0.113.7")
    explained = office.say("explain", *words).output
    applications = office.say("check", "--effect", "--json").values["applications"]

    assert explained.endswith("They are asked for duo.\n")
    assert [one["lose_access"] for one in applications] == [
        ["anna@corp.example", "ben@corp.example"],
        [],
    ]


def test_many_names_are_cut_and_programs_get_all(office: Shell):
    people = "".join(f'[[person]]\nlogin = "p{number:02}"\n' for number in range(12))
    office.company(COMPANY + people)
    assert office.say("sync").code == 0
    take_up(office)
    office.edit('groups = "*"', "groups = []", "connector.toml")

    line = office.say("check", "--effect").output.splitlines()[-2]
    values = office.say("check", "--effect", "--json").values

    assert line.startswith("Wiki: 15 people lose access: anna@corp.example, ")
    assert line.endswith("p06@corp.example and 5 more")
    assert len(values["applications"][1]["lose_access"]) == 15


def test_a_policy_that_is_wrong_is_said_instead(office: Shell):
    take_up(office)
    office.edit(
        "[application.policy]\n", '[application.policy]\nfactors = ["totp"]\n', "connector.toml"
    )

    said = office.say("check", "--effect")

    assert (said.code, said.output) == (1, "")
    assert "leaves no factor" in said.errors


def test_a_policy_that_is_wrong_is_said_although_there_is_no_state_yet(shell: Shell):
    shell.company(COMPANY)
    write_mmdb(shell.folder / "countries.mmdb", {})
    wrong = RULES.replace("[application.policy]\n", '[application.policy]\nfactors = ["totp"]\n')
    shell.configure(FILE_SOURCE.format(file="company.toml"), wrong)

    said = shell.say("check", "--effect")

    assert (said.code, said.output) == (1, "")
    assert "leaves no factor" in said.errors


def test_what_another_version_kept_is_not_guessed_at(office: Shell):
    take_up(office)
    with state_of(office) as connection:
        connection.execute("UPDATE policy_in_force SET rules = ?", (b'{"colour": "red"}',))

    said = office.say("check", "--effect")

    assert said.code == 1
    assert "restart the daemon" in said.errors


def test_check_says_whether_the_policy_makes_sense(office: Shell):
    assert "ok    policy: it makes sense at every application" in office.say("check").output

    (office.folder / "countries.mmdb").write_text("something else")
    said = office.say("check")

    assert said.code == 1
    assert "idp.countries_file" in said.errors
    assert "is no MaxMind file" in said.errors
