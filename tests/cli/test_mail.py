"""`mail`: a test message, and what waits; and what `check` says of the mail server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connector.bootstrap.mail import check_mail
from connector.mail.letter import Refused
from connector.mail.outbox import Outbox
from connector.settings import load_settings
from state.engine import open_engine
from state.migrate import upgrade
from tests.cli.shell import IDP
from tests.mail.desk import letter
from tests.parts.certificates import make_certificate
from tests.parts.mail_server import HOST, MailServer, running_mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

MAIL = """\
[mail]
server = "{scheme}://127.0.0.1:{port}"
from = "no-reply@corp.example"
{more}
"""
LOGIN = 'user = "svc"\npassword = { file = "mail-password" }\nca_file = "ca.pem"\n'
ORGANIZATION = IDP.replace("[[application]]", 'organization = "Northwind"\n[[application]]')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    files = make_certificate(tmp_path, HOST)
    with running_mail_server(MailServer("start", files, login=("svc", "s3cret"))) as server:
        yield server


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator, server: MailServer) -> Shell:
    """A shell beside a small company whose mail server wants a login."""
    (shell.folder / "mail-password").write_text("s3cret")
    configure(shell, mimecast, server)
    return shell


def configure(shell: Shell, target: Simulator, server: MailServer, more: str = LOGIN) -> None:
    mail = MAIL.format(scheme="smtp", port=server.port, more=more)
    shell.set_up(target, "", ORGANIZATION, mail)


def test_a_test_message_is_sent_and_the_server_is_quoted(desk: Shell, server: MailServer):
    said = desk.say("mail", "test", "anna@corp.example")

    assert (said.code, said.errors) == (0, "")
    assert said.output == (
        f"127.0.0.1:{server.port} answers by TLSv1.3 and lets us in.\n"
        "It has taken the message to anna@corp.example: 2.0.0 OK: queued as 4F2A.\n"
    )
    (delivered,) = server.delivered
    assert delivered.recipients == ("anna@corp.example",)
    assert delivered.message["Subject"] == "Northwind: test"
    assert delivered.message["Auto-Submitted"] == "auto-generated"


def test_what_the_server_says_against_it_is_quoted(desk: Shell, server: MailServer):
    server.at_recipient.append("550 5.1.1 No such user here")

    said = desk.say("mail", "test", "nobody@corp.example")

    assert said.code == 1
    assert said.errors == (
        f"error: mail server 127.0.0.1:{server.port} did not take the message to"
        " nobody@corp.example: 550 5.1.1 No such user here\n"
    )


def test_a_wrong_login_is_told_in_one_line(desk: Shell, server: MailServer):
    (desk.folder / "mail-password").write_text("wr0ng")

    said = desk.say("mail", "test", "anna@corp.example")

    assert said.code == 1
    assert said.errors.startswith(
        f"error: mail server 127.0.0.1:{server.port}: it does not let us in: 535"
    )
    assert "wr0ng" not in said.errors + said.output
    assert len(said.errors.splitlines()) == 1


def test_what_is_no_address_is_told(desk: Shell, server: MailServer):
    said = desk.say("mail", "test", "anna")

    assert (said.code, said.errors) == (
        1,
        "error: 'anna' is no e-mail address that mail servers take\n",
    )
    assert server.connection_count == 0


def test_without_a_section_nothing_can_be_sent(shell: Shell, mimecast: Simulator):
    shell.set_up(mimecast, "", IDP)

    said = shell.say("mail", "test", "anna@corp.example")

    assert said.code == 1
    assert said.errors == (
        "error: connector.toml has no section [mail], so nothing is sent; see docs/mail.md\n"
    )


def test_what_waits_and_what_was_given_up_is_listed(desk: Shell):
    assert desk.say("mail", "list").output == (
        "No message waits, and none was given up within 30 days.\n"
    )
    engine = open_engine(f"sqlite:///{desk.folder}/state.db")
    upgrade(engine)
    outbox, now = Outbox(engine), datetime.now(UTC)
    outbox.add(letter("gone", at=now))
    outbox.claim(now)
    outbox.note("gone", Refused("550 5.1.1 no such user", 550), now)
    outbox.add(letter("waits", at=now))
    engine.dispose()

    said, values = desk.say("mail", "list"), desk.say("mail", "list", "--json").values

    lines = [line.split() for line in said.output.splitlines()]
    assert lines[0] == ["queued", "what", "to", "tries", "state", "because"]
    assert sorted(line[3:] for line in lines[1:]) == [
        ["factor-added", "anna.berg@corp.example", "0", "waits"],
        [
            *("factor-added", "anna.berg@corp.example", "1"),
            *("given", "up", "(mail-refused)", "550", "5.1.1", "no", "such", "user"),
        ],
    ]
    assert {(each["letter_id"], each["given_up"]) for each in values} == {
        ("gone", "mail-refused"),
        ("waits", ""),
    }
    assert "message" not in values[0]


def test_check_says_where_messages_go_and_online_greets_the_server(desk: Shell, server: MailServer):
    offline = f"ok    mail: messages go to 127.0.0.1:{server.port} as no-reply@corp.example"
    online = f"ok    mail: 127.0.0.1:{server.port} answers by TLSv1.3 and lets us in"

    assert desk.say("check").output.splitlines()[-1] == offline
    assert server.connection_count == 0
    said = desk.say("check", "--online")
    assert offline in said.output.splitlines()
    assert said.output.splitlines()[-1] == online
    assert server.delivered == []


def test_online_a_server_that_does_not_answer_is_a_failure(desk: Shell, server: MailServer):
    server.stop()

    said = desk.say("check", "--online")

    server.start()
    assert said.code == 1
    assert said.output.splitlines()[-1] == (
        f"fail  mail: mail server 127.0.0.1:{server.port}: connection refused"
    )


def test_authorities_that_are_none_are_a_fault_of_their_key(desk: Shell):
    (desk.folder / "ca.pem").write_text("no certificate")

    said = desk.say("check")

    assert said.code == 1
    assert said.errors == (
        "error: connector.toml: mail.ca_file: no certificates in PEM form in"
        f" {desk.folder.resolve()}/ca.pem\n"
    )


def test_that_nobody_is_told_is_said_only_where_second_factors_are_asked_for(
    shell: Shell, mimecast: Simulator
):
    shell.set_up(mimecast, "", IDP)
    settings = load_settings(shell.folder / "connector.toml")

    (finding,) = check_mail(settings, asks_for_factors=True)
    assert (finding.level, finding.subject) == ("warn", "mail")
    assert "add a section [mail]" in finding.words
    assert check_mail(settings, asks_for_factors=False) == []
    assert "mail:" not in shell.say("check").output
