"""The daemon delivers what others have queued; killed in between, it delivers it once more, and once."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.audit import Audit
from connector.bootstrap.mail import make_post
from connector.clock import SystemClock
from connector.mail.outbox import LEASE, REMEMBERED, Outbox
from connector.settings import load_settings
from state.engine import open_engine, writing
from tests.cli.shell import COMPANY, IDP
from tests.mail.desk import letter
from tests.parts.certificates import make_certificate
from tests.parts.identity_provider import free_port
from tests.parts.mail_server import HOST, MailServer, running_mail_server
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.parts.scim_server import Simulator

pytestmark = pytest.mark.real

SECTIONS = """\
[operations]
listen = "127.0.0.1:{operations}"
[mail]
server = "smtp://127.0.0.1:{mail}"
from = "no-reply@corp.example"
user = "svc"
password = {{ file = "mail-password" }}
ca_file = "ca.pem"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    files = make_certificate(tmp_path, HOST)
    with running_mail_server(MailServer("start", files, login=("svc", "s3cret"))) as server:
        yield server


@pytest.fixture
def operator(tmp_path: Path, mimecast: Simulator, server: MailServer) -> Operator:
    operator = Operator(tmp_path)
    (tmp_path / "company.toml").write_text(COMPANY)
    (tmp_path / "mail-password").write_text("s3cret")
    target = operator.write_target(mimecast).replace('"error"', '"info"')
    operator.port = free_port()
    operator.configure(
        FILE_SOURCE.format(file="company.toml"),
        target,
        IDP,
        SECTIONS.format(operations=operator.port, mail=server.port),
    )
    operator.run("sync")
    return operator


@pytest.fixture
def engine(operator: Operator) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{operator.folder}/state.db")
    yield engine
    engine.dispose()


def running(operator: Operator) -> AbstractContextManager[Service]:
    return serving(operator.start("run"), operator.port)


def let_the_lease_end(engine: Engine) -> None:
    """Make it as if nobody had come back for so long as a message is kept for whoever has it."""
    with writing(engine) as connection:
        of_first = "SELECT due_at FROM mail_outbox WHERE id = 'a1'"
        (row,) = connection.exec_driver_sql(of_first).all()
        due_at = datetime.fromisoformat(f"{row.due_at}+00:00")
        assert timedelta() < due_at - datetime.now(UTC) <= LEASE
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        connection.exec_driver_sql("UPDATE mail_outbox SET due_at = ? WHERE id = 'a1'", (now,))


def test_what_another_process_queues_is_delivered_within_two_seconds_until_the_end(
    operator: Operator, engine: Engine, server: MailServer
):
    outbox = Outbox(engine)
    with running(operator) as service:
        took = []
        for number in range(3):
            begun_at = time.monotonic()
            outbox.add(letter(f"a{number}", at=datetime.now(UTC)))
            delivered = server.wait_for(number + 1)[-1]
            took.append(time.monotonic() - begun_at)
            sent = service.wait_for("mail.sent")
        numbers = service.get("/metrics").text

        # A server that never answers does not keep it from ending.
        server.hangs = True
        outbox.add(letter("b2", at=datetime.now(UTC)))
        server.wait_for(4)
        begun_at = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - begun_at < 8

    # The machine may have had other things to do for once.
    assert min(took) < 2
    assert (delivered.is_private, delivered.user) == (True, "svc")
    assert (sent["external_id"], sent["notice"]) == ("anna-1", "factor-added")
    assert "\nconnector_mail_waiting 0\n" in numbers
    for outcome, count in (("queued", 3), ("sent", 3), ("given-up", 0)):
        assert f'\nconnector_mail_messages_total{{outcome="{outcome}"}} {count}\n' in numbers
    assert [event.event for event in Audit(engine).recent(1)] == ["notice.sent"]
    (entry,) = outbox.entries(datetime.now(UTC))
    assert (entry.letter_id, entry.given_up, entry.tried_count) == ("b2", "", 1)


def test_killed_between_sent_and_noted_it_sends_once_more_and_never_a_third_time(
    operator: Operator, engine: Engine, server: MailServer
):
    outbox, server.hangs = Outbox(engine), True
    outbox.add(letter("a1", at=datetime.now(UTC)))

    for count in (1, 2):
        with running(operator) as service:
            server.wait_for(count)
            service.send(signal.SIGKILL)
            service.join()
        let_the_lease_end(engine)
    server.hangs = False
    # What the next daemon would do.
    make_post(load_settings(operator.folder / "connector.toml"), engine, SystemClock()).look()

    assert [each.message["Message-ID"] for each in server.delivered] == ["<a1@corp.example>"] * 2
    (entry,) = outbox.entries(datetime.now(UTC))
    assert (entry.given_up, entry.tried_count) == ("mail-in-doubt", 2)
    assert Audit(engine).recent(1)[0].reason == "mail-in-doubt"


def test_what_was_given_up_long_ago_is_forgotten_at_the_start(operator: Operator, engine: Engine):
    outbox, now = Outbox(engine), datetime.now(UTC)
    long_ago = now - REMEMBERED - timedelta(hours=1)
    outbox.add(letter("old", recipient="", at=long_ago))
    outbox.add(letter("new", recipient="", at=now))

    with running(operator) as service:
        assert service.end() == 0

    assert [entry.letter_id for entry in outbox.entries(long_ago)] == ["new"]


@pytest.mark.long
def test_killed_once_a_message_comes_and_is_noted(
    operator: Operator, engine: Engine, server: MailServer
):
    """Of the long profile: in every run the test above kills it twice, at the same place."""
    outbox, server.hangs = Outbox(engine), True
    outbox.add(letter("a1", at=datetime.now(UTC)))
    with running(operator) as service:
        server.wait_for(1)
        service.send(signal.SIGKILL)
        service.join()
    server.hangs = False

    # While nobody knows whether the first is still at it, nobody else sends it.
    with running(operator) as service:
        outbox.add(letter("b2", at=datetime.now(UTC)))
        server.wait_for(2)
        let_the_lease_end(engine)
        server.wait_for(3)
        service.wait_for("mail.sent")
        service.wait_for("mail.sent")
        assert service.end() == 0

    ids = [each.message["Message-ID"] for each in server.delivered]
    assert ids == ["<a1@corp.example>", "<b2@corp.example>", "<a1@corp.example>"]
    assert outbox.entries(datetime.now(UTC)) == ()
    assert outbox.tally() == {"queued": 2, "sent": 2, "given-up": 0}
