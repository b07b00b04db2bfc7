"""Limits of wrong passwords: they follow the directory's own counting, and let owners through."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from connector.idp.authenticator.password import Claim
from connector.idp.factor import FactorKind
from connector.idp.lockout import Attempt, LockoutPolicy
from connector.idp.policy.points import Remembering
from connector.idp.reason import Reason
from connector.idp.store.attempts import AttemptStore
from connector.idp.store.devices import RememberedDevice
from connector.idp.transaction import digest_of
from connector.idp.view import SendResponse
from connector.source.password import PasswordVerdict
from tests.idp.bench import ADDRESS, SignOnBench, a_user, an_application, make_bench
from tests.idp.factor_bench import EMAIL, Person
from tests.idp.test_lockout import ANN, guess
from tests.parts.policies import policies

THRESHOLD, WINDOW = 5, timedelta(minutes=15)


def limited(bench: SignOnBench, **limits) -> SignOnBench:
    """Let other limits hold."""
    authenticator = bench.parts.authenticator
    lockout = replace(authenticator.lockout, **limits)
    parts = replace(bench.parts, authenticator=replace(authenticator, lockout=lockout))
    return replace(bench, flow=replace(bench.flow, parts=parts))


def remember(bench: SignOnBench, external_id: str) -> str:
    """Let somebody have a device remembered; return its cookie."""
    cookie, now = f"device of {external_id}", bench.parts.clock.now()
    ends = now + timedelta(days=30)
    device = RememberedDevice(
        digest_of(cookie), "", external_id, FactorKind.TOTP, now, now, ends, ADDRESS, ""
    )
    bench.parts.devices.remember(device)
    return cookie


@dataclass
class ActiveDirectory:
    """How a domain counts wrong passwords (MS-SAMR section 3.1.5.14.6): badPwdCount goes on
    unless none has come for the window, and locks the account when it reaches the threshold."""

    bad_count: int = 0
    bad_at: datetime = datetime(1601, 1, 1, tzinfo=UTC)
    highest: int = 0

    def refuse(self, now: datetime) -> None:
        is_over = now - self.bad_at > WINDOW
        self.bad_count = 1 if is_over else self.bad_count + 1
        self.bad_at, self.highest = now, max(self.highest, self.bad_count)


@pytest.mark.parametrize("seed", range(12))
def test_whoever_guesses_at_whatever_pace_locks_nobody(bench: SignOnBench, clock, seed: int):
    """Also while the owner errs, at two devices that were remembered."""
    chance, directory = random.Random(seed), ActiveDirectory()
    name = f"person{seed}@corp.example"
    bench.people.add(a_user(name, name))
    devices = [remember(bench, name), None, None]
    minutes = (0, 0.1, 3, 7, 10, 14, 14.99, 15, 15.5, 16)
    asked = 0
    for number in range(60):
        clock.moment += timedelta(minutes=chance.choice(minutes))
        guess(bench, f"w{number}", name=name, device=chance.choice(devices))
        if len(bench.passwords.asked) > asked:
            asked += 1
            # It has counted a little later than we did.
            directory.refuse(clock.moment + timedelta(seconds=chance.choice((0, 20))))

    assert 10 < asked < 50
    assert directory.highest < THRESHOLD


def test_a_wrong_code_of_somebody_makes_no_wrong_password_forgotten(bench: SignOnBench, clock):
    bench = limited(bench, window=timedelta(minutes=60))
    for number in range(3):
        guess(bench, f"w{number}")
    clock.moment += timedelta(minutes=40)

    other = Attempt("factor:bob-2", ADDRESS, clock.moment, b"")
    bench.parts.authenticator.attempts.take_attempt(other, LockoutPolicy())

    assert guess(bench, "Right-1") == Reason.TOO_MANY_ATTEMPTS


def test_a_flood_keeps_strangers_out_and_owners_not(bench: SignOnBench):
    bench = limited(bench, overall_count=40)
    device = remember(bench, "ann-1")
    for number in range(40):
        address = f"198.51.100.{number}"
        assert guess(bench, "x", address, f"nobody{number}@corp.example") == Reason.UNKNOWN_USER

    assert guess(bench, "Right-1") == Reason.TOO_MANY_OVERALL
    assert guess(bench, "Right-1", device=device) == "accepted"
    assert guess(bench, "Right-1", device=device) == "accepted"


def test_a_flood_ends_with_the_window_and_a_right_password_is_no_part_of_it(bench, clock):
    bench = limited(bench, overall_count=3)
    for number in range(5):
        assert guess(bench, "Right-1", f"198.51.100.{number}") == "accepted"
    for number in range(3):
        guess(bench, "x", name=f"nobody{number}@corp.example")
        clock.moment += timedelta(minutes=2)
    assert guess(bench, "Right-1") == Reason.TOO_MANY_OVERALL

    clock.moment += timedelta(minutes=9)

    assert guess(bench, "Right-1") == "accepted"


def test_during_a_flood_a_passkey_lets_in(engine, clock):
    says = policies(None, remembered_devices=Remembering.SHARED)
    bench = make_bench(engine, clock, an_application(), policies=says)
    ann = Person(bench)
    ann.sign_in()
    assert isinstance(ann.enrol_passkey(), SendResponse)
    ann.sso, ann.browser = None, None
    ann.bench = limited(bench, overall_count=1)
    guess(bench, "x", name="nobody@corp.example")
    ann.arrive()
    assert ann.type_password().error == "too-many"

    assert isinstance(ann.use_passkey_first(), SendResponse)


# How long one has to wait


def wait(bench: SignOnBench, address: str = ADDRESS, name: str = ANN) -> float:
    user = bench.people.find_login(name)
    claim = Claim(name, user, "", address)
    return bench.parts.authenticator.wait(claim, bench.parts.clock.now()) / timedelta(minutes=1)


def test_nobody_waits_for_nothing(bench: SignOnBench):
    guess(bench, "x")

    assert wait(bench) == 0


def test_an_account_is_open_when_all_its_failures_are_forgotten(bench: SignOnBench, clock):
    for number in range(3):
        guess(bench, f"w{number}")
        clock.moment += timedelta(minutes=5)

    assert wait(bench) == 11
    clock.moment += timedelta(minutes=11)
    assert guess(bench, "Right-1") == "accepted"


def test_an_address_is_open_when_its_oldest_failure_is_forgotten(bench: SignOnBench, clock):
    for number in range(30):
        guess(bench, "x", name=f"nobody{number}@corp.example")
        clock.moment += timedelta(seconds=10)

    assert wait(bench) == 10
    assert wait(bench, "198.51.100.1") == 0
    clock.moment += timedelta(minutes=10)
    assert guess(bench, "Right-1") == "accepted"


def test_the_longest_of_several_is_waited_for(bench: SignOnBench, clock):
    bench = limited(bench, network_count=3, overall_count=3)
    guess(bench, "w0")
    clock.moment += timedelta(minutes=4)
    guess(bench, "w1")
    guess(bench, "w2")

    assert wait(bench) == 16
    assert wait(bench, name="nobody@corp.example") == 11


def test_the_page_says_how_long(bench: SignOnBench, clock):
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, EMAIL)
    for number in range(4):
        view = bench.type_password(transaction, browser, f"w{number}")
    assert (view.error, view.wait) == ("too-many", timedelta(minutes=16))


# What an operator reads


def told(logs) -> list[tuple[str, str]]:
    return [(one["reason"], one["subject"]) for one in logs if one["event"] == "login.limited"]


def test_the_log_says_once_that_a_limit_holds(bench: SignOnBench, clock):
    bench = limited(bench, overall_count=60)
    with capture_logs() as logs:
        for number in range(120):
            guess(bench, f"w{number}", f"198.51.100.{number // 50}", f"nobody{number}@corp.example")

    assert told(logs) == [
        (Reason.TOO_MANY_FROM_ADDRESS, "198.51.100.0"),
        (Reason.TOO_MANY_FROM_ADDRESS, "198.51.100.1"),
        (Reason.TOO_MANY_OVERALL, ""),
    ]


def test_a_limit_that_holds_on_is_not_said_again_and_a_new_one_is(bench: SignOnBench, clock):
    bench = limited(bench, overall_count=10)
    with capture_logs() as logs:
        for number in range(200):  # an attempt is let through now and then
            guess(bench, "x", f"2001:db8:{number:x}::1", f"nobody{number}@corp.example")
            clock.moment += timedelta(minutes=1)
        assert len(told(logs)) == 1
        clock.moment += timedelta(minutes=16)
        for number in range(20):
            guess(bench, "y", f"2001:db8:{number:x}::1", f"nobody{number}@corp.example")

    assert len(told(logs)) == 2


def test_the_log_names_the_person_and_no_name_that_was_typed(bench: SignOnBench):
    with capture_logs() as logs:
        for number in range(5):
            guess(bench, f"w{number}")
            guess(bench, f"w{number}", name="nobody@corp.example")

    assert told(logs) == [(Reason.TOO_MANY_ATTEMPTS, "ann-1")]


def test_a_closed_account_is_limited_like_any_other(bench: SignOnBench):
    bench.passwords.verdicts[ANN] = PasswordVerdict.LOCKED_OUT

    assert [guess(bench, "Right-1") for _ in range(4)][-1] == Reason.TOO_MANY_ATTEMPTS


def test_limits_are_found_in_one_statement_that_no_number_of_rows_makes_slow(sqlite_engine):
    """Nothing is counted one by one, nor looked for in rows that are of others."""
    store, statements, plans = AttemptStore(sqlite_engine), [], []

    def explain(connection, cursor, statement, parameters, context, many) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE")):
            statements.append(statement)
            found = connection.connection.driver_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            plans.extend(row[3] for row in found)

    event.listen(sqlite_engine, "before_cursor_execute", explain)
    store.take_attempt(Attempt("ann-1", ADDRESS, datetime.now(UTC), b"x"), LockoutPolicy())

    assert len([one for one in statements if one.startswith("SELECT")]) == 1
    looked = [plan for plan in plans if "password_attempt" in plan]
    assert len(looked) >= 6
    assert [plan for plan in looked if not plan.startswith("SEARCH")] == []
