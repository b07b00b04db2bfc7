"""Nobody is locked out of the directory through us, however many guess at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from connector.errors import AuthenticationFailed
from connector.idp.authenticator.password import Claim
from connector.idp.flow import SendResponse
from connector.idp.reason import Reason
from connector.source.password import PasswordVerdict
from tests.idp.bench import SignOnBench, a_user, make_bench

ANN = "ann.lind@corp.example"


def guess(
    bench: SignOnBench,
    password: str,
    address: str = "192.0.2.7",
    name: str = ANN,
    device: str | None = None,
) -> str:
    claim = Claim(name, bench.people.find_login(name), password, address, device)
    try:
        bench.parts.authenticator.authenticate(claim, bench.parts.clock.now())
    except AuthenticationFailed as error:
        return error.reason
    return "accepted"


def test_after_three_failures_the_source_is_not_asked_even_with_the_right_password(bench):
    reasons = [guess(bench, f"wrong-{n}") for n in range(5)]

    assert reasons == [Reason.WRONG_PASSWORD] * 3 + [Reason.TOO_MANY_ATTEMPTS] * 2
    assert guess(bench, "Right-1") == Reason.TOO_MANY_ATTEMPTS
    assert len(bench.passwords.asked) == 3


def test_the_browser_is_told_to_wait(bench: SignOnBench):
    transaction, browser = bench.arrive()
    bench.type_email(transaction, browser, ANN)

    errors = [bench.type_password(transaction, browser, f"w{n}").error for n in range(4)]

    assert errors == ["failed", "failed", "failed", "too-many"]


def test_a_password_that_was_sent_and_not_answered_is_counted(bench: SignOnBench):
    """The directory may have counted it; only what was never sent is not."""
    bench.passwords.keeps_silent = True

    reasons = [guess(bench, "Right-1") for _ in range(4)]

    assert reasons == [Reason.PASSWORD_UNANSWERED] * 3 + [Reason.TOO_MANY_ATTEMPTS]


def test_the_browser_is_told_that_passwords_cannot_be_checked_either_way(bench: SignOnBench):
    bench.passwords.keeps_silent = True
    silent = bench.sign_in(ANN, "Right-1")
    bench.passwords.keeps_silent, bench.passwords.is_reachable = False, False

    assert (silent.error, bench.sign_in(ANN, "Right-1").error) == ("unavailable", "unavailable")


def test_an_unknown_name_is_counted_like_a_known_one(bench: SignOnBench):
    reasons = [guess(bench, f"w{n}", name="nobody@corp.example") for n in range(4)]

    assert reasons == [Reason.UNKNOWN_USER] * 3 + [Reason.TOO_MANY_ATTEMPTS]


def test_a_failure_counts_for_the_window_only(bench: SignOnBench, clock):
    for n in range(3):
        guess(bench, f"w{n}")
    clock.moment += timedelta(minutes=15)
    assert guess(bench, "Right-1") == Reason.TOO_MANY_ATTEMPTS

    clock.moment += timedelta(minutes=1)

    assert guess(bench, "Right-1") == "accepted"


def test_a_success_wipes_the_failures(bench: SignOnBench):
    for round_number in range(4):
        assert guess(bench, f"w{round_number}") == Reason.WRONG_PASSWORD
        assert guess(bench, f"v{round_number}") == Reason.WRONG_PASSWORD
        assert guess(bench, "Right-1") == "accepted"


def test_the_same_wrong_password_is_neither_asked_nor_counted_again(bench: SignOnBench):
    """A phone with the old password must not use up its owner's tries."""
    reasons = [guess(bench, "old password") for _ in range(10)]

    assert reasons == [Reason.WRONG_PASSWORD] + [Reason.SAME_WRONG_PASSWORD] * 9
    assert len(bench.passwords.asked) == 1
    assert guess(bench, "Right-1") == "accepted"


def test_a_password_that_became_right_is_asked_again_after_the_window(bench, clock):
    guess(bench, "new password")
    bench.passwords.passwords[ANN] = "new password"
    clock.moment += timedelta(minutes=16)

    assert guess(bench, "new password") == "accepted"


def test_a_right_password_of_a_closed_account_is_asked_each_time(bench: SignOnBench):
    bench.passwords.verdicts[ANN] = PasswordVerdict.ACCOUNT_DISABLED
    assert guess(bench, "Right-1") == Reason.ACCOUNT_DISABLED
    bench.passwords.verdicts.clear()

    assert guess(bench, "Right-1") == "accepted"


def test_guesses_at_many_people_from_one_network_come_to_an_end(bench: SignOnBench):
    reasons = [guess(bench, "Spring-2026", name=f"person{n}@corp.example") for n in range(31)]

    assert reasons == [Reason.UNKNOWN_USER] * 30 + [Reason.TOO_MANY_FROM_ADDRESS]
    assert guess(bench, "Right-1") == Reason.TOO_MANY_FROM_ADDRESS
    assert guess(bench, "Right-1", "198.51.100.1") == "accepted"


def test_an_ipv6_network_is_one_guesser(bench: SignOnBench):
    for n in range(30):
        guess(bench, "x", f"2001:db8::{n:x}", name=f"person{n}@corp.example")

    assert guess(bench, "Right-1", "2001:db8::ffff") == Reason.TOO_MANY_FROM_ADDRESS
    assert guess(bench, "Right-1", "2001:db8:0:1::1") == "accepted"


def test_many_guesses_at_once_reach_the_source_three_times(bench: SignOnBench):
    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(lambda n: guess(bench, f"w{n}"), range(24)))

    assert reasons.count(Reason.WRONG_PASSWORD) == 3
    assert len(bench.passwords.asked) == 3


def test_the_names_of_one_person_share_the_limit(bench: SignOnBench):
    names = ("eve@corp.example", "eve.dahl@corp.example")
    bench.people.add(a_user("eve-3", "eve.dahl@corp.example", login_names=names))

    reasons = [guess(bench, f"w{n}", name=names[n % 2]) for n in range(4)]

    assert reasons[3] == Reason.TOO_MANY_ATTEMPTS


def test_failures_outlive_a_restart(bench: SignOnBench, engine, clock):
    for n in range(3):
        guess(bench, f"w{n}")

    assert guess(make_bench(engine, clock), "Right-1") == Reason.TOO_MANY_ATTEMPTS


def test_no_password_is_kept_in_the_state(bench: SignOnBench, tmp_path):
    guess(bench, "correct horse battery staple")
    assert isinstance(bench.sign_in(ANN, "Right-1"), SendResponse)

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert b"correct horse" not in kept
    assert b"Right-1" not in kept
