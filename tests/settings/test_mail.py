"""The keys of [mail]: what is wrong is said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.settings import load_settings
from tests.settings.test_load import GOOD, faults, write  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connector.settings import MailSettings

    Write = Callable[[str], Path]

IDP = '[idp]\nbase_url = "https://sso.corp.example"\n'
SERVER = 'server = "smtps://mail.corp.example"\n'
FROM = 'from = "no-reply@corp.example"\n'


def mail_of(write: Write, *lines: str) -> MailSettings:
    mail = load_settings(write(GOOD + IDP + "[mail]\n" + "".join(lines))).mail
    assert mail is not None
    return mail


def fault_of(write: Write, *lines: str) -> dict[str, str]:
    return faults(write(GOOD + IDP + "[mail]\n" + "".join(lines)))


def test_a_server_and_a_sender_are_enough(write: Write):
    mail = mail_of(write, SERVER, FROM)

    assert (mail.server.host, mail.server.port, mail.tls) == ("mail.corp.example", 465, "at-once")
    assert mail.sender.address == "no-reply@corp.example"
    assert (mail.user, mail.password, mail.reply_to) == ("", None, None)


def test_everything_can_be_said(write: Write, tmp_path: Path):
    (tmp_path / "mail-password").write_text("s3cret\n")
    (tmp_path / "ca.pem").write_text("")

    mail = mail_of(
        write,
        'server = "smtp://mail.corp.example:587"\n',
        'from = "Northwind sign-on <no-reply@corp.example>"\n',
        'reply_to = "help@corp.example"\n',
        'user = "svc"\npassword = { file = "mail-password" }\nca_file = "ca.pem"\n',
    )

    assert (mail.server.port, mail.tls) == (587, "start")
    assert (mail.sender.name, mail.reply_to.address) == ("Northwind sign-on", "help@corp.example")
    assert mail.password.reveal() == "s3cret"
    assert "s3cret" not in repr(mail)


@pytest.mark.parametrize(
    ("url", "ca_file", "tls"),
    [
        ("smtp://mail.corp.example", "", "start"),
        ("smtp://192.0.2.7", "", "start"),
        ("smtp://localhost.evil.example", "", "start"),
        ("smtp://localhost", "", "none"),
        ("smtp://127.0.0.1:2525", "", "none"),
        ("smtp://[::1]:2525", "", "none"),
        ("smtp://127.0.0.1", 'ca_file = "ca.pem"\n', "start"),
        ("smtps://127.0.0.1", "", "at-once"),
    ],
)
def test_only_to_this_machine_nothing_has_to_be_encrypted(
    write: Write,
    tmp_path: Path,
    url: str,
    ca_file: str,
    tls: str,
):
    (tmp_path / "ca.pem").write_text("")

    assert mail_of(write, f'server = "{url}"\n', FROM, ca_file).tls == tls


@pytest.mark.parametrize(
    "server",
    [
        '"mail.corp.example"',
        '"https://mail.corp.example"',
        '"smtp://"',
        '"smtp://mail.corp.example:99999"',
        '"smtp://mail.corp.example/path"',
        '"smtp://[mail"',
        '"smtp://mail..corp.example"',
        "25",
    ],
)
def test_what_is_no_mail_server_is_told_how_one_is_written(write: Write, server: str):
    found = fault_of(write, f"server = {server}\n", FROM)

    assert list(found) == ["mail.server"]
    assert found["mail.server"].startswith(
        'must be a mail server such as "smtps://mail.corp.example" or "smtp://mail.corp.example:587"'
    )


def test_a_password_in_the_url_is_not_repeated(write: Write):
    found = fault_of(write, 'server = "smtp://svc:s3cret@mail.corp.example"\n', FROM)

    assert found == {"mail.server": "user and password are keys of their own"}


@pytest.mark.parametrize(
    "server",
    [
        "smtp://svc:s3cret@mail.corp.example:port",
        "smtp://svc:s3cret@mail..corp.example",
        "smtp://svc:s3cret@[mail.corp.example",
        "smtp://svc:s3cret/@mail.corp.example",
        "smtp://svc:s3cret#@mail.corp.example",
        "https://svc:s3cret@mail.corp.example",
        "svc:s3cret@mail.corp.example",
        "smtp://svc:s3cret",
    ],
)
def test_a_password_in_what_is_no_url_is_not_repeated(write: Write, server: str):
    found = fault_of(write, f'server = "{server}"\n', FROM)

    assert list(found) == ["mail.server"]
    assert "s3cret" not in found["mail.server"]


@pytest.mark.parametrize(
    "sender",
    ["nobody", "", "a@x.test, b@y.test", "a@x.test\\r\\nBcc: b@y.test", "jürgen@x.test", "a@"],
)
def test_what_is_no_sender_is_told(write: Write, sender: str):
    found = fault_of(write, SERVER, f'from = "{sender}"\n')

    assert list(found) == ["mail.from"]
    assert found["mail.from"].startswith('must be an address such as "no-reply@corp.example"')


def test_what_is_missing_or_mistyped_is_named_as_it_is_written(write: Write):
    assert fault_of(write, SERVER) == {"mail.from": "is missing"}
    assert fault_of(write, SERVER, FROM, 'form = "x"\n') == {
        "mail.form": "unknown key; did you mean from?"
    }
    assert fault_of(write, SERVER, FROM, 'sender = "a@x.test"\n')["mail.sender"].startswith(
        "unknown key"
    )


def test_user_and_password_come_together_and_are_plain(write: Write, tmp_path: Path):
    (tmp_path / "pw").write_text("pässword")
    password = 'password = { file = "pw" }\n'

    together = {"mail": "user and password: only of use together"}
    assert fault_of(write, SERVER, FROM, 'user = "svc"\n') == together
    assert fault_of(write, SERVER, FROM, password) == together
    assert fault_of(write, SERVER, FROM, 'user = "svc"\n', password) == {
        "mail": "password must be of ASCII characters: mail servers agree on no others"
    }
    assert fault_of(write, SERVER, FROM, 'user = "jürgen"\n', password)["mail.user"].startswith(
        "must be of ASCII characters"
    )


def test_mail_is_of_use_only_where_people_sign_in(write: Write):
    found = faults(write(GOOD + "[mail]\n" + SERVER + FROM))

    assert found == {"": "mail: of use only with a section [idp]"}
