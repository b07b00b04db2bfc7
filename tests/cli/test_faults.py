"""Whatever is wrong, an operator reads words: "error: ...", an exit code, never a traceback."""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from connector.demo.show import MARKER
from tests.cli.shell import COMPANY, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

pytestmark = pytest.mark.real

PEOPLE = "".join(f'[[person]]\nlogin = "p{number}"\n' for number in range(1000))


def configuration(text: str) -> Callable[[Shell], None]:
    return lambda shell: shell.configure(text)


def broken_mapping(shell: Shell) -> None:
    (shell.folder / "mappings").mkdir()
    (shell.folder / "mappings" / "active_directory.user.toml").write_text('[attributes]\nx = "{{"')


def newer_database(shell: Shell) -> None:
    shell.say("sync")
    database = sqlite3.connect(shell.folder / "state.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()


def rubbish_for_a_database(shell: Shell) -> None:
    (shell.folder / "state.db").write_text("rubbish " * 1000)


def a_folder_for_a_database(shell: Shell) -> None:
    (shell.folder / "state.db").mkdir()


def a_lock_that_cannot_be_made(shell: Shell) -> None:
    (shell.folder / "state.db.lock").mkdir()


def unreadable_secret(shell: Shell) -> None:
    (shell.folder / "scim-token").unlink()
    (shell.folder / "scim-token").mkdir()


def text_that_is_not_utf8(shell: Shell) -> None:
    (shell.folder / "connector.toml").write_bytes(b"\xff\xfe")


BAD = [
    ("plan", 1, "not valid TOML", configuration("[[[")),
    ("plan", 1, "source: is missing", configuration("")),
    ("plan", 1, "not UTF-8", text_that_is_not_utf8),
    ("status", 1, "target[0].token: cannot read", unreadable_secret),
    ("plan", 1, "active_directory.user.toml", broken_mapping),
    ("run", 1, "newer than this program", newer_database),
    ("sync", 1, "newer than this program", newer_database),
    ("db upgrade", 1, "newer than this program", newer_database),
    ("status", 1, "file is not a database", rubbish_for_a_database),
    ("runs list", 1, "unable to open database file", a_folder_for_a_database),
    ("sync", 1, "state.db.lock: Is a directory", a_lock_that_cannot_be_made),
    ("--config missing.toml plan", 1, "no such file; `connector init`", None),
    ("plan --config .", 1, "Is a directory", None),
    ("key list", 1, "has no section [idp]", None),
    ("app list", 1, "has no section [idp]", None),
    ("nonsense", 2, "no such command", None),
    ("plan --nonsense", 2, "no such option", None),
    ("runs show one", 2, "valid integer", None),
    ("sync --allow-deletes -1", 2, "greater than or equal to 0", None),
    ("app add Intranet", 1, "no section [idp]", None),
    ("plan --target nowhere", 2, "there are: scim", None),
]


@pytest.mark.parametrize(("command", "code", "words", "spoil"), BAD)
def test_bad_input_is_answered_in_words(desk: Shell, command, code, words, spoil):
    if spoil:
        spoil(desk)

    process = desk.start(*shlex.split(command))
    output, errors = process.communicate(timeout=60)

    assert process.returncode == code
    assert words in errors
    assert output == ""
    told = [line for line in errors.splitlines() if not line.endswith(" ...")]
    assert told
    assert all(line.startswith("error: ") for line in told), errors
    assert len(set(told)) == len(told)


def test_no_arguments_are_answered_with_help(desk: Shell):
    said = desk.say()

    assert said.code == 2
    assert said.errors.startswith("Usage: connector [OPTIONS] COMMAND")


def test_options_of_the_program_may_stand_anywhere(desk: Shell):
    (desk.folder / "connector.toml").rename(desk.folder / "other.toml")

    assert desk.say("plan").code == 1
    assert desk.say("plan", "--config", "other.toml").code == 0
    assert desk.say("--config=other.toml", "status").code == 0
    assert desk.say("runs", "-c", "other.toml", "list", "--json", "-v").values == []


def test_an_address_in_use_is_named(desk: Shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        desk.edit("[log]", OPERATIONS.format(port=port) + "[log]", "connector.toml")

        said = desk.say("run")

    assert said.code == 1
    assert said.errors == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_second_demo_leaves_the_state_of_the_first_alone(desk: Shell):
    folder = desk.folder / "demo"
    folder.mkdir()
    (folder / MARKER).touch()
    (folder / "state.db").write_text("of the first")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = desk.say("demo", "--port", str(port - 1), "--folder", str(folder))

    assert said.code == 1
    assert said.errors.startswith(f"error: cannot listen on 127.0.0.1:{port}: ")
    assert (folder / "state.db").read_text() == "of the first"


def test_a_full_disk_ends_a_sync_in_words_and_the_next_one_is_right(
    desk: Shell, mimecast: Simulator
):
    desk.say("sync")
    desk.company(COMPANY + PEOPLE)
    mimecast.forget_requests()
    room = (desk.folder / "state.db").stat().st_size + 65536

    errors, code = sync_with_room_for(desk.folder, bytes_count=room)

    assert code == 1, errors
    told = [line for line in errors.splitlines() if not line.endswith(" ...")]
    assert len(told) == 1, errors
    assert told[0].startswith("error: the state database cannot be used: ")
    assert mimecast.writes == []
    assert desk.say("sync").code == 0
    assert desk.say("status", "--json").values["targets"]["scim"]["User"] == 1003


def sync_with_room_for(folder: Path, *, bytes_count: int) -> tuple[str, int]:
    """Sync in a process that may not write files beyond a size."""
    command = (
        f"ulimit -f {bytes_count // 512}; exec {shlex.quote(sys.executable)} -m connector sync"
    )
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=dict(os.environ) | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr, done.returncode


def test_output_that_nobody_reads_is_no_error(desk: Shell):
    desk.company(COMPANY + PEOPLE)

    process = desk.start("plan")
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == 0
    assert "Traceback" not in errors
    assert "error" not in errors
