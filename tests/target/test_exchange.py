"""The door to the network: what is waited for, what is asked again, and what never is."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from connector.errors import ConfigurationError, TargetUnavailable
from connector.planner.operation import Operation, OperationKind
from connector.settings.values import Listen
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import Dialect, PaceDialect, UpdateDialect
from connector.target.outcome import Applied, Unavailable, Unknown
from connector.target.retry import RetryPolicy
from connector.web.server import Certificate, Listener, serving
from tests.parts.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connector.target.outcome import Outcome

HASTY = RetryPolicy(first_delay=timedelta(milliseconds=10), patience=timedelta(seconds=3))
CONFIG = httpx.Response(404)


def creation(number: int) -> Operation:
    name = f"user{number}"
    return Operation(
        OperationKind.CREATE, "User", f"guid-{number}", name, document={"userName": name}
    )


def connection(base_url: str = "https://scim.example/v2", **values) -> TargetConnection:
    values.setdefault("timeout", timedelta(seconds=2))
    return TargetConnection("t", base_url, "secret-token", **values)


class Script:
    """Answers writes with these responses in turn, and with success from then on."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self.responses = list(responses)
        self.asked_at: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return CONFIG
        self.asked_at.append(time.monotonic())
        told = self.responses.pop(0) if self.responses else httpx.Response(201, json={"id": "n"})
        if isinstance(told, Exception):
            raise told
        return told


