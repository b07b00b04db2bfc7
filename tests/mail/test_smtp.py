"""The door to the mail server, against a real one."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connector.errors import MailUnavailable
from connector.mail.letter import Deferred, Refused, Taken
from connector.mail.smtp import MailServer as Door
from connector.mail.smtp import Patience
from tests.mail.desk import letter
from tests.parts.certificates import CertificateFiles, make_certificate
from tests.parts.mail_server import HOST, MailServer, running_mail_server
from tests.parts.tls_server import TlsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IMPATIENT = Patience(connect=0.5, reply=0.5, taking=0.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return make_certificate(tmp_path_factory.mktemp("mail"), HOST)


@pytest.fixture
def plain() -> Iterator[MailServer]:
    with running_mail_server(MailServer()) as server:
        yield server


@pytest.fixture(params=["at-once", "start"])
def private(request: pytest.FixtureRequest, files: CertificateFiles) -> Iterator[MailServer]:
    with running_mail_server(MailServer(request.param, files)) as server:
        yield server


def door(server: MailServer, **changes: object) -> Door:
    authority = server.files and server.files.authority
    context = ssl.create_default_context(cafile=authority)
    return replace(Door(HOST, server.port, server.tls, context, "no-reply@corp.example"), **changes)


def send(server: Door, recipient: str = "anna.berg@corp.example"):
    with server.open() as session:
        return session.send(letter(recipient=recipient))


def test_a_message_comes_as_it_was_written(plain: MailServer):
    assert send(door(plain)) == Taken("2.0.0 OK: queued as 4F2A")

    (delivered,) = plain.delivered
    assert delivered.sender == "no-reply@corp.example"
    assert delivered.recipients == ("anna.berg@corp.example",)
    assert delivered.message["Message-ID"] == "<a1@corp.example>"
    # Dots at the beginning of lines are neither the end nor lost.
    assert delivered.message.get_payload() == ".\r\n..two\r\n"
    assert not delivered.is_private


def test_several_go_through_one_session(plain: MailServer):
    with door(plain).open() as session:
        outcomes = [session.send(letter(f"a{number}")) for number in range(3)]

    assert {type(outcome) for outcome in outcomes} == {Taken}
    assert (len(plain.delivered), plain.connection_count) == (3, 1)


def test_by_tls_from_the_first_byte_and_by_starttls(private: MailServer):
    assert isinstance(send(door(private)), Taken)

    assert [delivered.is_private for delivered in private.delivered] == [True]
    assert door(private).greet() == "answers by TLSv1.3"


def test_the_certificate_must_be_of_an_authority_that_is_believed(
    private: MailServer, tmp_path: Path
):
    stranger = make_certificate(tmp_path, HOST)
    context = ssl.create_default_context(cafile=stranger.authority)

    with pytest.raises(MailUnavailable, match=r"its certificate is not accepted: .*issuer"):
        door(private, context=context).open()
    with pytest.raises(MailUnavailable, match="its certificate is not accepted"):
        door(private, context=ssl.create_default_context()).open()

    assert private.delivered == []


def test_the_certificate_must_be_for_that_host(private: MailServer):
    with pytest.raises(MailUnavailable, match="its certificate is not accepted: Hostname mismatch"):
        door(private, host="localhost").open()

    assert private.delivered == []


def test_without_starttls_nothing_is_sent(plain: MailServer):
    """Whoever is on the way could have taken the offer out."""
    with pytest.raises(MailUnavailable, match="offers no STARTTLS, and nothing is sent without"):
        door(plain, tls="start", user="svc", password="s3cret").open()

    assert plain.delivered == []


@pytest.mark.parametrize("tls", ["at-once", "start", "none"])
def test_a_login_is_made_where_one_is_configured(tls: str, files: CertificateFiles):
    server = MailServer(tls, files if tls != "none" else None, login=("svc", "s3cret"))
    with running_mail_server(server):
        outcome = send(door(server, user="svc", password="s3cret"))
        words = door(server, user="svc", password="s3cret").greet()

    assert isinstance(outcome, Taken)
    assert [delivered.user for delivered in server.delivered] == ["svc"]
    assert words.endswith(" and lets us in")


def test_a_wrong_password_is_told_without_it(files: CertificateFiles):
    server = MailServer("start", files, login=("svc", "s3cret"))
    with running_mail_server(server):
        with pytest.raises(MailUnavailable) as caught:
            door(server, user="svc", password="wr0ng").open()

        assert "it does not let us in: 535" in str(caught.value)
        assert "wr0ng" not in f"{caught.value} {door(server, password='wr0ng')!r}"
        # It is our fault, not that of the message.
        outcome = send(door(server))
        assert isinstance(outcome, Deferred)
        assert outcome.words == "it does not take our sender: 530 5.7.0 Authentication required"


def test_a_server_without_logins_is_told(plain: MailServer):
    with pytest.raises(MailUnavailable, match="it offers no login"):
        door(plain, user="svc", password="s3cret").open()


@pytest.mark.parametrize("place", ["at_recipient", "at_end"])
def test_a_permanent_refusal_and_a_temporary_one_are_told_apart(plain: MailServer, place: str):
    answers = getattr(plain, place)
    answers += ["550 5.1.1 No such user here", "451 4.7.1 Greylisted, come back later"]

    with door(plain).open() as session:
        assert session.send(letter()) == Refused("550 5.1.1 No such user here", 550)
        assert session.send(letter()) == Deferred("451 4.7.1 Greylisted, come back later", 451)
        # And the next one is none the worse for it.
        assert isinstance(session.send(letter()), Taken)

    assert len(plain.delivered) == 1


def test_a_refused_sender_is_no_refusal_of_the_message(plain: MailServer):
    plain.at_mail.append("553 5.7.1 Sender not allowed")

    with door(plain).open() as session:
        outcome = session.send(letter())
        again = session.send(letter())

    assert outcome == Deferred("it does not take our sender: 553 5.7.1 Sender not allowed", 553)
    assert isinstance(again, Taken)


def test_an_answer_of_many_lines_with_odd_characters_is_one_plain_line(plain: MailServer):
    plain.at_end.append("550-no\r\n550 \x1b[31mnever\u202e" + "x" * 500)

    outcome = send(door(plain))

    assert isinstance(outcome, Refused)
    assert outcome.words.startswith("550 no [31mnever")
    assert outcome.words.isprintable()
    assert len(outcome.words) <= 204


def test_an_address_beyond_ascii_goes_where_it_can():
    recipient = "jürgen@xn--bcher-kva.example"
    with running_mail_server(MailServer()) as server:
        assert isinstance(send(door(server), recipient), Taken)
        assert server.delivered[0].recipients == (recipient,)
        with door(server).open() as session:
            outcomes = [session.send(letter(recipient=each)) for each in (recipient, "a@x.test")]
        assert [type(outcome) for outcome in outcomes] == [Taken, Taken]
    with running_mail_server(MailServer(smtputf8=False)) as server:
        refused = send(door(server), recipient)

    assert refused == Refused("the mail server takes no addresses beyond ASCII (SMTPUTF8)")


def test_a_server_that_is_not_there_or_does_not_speak_is_unavailable(plain: MailServer):
    with closing(socket.create_server((HOST, 0))) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailUnavailable, match="it did not answer in time"):
            door(plain, port=port, patience=IMPATIENT).open()
    with pytest.raises(MailUnavailable, match=rf"mail server {HOST}:{port}: connection refused"):
        door(plain, port=port).open()
    with pytest.raises(MailUnavailable, match="its name cannot be resolved"):
        door(plain, host="mail.invalid").open()


@pytest.mark.parametrize(
    ("banner", "words"),
    [
        (b"554 go away\r\n", "it says no: 554 go away"),
        (b"421 busy\r\n", "it says no: 421 busy"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it says no: -1"),
        (b"", "it hung up"),
        (b"220 " + b"x" * 9000, "Line too long"),
    ],
)
def test_something_else_on_that_port_is_unavailable(
    plain: MailServer, tmp_path: Path, banner: bytes, words: str
):
    def say(channel: socket.socket) -> None:
        channel.sendall(banner)

    other = TlsServer(tmp_path, say, is_tls=False)
    try:
        with pytest.raises(MailUnavailable, match=words):
            door(plain, port=other.port, patience=IMPATIENT).open()
    finally:
        other.close()


def scripted(*answers: bytes) -> Callable[[socket.socket], None]:
    """Return a server that gives these answers, one a line that it reads, and then hangs up."""

    def serve(channel: socket.socket) -> None:
        with channel.makefile("rb") as lines:
            channel.sendall(b"220 mail.test\r\n")
            for answer in answers:
                line = lines.readline()
                while answer.startswith(b"250 2.0.0") and line not in (b".\r\n", b""):
                    line = lines.readline()
                channel.sendall(answer)

    return serve


@pytest.mark.parametrize("challenge", [b"334 x\r\n", b"334 YWJ\r\n"])
def test_a_login_that_makes_no_sense_is_said(plain: MailServer, tmp_path: Path, challenge: bytes):
    offer = b"250-mail.test\r\n250 AUTH CRAM-MD5\r\n"
    server = TlsServer(tmp_path, scripted(offer, challenge), is_tls=False)
    try:
        with pytest.raises(MailUnavailable) as caught:
            door(plain, port=server.port, user="svc", password="s3cret").open()
    finally:
        server.close()

    assert str(caught.value) == f"mail server {HOST}:{server.port}: its login makes no sense"


def test_a_line_that_breaks_leaves_in_doubt_only_what_was_sent_to_its_end(
    plain: MailServer, tmp_path: Path
):
    """Between the end of a message and the answer to it, only the server knows."""
    steps = [b"250 mail.test\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"]
    for count in range(1, len(steps) + 1):
        server = TlsServer(tmp_path, scripted(*steps[:count]), is_tls=False)
        try:
            with door(plain, port=server.port, patience=IMPATIENT).open() as session:
                outcome = session.send(letter())
                assert not session.is_open
        finally:
            server.close()

        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.is_in_doubt) == (0, count == len(steps))


def test_a_server_that_never_answers_to_a_message_is_not_waited_for_for_ever(plain: MailServer):
    plain.hangs = True

    outcome = send(door(plain, patience=IMPATIENT))

    assert outcome == Deferred("it did not answer in time", is_in_doubt=True)


def test_another_thread_ends_what_is_under_way(plain: MailServer):
    plain.hangs = True
    outcomes = []
    with door(plain).open() as session:
        thread = threading.Thread(target=lambda: outcomes.append(session.send(letter())))
        thread.start()
        plain.wait_for(1)

        session.abort()
        thread.join(10)

    assert outcomes == [Deferred("it hung up", is_in_doubt=True)]


def test_a_server_that_ends_the_session_between_two_messages_is_noticed(plain: MailServer):
    with door(plain).open() as session:
        session.send(letter())
        plain.stop()
        outcome = session.send(letter())
        plain.start()

        assert isinstance(outcome, Deferred)
        assert not outcome.is_in_doubt
        assert not session.is_open
