"""A name that nobody has is refused as a wrong password is: by the same server, as slowly."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from connector.errors import SourceUnavailable
from connector.source.file_password import FilePasswordCheck
from connector.source.ldap_password import LdapPasswordCheck
from connector.source.pace import Pace
from connector.source.password import PasswordVerdict
from connector.source.stored_password import matches, store_password

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = (49, "80090308: LdapErr: DSID-0C0903A9, comment: error, data 52e, v1db1")
ROSTER = 'domain = "corp.test"\n\n'
PERSON = """
[[person]]
login = "{login}"
{more}
"""


@pytest.mark.parametrize("choice", [0, 1])
def test_an_unknown_name_waits_as_long_as_one_of_the_latest_refusals(choice: int):
    moments, waits = iter([10.0, 10.5, 20.0, 20.25, 30.0, 31.0]), []
    pace = Pace(lambda count: max(count - 2 + choice, 0), lambda: next(moments), waits.append)
    pace.refused(pace.begin())
    pace.refused(pace.begin())

    pace.pretend()

    assert waits == [[0.5, 0.25][choice]]


def test_whoever_is_woken_late_waits_so_much_less_the_next_time():
    moments, waits = iter([10.0, 10.5, 20.0, 20.75, 30.0, 30.25]), []
    pace = Pace(lambda count: count - 1, lambda: next(moments), waits.append)
    pace.refused(pace.begin())

    pace.pretend()
    pace.pretend()

    assert waits == [0.5, 0.25]


def check_of(fake, waits: list[float], **overrides) -> LdapPasswordCheck:
    moments = itertools.count(10.0, 0.5)
    pace = Pace(lambda count: count - 1, lambda: next(moments), waits.append)
    return LdapPasswordCheck(fake.source_settings(**overrides), pace=pace)


def test_what_the_server_takes_to_refuse_is_waited_for_on_a_connection_to_it(fake):
    waits: list[float] = []
    check = check_of(fake, waits)
    fake.bind_answer = WRONG
    check.check("anna@fake.test", "wrong")

    check.refuse()

    assert waits == [0.5]
    # The other has carried no bind, and is closed like the first.
    assert (fake.connection_count, fake.bind_count) == (2, 1)


def test_a_password_that_cannot_be_sent_takes_as_long(fake):
    """At once, it would tell that somebody has the name."""
    waits: list[float] = []
    check = check_of(fake, waits)

    assert check.check("anna@fake.test", "a\0b") is PasswordVerdict.WRONG_PASSWORD

    assert (len(waits), fake.connection_count, fake.bind_count) == (1, 1, 0)


def test_the_connection_that_is_ready_is_used_up_by_whoever_comes(fake):
    """Otherwise it would be there for the next one only if the last one was nobody."""
    waits: list[float] = []
    check = check_of(fake, waits)
    check.prepare()

    check.refuse()
    fake.bind_answer = WRONG
    check.check("anna@fake.test", "wrong")

    assert fake.connection_count == 2


def test_an_outage_does_not_tell_who_exists(fake):
    waits: list[float] = []
    check = check_of(fake, waits)
    fake.close()

    with pytest.raises(SourceUnavailable):
        check.refuse()
    with pytest.raises(SourceUnavailable):
        check.check("anna@fake.test", "secret")
    assert waits == []


@pytest.mark.parametrize("login", ["locked", "none", "nobody"])
def test_a_directory_in_a_file_compares_a_password_in_any_case(tmp_path, login: str):
    """scrypt takes its time, which nothing else in it does."""
    stored = store_password("Northwind.1", b"salt of a test")
    file = tmp_path / "company.toml"
    people = PERSON.format(login="locked", more=f'password = "{stored}"\nlocked = true')
    file.write_text(ROSTER + people + PERSON.format(login="none", more=""))
    check = FilePasswordCheck(file)

    compared = spent(lambda: matches("wrong", stored))
    refused = spent(check.refuse if login == "nobody" else lambda: check.check(login, "wrong"))

    assert refused > compared / 2


def spent(call: Callable[[], object]) -> float:
    """Return the processor time that it takes."""
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def test_a_file_that_cannot_be_read_does_not_tell_who_exists(tmp_path):
    with pytest.raises(SourceUnavailable):
        FilePasswordCheck(tmp_path / "company.toml").refuse()
