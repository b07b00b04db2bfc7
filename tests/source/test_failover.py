"""A login finds a server within a second, whichever of them fail, and asks exactly one."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from connector.errors import SourceUnavailable
from connector.source.connecting import STUCK_SECONDS, LoginServers
from connector.source.ldap import LdapConnection
from connector.source.ldap_password import LdapPasswordCheck
from connector.source.ldap_tls import to_servers
from connector.source.password import PasswordUnanswered, PasswordVerdict
from tests.parts.ldap_fake import FakeLdap
from tests.parts.tls_server import HOST, TlsServer
from tests.source.reading import read

WRONG = (49, "80090308: LdapErr: DSID-0C0903A9, comment: error, data 52e, v1db1")


@pytest.fixture
def other(tmp_path):
    """A second directory."""
    folder = tmp_path / "other"
    folder.mkdir()
    directory = FakeLdap(folder)
    yield directory
    directory.close()


def settings_of(*servers, ca_files=(), **overrides):
    """Settings of several servers, whose authorities are all believed."""
    first = next(one for one in servers if isinstance(one, FakeLdap))
    fakes = [one for one in servers if isinstance(one, FakeLdap)]
    joined = first.ca_file.with_name("all.pem")
    files = [*(fake.ca_file for fake in fakes), *ca_files]
    joined.write_bytes(b"".join(file.read_bytes() for file in files))
    urls = tuple(one.url if isinstance(one, FakeLdap) else one for one in servers)
    return first.source_settings(servers=urls, ca_file=joined, **overrides)


@contextmanager
def refusing(tmp_path):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    yield f"ldaps://{HOST}:{port}"


@contextmanager
def without_a_name(tmp_path):
    yield "ldaps://nowhere.invalid"


@contextmanager
def swallowing_every_packet(tmp_path):
    """A queue that is full: what else comes in is dropped, as a firewall does."""
    with socket.create_server((HOST, 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = []
        while True:
            one = socket.socket()
            waiting.append(one)
            one.settimeout(0.1)
            try:
                one.connect(address)
            except TimeoutError:
                break
        yield f"ldaps://{HOST}:{address[1]}"
        for one in waiting:
            one.close()


@contextmanager
def hanging_before_tls(tmp_path):
    with socket.create_server((HOST, 0)) as listener:
        yield f"ldaps://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def hanging_before_start_tls(tmp_path):
    with socket.create_server((HOST, 0)) as listener:
        yield f"ldap://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def speaking_something_else(tmp_path):
    server = TlsServer(_folder(tmp_path), lambda c: c.sendall(b"220 ready\r\n"), is_tls=False)
    yield f"ldaps://{HOST}:{server.port}"
    server.close()


@contextmanager
def hanging_up_at_once(tmp_path):
    server = TlsServer(_folder(tmp_path), lambda _: None, is_tls=False)
    yield f"ldaps://{HOST}:{server.port}"
    server.close()


@contextmanager
def with_a_foreign_certificate(tmp_path):
    server = TlsServer(_folder(tmp_path), lambda _: None)
    yield f"ldaps://{HOST}:{server.port}"
    server.close()


FAILINGS = [
    refusing,
    without_a_name,
    swallowing_every_packet,
    hanging_before_tls,
    hanging_before_start_tls,
    speaking_something_else,
    hanging_up_at_once,
    with_a_foreign_certificate,
]


@pytest.mark.parametrize("failing", FAILINGS)
def test_a_first_server_that_fails_costs_less_than_a_second(fake, failing, tmp_path):
    with failing(tmp_path) as url:
        check = LdapPasswordCheck(settings_of(url, fake))
        begun = time.monotonic()
        assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED
        taken = time.monotonic() - begun

    assert taken < 1
    assert fake.bind_count == 1


def test_two_servers_that_hang_cost_less_than_a_second(fake, tmp_path):
    with hanging_before_tls(tmp_path) as first, swallowing_every_packet(tmp_path) as second:
        check = LdapPasswordCheck(settings_of(first, second, fake))
        begun = time.monotonic()
        check.check("anna@fake.test", "secret")

        assert time.monotonic() - begun < 1


def test_a_busy_server_is_passed_over_within_a_second(fake, other):
    fake.bind_answer = (51, "busy")
    check = LdapPasswordCheck(settings_of(fake, other))

    assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED
    assert (fake.bind_count, other.bind_count) == (1, 1)


def test_a_server_that_failed_is_tried_last_for_a_minute(fake, other):
    fake.bind_answer = (51, "busy")
    servers, seconds = _servers(fake, other)

    asked = [_ask(servers) for _ in range(3)]
    fake.bind_answer = (0, "")
    asked.append(_ask(servers))
    seconds[0] += 61
    asked.append(_ask(servers))

    assert asked == [other.url] * 4 + [fake.url]
    assert fake.bind_count == 2


def test_a_server_that_failed_is_still_asked_when_all_others_fail(fake, other):
    fake.bind_answer = (51, "busy")
    servers, _ = _servers(fake, other)
    _ask(servers)
    fake.bind_answer, other.bind_answer = (0, ""), (52, "unavailable")

    assert _ask(servers) == fake.url
    assert _ask(servers) == fake.url
    assert other.bind_count == 2  # the second time it was the one to be tried last


def test_a_slow_server_gets_all_the_time_there_is_when_no_other_answers(tmp_path, fake):
    """Late is better than never: a line may be slow, and it is the only one."""

    def wait(channel):
        time.sleep(0.6)  # longer than the quick round waits
        with server.context.wrap_socket(channel, server_side=True) as inside:
            fake._serve(inside)

    server = TlsServer(_folder(tmp_path), wait, is_tls=False)
    with refusing(tmp_path) as dead:
        check = LdapPasswordCheck(
            settings_of(f"ldaps://{HOST}:{server.port}", dead, fake, ca_files=[server.ca_file])
        )
        fake.bind_answer = (51, "busy")
        with pytest.raises(SourceUnavailable):
            check.check("anna@fake.test", "secret")
    server.close()

    assert fake.bind_count == 2  # over its own connection, and over the slow line


def test_one_wrong_password_is_one_bind_over_all_servers(fake, other):
    fake.bind_answer = other.bind_answer = WRONG
    check = LdapPasswordCheck(settings_of(fake, other, fake, other))

    assert check.check("anna@fake.test", "wrong") is PasswordVerdict.WRONG_PASSWORD
    assert fake.bind_count + other.bind_count == 1


def test_no_other_server_is_asked_when_one_keeps_silent_about_a_password(fake, other):
    """It may have counted it already; the next login goes to the other one."""
    fake.bind_answer = None
    check = LdapPasswordCheck(settings_of(fake, other, timeout="1s"))

    with pytest.raises(PasswordUnanswered):
        check.check("anna@fake.test", "wrong")
    assert (fake.bind_count, other.bind_count) == (1, 0)

    assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED
    assert (fake.bind_count, other.bind_count) == (1, 1)


def test_a_server_that_owes_an_answer_is_left_alone_by_others(fake, other):
    """Otherwise everybody would wait at a hanging one until the first has lost patience."""
    fake.bind_answer = None
    check = LdapPasswordCheck(settings_of(fake, other, timeout="2s"))
    with ThreadPoolExecutor() as pool:
        stuck = pool.submit(check.check, "anna@fake.test", "secret")
        _await(lambda: fake.bind_count == 1)
        time.sleep(STUCK_SECONDS)

        assert check.check("ben@fake.test", "secret") is PasswordVerdict.ACCEPTED
        assert (fake.bind_count, other.bind_count) == (1, 1)
        assert isinstance(stuck.exception(), PasswordUnanswered)


def test_a_read_goes_to_the_next_server_when_one_keeps_silent(fake, other):
    """Our own password is known to be right, and nobody is locked out by saying it twice."""
    fake.bind_answer = None
    other.add_user("anna")

    reading = read(settings_of(fake, other, timeout="1s"))

    assert len(reading.users) == 1
    assert fake.bind_count == 1


def test_each_address_of_a_name_is_a_server_of_its_own(fake):
    """A domain's name leads to all its controllers: the dead one is not waited for twice."""
    servers = to_servers(fake.source_settings())
    (endpoint,) = servers.endpoints
    with socket.create_server(("127.0.0.2", 0)) as silent:
        addresses = [silent.getsockname(), (HOST, endpoint.port)]
        ways = tuple(
            replace(endpoint, address=(socket.AF_INET, socket.SOCK_STREAM, 0, address))
            for address in addresses
        )
        known = LoginServers(replace(servers, endpoints=ways))
        assert {_ask(known), _ask(known), _ask(known)} == {fake.url}
        silent.settimeout(1)
        silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()

    assert fake.bind_count == 3


def test_the_reasons_of_all_servers_are_told(fake, tmp_path):
    fake.bind_answer = (51, "busy")
    with refusing(tmp_path) as dead, without_a_name(tmp_path) as nameless:
        check = LdapPasswordCheck(settings_of(dead, nameless, fake))
        with pytest.raises(SourceUnavailable) as caught:
            check.check("anna@fake.test", "s3cret-word")

    for words in (dead, nameless, fake.url, "refused", "cannot be resolved", "busy"):
        assert words in str(caught.value)
    assert "s3cret-word" not in str(caught.value)


def _servers(*fakes):
    """The servers with a watch of their own, which the test moves."""
    seconds = [1000.0]
    return LoginServers(to_servers(settings_of(*fakes)), lambda: seconds[0]), seconds


def _ask(servers):
    def bind(connection: LdapConnection):
        return connection.bind("anna@fake.test", "secret")

    connection, _ = servers.connect(bind)
    connection.close()
    return connection.endpoint.url


def _folder(tmp_path):
    folder = tmp_path / "failing"
    folder.mkdir()
    return folder


def _await(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)
