"""`check`, `init` and `db`: is it right, one to start from, and the state."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from connector.idp.application.metadata_client import MetadataClient
from tests.cli.shell import COMPANY, IDP
from tests.cli.test_applications import METADATA
from tests.parts.mimecast_fixtures import running_mimecast_api
from tests.parts.operator import FILE_SOURCE

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

FIVE_FAULTS = """\
[source]
servers = ["http://dc1.corp.example"]
bind_dn = "svc@corp.example"
password = "inline"
base = "DC=corp,DC=example"
[schedule]
every = "5 fortnights"
[[target]]
name = "mimecast"
base_url = "http://scim.example/v2"
token = { file = "scim-token" }
grops = "*"
"""

API_TARGET = """\
[[target]]
name = "mimecast"
kind = "mimecast-api"
base_url = "{url}"
client_id = "{client_id}"
client_secret = {{ file = "api-secret" }}
folder = "Directory groups"
groups = "*"
push_groups = "scope"
"""


def test_a_right_configuration_is_said_to_be_right(desk: Shell):
    said = desk.say("check")

    assert (said.code, said.errors) == (0, "")
    assert said.output == (
        "ok    configuration: every key is known and has a usable value\n"
        "ok    target scim: dialect scim.toml is usable\n"
    )


@pytest.mark.parametrize("command", ["check", "plan", "sync", "run", "status"])
def test_five_faults_are_five_lines_each_with_its_key(desk: Shell, command: str):
    desk.configure(FIVE_FAULTS)

    said = desk.say(command)

    assert said.code == 1
    assert said.output == ""
    assert [line.split(": ")[:3] for line in said.errors.splitlines()] == [
        ["error", "connector.toml", "source.servers[0]"],
        ["error", "connector.toml", "source.password"],
        ["error", "connector.toml", "schedule.every"],
        ["error", "connector.toml", "target[0].base_url"],
        ["error", "connector.toml", "target[0].grops"],
    ]


def test_faults_of_schedule_mapping_and_dialect_come_together(desk: Shell):
    folder = desk.folder / "mappings"
    folder.mkdir()
    (folder / "active_directory.user.toml").write_text("[[[")
    (folder / "active_directory.group.toml").write_text("[x]\n")
    (folder / "scim.toml").write_text("[pace]\nrate = -1\n[user]\nattributes = 3\n")
    desk.edit("[log]", '[schedule]\ncron = "99 * * * *"\n[log]', "connector.toml")

    said = desk.say("check")
    values = desk.say("check", "--json")

    assert said.code == values.code == 1
    lines = said.errors.splitlines()
    assert lines[0].startswith("error: connector.toml: schedule.cron: not a crontab line")
    assert lines[1].startswith("error: active_directory.user.toml: not valid TOML")
    assert "error: active_directory.group.toml: x: unknown key" in lines[2]
    assert lines[-2:] == [
        "error: scim.toml: user.attributes: input should be a valid tuple",
        "error: scim.toml: pace.rate: input should be greater than 0",
    ]
    assert len(values.values) == len(lines)
    assert {one["level"] for one in values.values} == {"fail"}


def test_online_also_asks_the_target(desk: Shell, mimecast: Simulator):
    assert desk.say("check", "--online").output.splitlines()[-1] == (
        "ok    target scim: lists users; changes go by PATCH"
    )
    assert mimecast.writes == []

    (desk.folder / "scim-token").write_text("wrong")
    refused = desk.say("check", "--online")
    desk.edit(mimecast.base_url, "http://127.0.0.1:9/scim/v2", "connector.toml")
    unreachable = desk.say("check", "--online", "--json")

    assert refused.code == unreachable.code == 1
    assert refused.output.splitlines()[-1] == (
        "fail  target scim: answered 401: the token is not right"
    )
    assert unreachable.values[-1]["words"].startswith("cannot be reached at 127.0.0.1:9")


def test_mimecasts_api_is_asked_for_a_token_and_its_lists(shell: Shell):
    with running_mimecast_api() as server:
        client_id, secret = server.api.client
        (shell.folder / "api-secret").write_text(secret)
        shell.company(COMPANY)
        target = API_TARGET.format(url=server.base_url, client_id=client_id)
        shell.configure(FILE_SOURCE.format(file="company.toml"), target)
        good = shell.say("check", "--online")
        planned = shell.say("plan", "--json")
        writes = server.api.write_count
        synced = shell.say("sync")
        drifted = shell.say("drift")
        (shell.folder / "api-secret").write_text("wrong")
        bad = shell.say("check", "--online")

    assert good.output.splitlines()[-1] == (
        "ok    target mimecast: gives us a token, lists users and groups"
    )
    paths = {one["path"] for plan in planned.values for one in plan["operations"]}
    assert "/api/user/create-user" in paths
    assert writes == 0
    assert (synced.code, drifted.code) == (0, 0)
    assert server.groups().keys() == {"Sales", "Staff"}
    assert bad.code == 1
    assert bad.output.splitlines()[-1] == (
        "fail  target mimecast: no token: answered 401: invalid_client"
    )


def test_what_is_in_scope_for_nobody_is_a_warning(shell: Shell, mimecast: Simulator):
    shell.set_up(
        mimecast, "", IDP.replace('groups = ["CN=Sales,OU=Groups,DC=corp,DC=example"]', "")
    )
    shell.edit('groups = "*"\n', "", "connector.toml")

    said = shell.say("check")

    assert said.code == 0
    assert said.output.splitlines()[1:] == [
        'warn  target scim: nobody is in scope: name groups, or "*" for everybody',
        "warn  application Mimecast Personal Portal: nobody may sign in: name groups",
        (
            "warn  policy: nobody is asked for a second factor: there is no table [policy]; see"
            " docs/policies.md"
        ),
        "ok    signing key: will be made at the first start",
    ]


def test_a_first_configuration_is_written_once_and_is_complete_but_for_its_files(shell: Shell):
    written = shell.say("init", "--base", "acme.test")
    assert written.output == "Wrote connector.toml. Edit it, then run: connector check --online\n"
    text = (shell.folder / "connector.toml").read_text()
    assert 'base = "DC=acme,DC=test"' in text
    assert "corp.example" not in text

    again = shell.say("init")
    assert again.code == 1
    assert "connector.toml is there already" in again.errors
    assert shell.say("init", "--config", "nowhere/connector.toml").errors == (
        "error: cannot write nowhere/connector.toml: No such file or directory\n"
    )

    faults = shell.say("check").errors.splitlines()
    assert [line.split(": ")[2] for line in faults] == [
        "source.password",
        "target[0].token",
        "idp.tls.cert",
        "idp.tls.key",
    ]
    for name in ("ad-password", "mimecast-token", "tls.pem", "tls.key"):
        (shell.folder / name).write_text("x")
    assert shell.say("check").code == 0


def test_a_backup_is_a_database_of_its_own(desk: Shell):
    desk.say("sync")

    assert desk.say("db", "backup", "copy.db").output == "Wrote copy.db.\n"

    with sqlite3.connect(desk.folder / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM cycle").fetchone() == (1,)
    copy.close()
    assert desk.say("db", "backup", "copy.db").errors == (
        "error: copy.db is there already; name a new file\n"
    )
    assert desk.say("db", "backup", "nowhere/copy.db").errors == (
        "error: nowhere/copy.db cannot be written: unable to open database: nowhere/copy.db\n"
    )


def test_an_upgrade_says_from_where_to_where(desk: Shell):
    assert desk.say("db", "upgrade").output == (
        "The state database is now at revision 0014 (was: empty).\n"
    )
    assert desk.say("db", "upgrade").output == "The state database is up to date (revision 0014).\n"


def test_metadata_that_cannot_be_fetched_any_more_is_found_online(
    shell: Shell, mimecast: Simulator
):
    url = "https://127.0.0.1:1/sp"
    far = f'[[application]]\nname = "Far"\nmetadata = "{url}"\ngroups = "*"\n'
    shell.set_up(mimecast, "", IDP + far)
    (never,) = (one for one in shell.say("check", "--json").values if one["level"] == "fail")
    copy = MetadataClient(shell.folder / "metadata").path_of(url)
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(METADATA)

    lines = shell.say("check", "--online").output.splitlines()

    assert "cannot be fetched" in never["words"]
    assert "ok    application Far: its metadata is usable" in lines
    assert lines[-1].startswith(f"warn  application Far: its metadata: {url}: cannot be fetched")
