"""What a target can do is tried out, remembered, shown and forgotten."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from connector.demo.scim_service import Silence
from connector.target.dialect import Dialect, load_dialect
from tests.parts.scim_server import running_scim2_server

if TYPE_CHECKING:
    from tests.cli.shell import Said, Shell
    from tests.parts.scim_server import Simulator

pytestmark = pytest.mark.real
MOODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "true to the standard": (
        {"bulk": "standard"},
        {"bulk.use": "announced", "update.verb": "patch"},
    ),
    "PATCH refused": ({"patch": 501}, {"update.verb": "put"}),
    "members by list": ({"member_removal": "list"}, {"members.removal": "list"}),
    "members by filter": ({"member_removal": "filter-silently"}, {"members.removal": "filter"}),
    "members in POST ignored": (
        {"heeds_members_in_create": False},
        {"members.in_create": False, "members.removal": "filter"},
    ),
    "externalId not found": (
        {"finds_by_external_id": False},
        {"read.reliable_filters": ["displayName", "userName"]},
    ),
    "bulk announced only": ({"bulk": "refused"}, {"bulk.use": "never"}),
    "bulk answers half": ({"bulk": "forgetful"}, {"bulk.use": "never"}),
    "nothing deleted": ({"can_delete": False}, {"write.delete": False}),
}


def probe(desk: Shell, *options: str) -> Said:
    return desk.say("target", "probe", "scim", "--yes", *options)


@pytest.mark.parametrize("mood", MOODS)
def test_each_oddity_is_found_and_nothing_is_left_behind(
    desk: Shell, mimecast: Simulator, mood: str
):
    oddity, expected = MOODS[mood]
    mimecast.behave(**oddity)

    said = probe(desk, "--json")

    lessons = said.values["lessons"]
    assert {key: lessons[key] for key in expected} == expected
    left = [*mimecast.users(), *mimecast.groups()]
    assert (said.code, len(said.values["left"])) == ((4, len(left)) if left else (0, 0))
    assert bool(left) is (mood == "nothing deleted")
    assert all(one.get("displayName", "connector-probe").lower() for one in left)


def test_scim2_server_is_probed_and_left_empty(shell: Shell):
    with running_scim2_server() as server:
        shell.set_up(server)
        said = probe(shell, "--json")
        assert (server.users(), server.groups()) == ([], [])

    assert said.code == 0
    lessons = said.values["lessons"]
    assert (lessons["update.verb"], lessons["members.removal"]) == ("patch", "filter")
    assert (lessons["bulk.use"], lessons["write.delete"]) == ("announced", True)


def test_the_profile_is_a_dialect_file(desk: Shell, mimecast: Simulator):
    mimecast.behave(patch=501, finds_by_external_id=False)

    said = probe(desk, "--write", "probed.toml")

    assert "probed.toml" in said.errors
    dialect = load_dialect("probed.toml", [desk.folder])
    assert dialect.update.verb == "put"
    assert "externalId" not in dialect.read.reliable_filters
    assert dialect.user == Dialect().user
    assert probe(desk, "--write", "probed.toml").code == 1


def test_without_a_file_the_profile_is_printed(desk: Shell):
    said = probe(desk)

    assert '[update]\nverb = "patch"' in said.output
    assert "users ..." in said.errors


def test_what_was_found_is_remembered_shown_and_forgotten(desk: Shell, mimecast: Simulator):
    assert "Nothing was learnt yet" in desk.say("target", "show", "scim").output
    mimecast.behave(patch=501)
    probe(desk)

    shown = {one["what"]: one for one in desk.say("target", "show", "scim", "--json").values}
    assert (shown["update.verb"]["value"], shown["update.verb"]["learnt_by"]) == ("put", "probe")
    assert '"put"' in desk.say("target", "show", "scim").output

    assert desk.say("target", "forget", "scim").output.startswith("Forgotten: ")
    assert desk.say("target", "forget", "scim").output == "There was nothing to forget.\n"


def test_nothing_is_written_before_somebody_agrees(
    desk: Shell, mimecast: Simulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    said = desk.say("target", "probe", "scim")

    assert said.code != 0
    assert mimecast.writes == []


def test_a_target_that_does_not_answer_is_told_in_words(desk: Shell, mimecast: Simulator):
    mimecast.behave(silences=(Silence("POST", "before", 9),))
    desk.edit("[[target]]", '[[target]]\ntimeout = "1s"', "connector.toml")

    said = probe(desk)

    assert said.code == 1
    assert said.errors.splitlines()[-1].startswith("error: target scim: no answer within")


def test_a_target_that_refuses_the_test_user_says_what_to_do(desk: Shell, mimecast: Simulator):
    mimecast.behave(requires_domain="corp.example")

    said = probe(desk)

    assert said.code == 1
    assert "does the target take the domain probe.invalid? Another one: --domain" in said.errors
    assert probe(desk, "--domain", "corp.example").code == 0
    assert mimecast.users() == []


def test_who_interrupts_it_finds_nothing_left_behind(desk: Shell, mimecast: Simulator):
    mimecast.behave(requests_per_second=4)
    command = [sys.executable, "-m", "connector", "target", "probe", "scim", "--yes"]
    with subprocess.Popen(command, cwd=desk.folder, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 30
        while not mimecast.users() and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "cleaning up ..." in errors
    assert mimecast.users() == []


def test_a_creation_whose_answer_was_lost_is_removed_all_the_same(desk: Shell, mimecast: Simulator):
    mimecast.behave(silences=(Silence("POST", "after"),))
    desk.edit("[[target]]", '[[target]]\ntimeout = "1s"', "connector.toml")

    assert probe(desk).code == 1
    assert mimecast.users() == []


def test_an_unknown_target_is_named_with_those_that_are_there(desk: Shell):
    said = desk.say("target", "show", "nowhere")

    assert said.code == 1
    assert "configured are: scim" in said.errors


def test_a_kind_whose_abilities_are_known_is_not_probed(desk: Shell):
    (desk.folder / "client-secret").write_text("s3cret")
    api = '[[target]]\nname = "api"\nkind = "mimecast-api"\nclient_id = "a"\ngroups = "*"\n'
    secret = 'client_secret = { file = "client-secret" }\n'
    with (desk.folder / "connector.toml").open("a") as configuration:
        configuration.write(f"\n{api}{secret}")

    said = desk.say("target", "probe", "api", "--yes")

    assert said.code == 1
    assert "api: is of kind mimecast-api, whose abilities are known" in said.errors