def send(script: Callable, operations: list[Operation], dialect: Dialect | None = None, **values):
    """Return the outcomes of the operations, at a target that follows the script."""
    transport = httpx.MockTransport(script)
    with ScimTarget(
        connection(**values), dialect or Dialect(), transport=transport, policy=HASTY
    ) as target:
        return [outcome for _, outcome in target.send(operations, {})]


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the address of a server that answers each connection like this, and what it got."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    received.append(peer.recv(100_000))
                    answer(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", received
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


# -- operations as they come -----------------------------------------------------------------------


def test_operations_are_taken_one_by_one_in_the_thread_of_the_caller_and_hardly_ahead():
    taken, answered, ahead, threads = 0, 0, [], set()

    def coming() -> Iterator[Operation]:
        nonlocal taken
        for number in range(100):
            taken += 1
            ahead.append(taken - answered)
            threads.add(threading.get_ident())
            yield creation(number)

    with ScimTarget(
        connection(concurrency=3), Dialect(), transport=httpx.MockTransport(Script())
    ) as target:
        for _ in target.send(coming(), {}):
            answered += 1

    assert (answered, threads) == (100, {threading.get_ident()})
    assert max(ahead) <= 7


def test_nothing_is_asked_for_no_operation():
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    assert send(refuse, []) == []


def test_an_error_of_who_gives_the_operations_reaches_the_caller():
    def coming() -> Iterator[Operation]:
        yield creation(1)
        raise LookupError("no more")

    transport = httpx.MockTransport(Script())
    with (
        ScimTarget(connection(), Dialect(), transport=transport) as target,
        pytest.raises(LookupError),
    ):
        list(target.send(coming(), {}))


# -- putting off ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_waited_for(status: int):
    script = Script(httpx.Response(status, headers={"Retry-After": "1"}))

    outcomes = send(script, [creation(1)])

    assert outcomes == [Applied("n")]
    assert script.asked_at[1] - script.asked_at[0] >= 1


def test_retry_after_as_a_date_is_waited_for():
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    script = Script(httpx.Response(503, headers={"Retry-After": moment}))

    outcomes = send(script, [creation(1)])

    assert outcomes == [Applied("n")]
    assert script.asked_at[1] - script.asked_at[0] >= 0.9


def test_x_ratelimit_reset_counts_in_the_unit_of_the_dialect():
    dialect = Dialect(pace=PaceDialect(reset_unit="milliseconds"))
    script = Script(httpx.Response(429, headers={"X-RateLimit-Reset": "400"}))

    outcomes = send(script, [creation(1)], dialect)

    assert outcomes == [Applied("n")]
    assert 0.4 <= script.asked_at[1] - script.asked_at[0] < 1.5


def test_everybody_waits_when_one_is_told_to():
    script = Script(httpx.Response(429, headers={"Retry-After": "1"}))

    send(script, [creation(number) for number in range(12)], concurrency=1)

    assert len(script.asked_at) == 13
    assert script.asked_at[1] - script.asked_at[0] >= 1


def test_a_success_that_uses_up_the_allowance_pauses_before_the_next():
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
    script = Script(httpx.Response(201, json={"id": "n"}, headers=spent))

    send(script, [creation(1), creation(2)], concurrency=1)

    assert script.asked_at[1] - script.asked_at[0] >= 1


def test_a_target_that_puts_us_off_for_too_long_ends_the_sending_without_waiting():
    later = httpx.Response(429, headers={"Retry-After": "3600"})

    begun = time.monotonic()
    outcomes = send(Script(later), [creation(number) for number in range(50)], concurrency=1)

    assert time.monotonic() - begun < 2
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert len(outcomes) == 50


def test_the_configured_rate_is_kept():
    script = Script()

    send(script, [creation(number) for number in range(11)], rate=20, concurrency=8)

    assert script.asked_at[-1] - script.asked_at[0] >= 8 / 20


# -- lost and refused connections ----------------------------------------------------------------


def test_a_connection_lost_after_sending_is_unknown_and_the_request_not_repeated():
    """The transport reports it like a refused connection; only its cause tells."""
    with listening(lambda peer: None) as (base_url, received):
        outcomes = send_over_network(base_url, [creation(1)])

    assert isinstance(outcomes[0], Unknown)
    assert sum(request.startswith(b"POST") for request in received) == 1


def test_an_answer_that_is_no_http_is_unknown():
    with listening(lambda peer: peer.sendall(b"who is there?\r\n\r\n")) as (base_url, received):
        outcomes = send_over_network(base_url, [creation(1)])

    assert isinstance(outcomes[0], Unknown)
    assert sum(request.startswith(b"POST") for request in received) == 1


def test_an_answer_that_stops_half_way_is_unknown():
    half = b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"
    with listening(lambda peer: peer.sendall(half)) as (base_url, _):
        outcomes = send_over_network(base_url, [creation(1)])

    assert isinstance(outcomes[0], Unknown)


def test_a_timeout_is_unknown_and_the_request_not_repeated():
    script = Script(httpx.ReadTimeout("slow"))

    outcomes = send(script, [creation(1)])

    assert isinstance(outcomes[0], Unknown)
    assert len(script.asked_at) == 1


def test_a_refused_connection_is_tried_again_and_then_every_operation_comes_back():
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    outcomes = send_over_network(f"http://127.0.0.1:{free}", [creation(n) for n in range(40)])

    assert len(outcomes) == 40
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert "connection refused" in outcomes[0].reason


def test_a_connection_that_comes_up_again_is_used():
    script = Script(httpx.ConnectError("refused"), httpx.ConnectError("refused"))

    assert send(script, [creation(1)]) == [Applied("n")]
    assert len(script.asked_at) == 3


def test_certificates_are_checked(tmp_path: Path):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b'{"id": "n"}'})

    files = make_certificate(tmp_path, "localhost")
    certificate = Certificate(files.certificate, files.key)
    with serving([Listener(app, Listen("127.0.0.1", 0), certificate)]) as server:
        base_url = f"https://localhost:{server.addresses[0].port}"
        assert send_over_network(base_url, [creation(1)], ca_file=files.authority) == [Applied("n")]

        (outcome,) = send_over_network(base_url, [creation(1)])

    assert isinstance(outcome, Unavailable)
    assert "its certificate is not trusted" in outcome.reason


