"""A connection opened ahead carries one bind, and never costs anybody one."""

from __future__ import annotations

import re
import threading
import time

import pytest

from connector.errors import SourceUnavailable
from connector.source.ldap import LdapConnection
from connector.source.ldap_password import LdapPasswordCheck
from connector.source.ldap_tls import to_servers
from connector.source.password import PasswordVerdict
from connector.source.spare import COMING_SECONDS, Spare

WRONG = (49, "80090308: LdapErr: DSID-0C0903A9, comment: error, data 52e, v1db1")


def prepared(fake, **overrides):
    """A check with a connection ready."""
    check = LdapPasswordCheck(fake.source_settings(**overrides))
    check.prepare()
    # By TLS 1.3 we are done before the server is.
    _await(lambda: fake.open_count == 1 and check._spare._ready is not None)
    return check


def test_a_password_goes_over_the_connection_that_is_ready(fake):
    check = prepared(fake)

    assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED

    assert (fake.connection_count, fake.bind_count) == (1, 1)


def test_a_connection_carries_one_password_only(fake):
    """It would carry the identity of whoever came before."""
    check = prepared(fake)
    fake.bind_answer = WRONG

    check.check("anna@fake.test", "wrong")
    check.check("ben@fake.test", "wrong")

    assert (fake.connection_count, fake.bind_count) == (2, 2)


def test_nobody_is_bound_while_it_waits(fake):
    check = prepared(fake)

    assert fake.bind_count == 0
    check.close()


def test_one_is_opened_however_many_ask_for_it(fake):
    check = LdapPasswordCheck(fake.source_settings())
    asking = [threading.Thread(target=check.prepare) for _ in range(20)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    _await(lambda: check._spare._ready is not None)

    assert fake.connection_count == 1
    check.close()


def test_one_that_the_server_gave_up_costs_no_bind(fake):
    check = prepared(fake)
    fake.hang_up()

    assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED
    assert (fake.connection_count, fake.bind_count) == (2, 1)


def test_one_that_a_firewall_cut_in_silence_costs_less_than_a_second(fake):
    check = prepared(fake)
    fake.fall_silent()
    begun = time.monotonic()

    assert check.check("anna@fake.test", "secret") is PasswordVerdict.ACCEPTED
    assert time.monotonic() - begun < 1
    assert (fake.connection_count, fake.bind_count) == (2, 1)


def test_who_is_faster_than_it_opens_waits_for_it(fake):
    servers = to_servers(fake.source_settings())
    may_open = threading.Event()

    def connect():
        may_open.wait(10)
        return LdapConnection(servers.endpoints[0], servers)

    spare = Spare(connect)
    spare.prepare()
    threading.Timer(0.05, may_open.set).start()
    taken = spare.take()

    assert taken is not None
    taken.close()


def test_one_that_does_not_come_is_not_waited_for_long(fake):
    """Nor by more than one: each of the others opens their own."""
    may_open = threading.Event()

    def connect():
        may_open.wait(10)
        raise SourceUnavailable("too late")

    spare = Spare(connect)
    spare.prepare()
    begun = time.monotonic()
    takers = [threading.Thread(target=spare.take) for _ in range(3)]
    for one in takers:
        one.start()
    for one in takers:
        one.join()
    taken = time.monotonic() - begun
    may_open.set()

    assert COMING_SECONDS <= taken < 2 * COMING_SECONDS


def test_one_that_nobody_takes_is_closed(fake):
    servers = to_servers(fake.source_settings())
    opened = []

    def connect():
        opened.append(LdapConnection(servers.endpoints[0], servers))
        return opened[-1]

    spare = Spare(connect, kept_seconds=0.01)
    spare.prepare()
    _await(lambda: opened and opened[0]._library.closed)

    assert spare.take() is None
    spare.prepare()
    _await(lambda: len(opened) == 2)


def test_a_server_that_is_down_when_it_is_opened_says_so_at_the_login(fake):
    settings = fake.source_settings(servers=("ldaps://127.0.0.1:9",))
    check = LdapPasswordCheck(settings)
    check.prepare()

    with pytest.raises(SourceUnavailable, match=re.escape("127.0.0.1:9")):
        check.check("anna@fake.test", "secret")


def test_a_busy_answer_on_it_leads_to_another_connection(fake):
    check = prepared(fake)
    fake.bind_answer = (51, "busy")

    with pytest.raises(SourceUnavailable, match="busy"):
        check.check("anna@fake.test", "secret")

    assert fake.bind_count == 2


def _await(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)