def test_a_file_without_certificates_is_a_fault_of_the_configuration(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(ConfigurationError, match=r"ca\.pem: is not a file of certificates"):
        ScimTarget(connection(ca_file=tmp_path / "ca.pem"), Dialect())


def send_over_network(base_url: str, operations: list[Operation], **values) -> list[Outcome]:
    with ScimTarget(connection(base_url, **values), Dialect(), policy=HASTY) as target:
        return [outcome for _, outcome in target.send(operations, {})]


# -- order and ending ----------------------------------------------------------------------------


def test_closing_early_finishes_what_is_in_flight_and_sends_no_other():
    script = Script()
    transport = httpx.MockTransport(script)
    with ScimTarget(connection(concurrency=2), Dialect(), transport=transport) as target:
        answers = target.send([creation(number) for number in range(5000)], {})
        next(answers)
        answers.close()
        count = len(script.asked_at)
        assert count < 1000

        # The connection stays usable.
        assert [outcome for _, outcome in target.send([creation(1)], {})] == [Applied("n")]
        assert len(script.asked_at) == count + 1


def test_closing_does_not_wait_for_a_target_that_puts_us_off():
    script = Script(*[httpx.Response(429, headers={"Retry-After": "2"})] * 9)
    transport = httpx.MockTransport(
        lambda request: script(request) if b"user9" in request.content else Script()(request)
    )
    with ScimTarget(connection(), Dialect(), transport=transport, policy=HASTY) as target:
        answers = target.send([creation(1), creation(9)], {})
        next(answers)
        begun = time.monotonic()
        answers.close()

    assert time.monotonic() - begun < 1


def test_what_a_conversation_teaches_lasts_as_long_as_the_connection():
    asked: list[str] = []

    def without_patch(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(501 if request.method == "PATCH" else 200, json={"id": "t1"})

    update = Operation(
        OperationKind.UPDATE, "User", "g", "u", target_id="t1", changes={"title": "x"}
    )
    transport = httpx.MockTransport(without_patch)
    with ScimTarget(connection(), Dialect(), transport=transport) as target:
        for _ in range(2):
            assert [outcome for _, outcome in target.send([update], {})] == [Applied("t1")]

    assert asked == ["GET", "PATCH", "GET", "PUT", "GET", "PUT"]


def test_a_target_that_announces_no_patch_is_never_asked_for_one():
    asked: list[str] = []

    def announcing(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(200, json={"id": "t1", "patch": {"supported": False}})

    update = Operation(OperationKind.DISABLE, "User", "g", "u", "t1", changes={"active": False})
    with ScimTarget(connection(), Dialect(), transport=httpx.MockTransport(announcing)) as target:
        assert [outcome for _, outcome in target.send([update], {})] == [Applied("t1")]

    assert asked == ["GET", "GET", "PUT"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"patch": 7, "filter": []}', b"\xff"])
def test_a_broken_announcement_is_no_announcement(body: bytes):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    with ScimTarget(connection(), Dialect(), transport=transport) as target:
        assert target.discover().patch is None


# -- reading -------------------------------------------------------------------------------------


def paging(pages: list[dict]) -> Callable[[httpx.Request], httpx.Response]:
    def give(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("Config"):
            return CONFIG
        return httpx.Response(200, json=pages.pop(0) if len(pages) > 1 else pages[0])

    return give


def page(*target_ids: str, total: int | None) -> dict:
    resources = {"Resources": [{"id": one} for one in target_ids]}
    return resources if total is None else resources | {"totalResults": total}


@pytest.mark.parametrize(
    "pages",
    [
        [page("a", "b", total=3), page("c", total=3), page("never", total=3)],
        [page("a", "b", total=None), page("c", total=None), page(total=None)],
        [page("a", "b", total=4), page("b", "c", total=4)],
        [page("a", "b", "c", total=2)],
        [page("a", "b", "c", total=9), {"totalResults": 9}],
    ],
    ids=["to the total", "to an empty page", "a page that overlaps", "wrong total", "no list"],
)
def test_every_resource_is_read_once(pages: list[dict]):
    transport = httpx.MockTransport(paging(pages))
    with ScimTarget(connection(), Dialect(), transport=transport) as target:
        assert [one["id"] for one in target.read_all("User")] == ["a", "b", "c"]


def test_a_target_that_ignores_the_start_index_ends_the_reading_with_an_error():
    transport = httpx.MockTransport(paging([page("a", "b", total=40)]))
    seen = []
    with (
        ScimTarget(connection(), Dialect(), transport=transport) as target,
        pytest.raises(TargetUnavailable, match="38 resources of type User"),
    ):
        seen.extend(one["id"] for one in target.read_all("User"))

    assert seen == ["a", "b"]


# -- discretion ----------------------------------------------------------------------------------


def test_no_secret_and_no_name_reaches_a_log_or_a_message(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    refusal = {"detail": 'bad token "Bearer secret-token" for user1 <user1@corp.example>'}
    script = Script(httpx.Response(400, json=refusal))

    (outcome,) = send(script, [creation(1)], Dialect(update=UpdateDialect()))

    assert "secret" not in repr(outcome) + repr(connection())
    assert "user1" not in outcome.reason
    assert "user1" not in caplog.text
    assert "scim.example" not in caplog.text
