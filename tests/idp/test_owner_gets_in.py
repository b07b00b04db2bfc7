"""Whoever guesses somebody's password keeps nobody out, and locks nobody in the directory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import AuthenticationFailed
from connector.idp.authenticator.password import Claim
from connector.idp.flow import AskPassword, SendResponse
from connector.idp.policy.points import Remembering
from connector.idp.reason import Reason
from connector.idp.transaction import digest_of
from tests.idp.bench import make_bench
from tests.idp.factor_bench import EMAIL, PASSWORD, Person
from tests.parts.policies import policies

ELSEWHERE = "198.51.100.66"


@pytest.fixture
def ann(engine, clock) -> Person:
    """Ann, who has a passkey and has had this device remembered."""
    ann = Person(
        make_bench(engine, clock, policies=policies(remembered_devices=Remembering.SHARED))
    )
    ann.sign_in()
    ann.enrol_passkey()
    remember_device(ann)
    return ann


def remember_device(ann: Person) -> str:
    """Sign in anew, have the device remembered, and sign out; return its cookie."""
    ann.sso = ann.device = None
    ann.sign_in()
    assert isinstance(ann.use_passkey(remembers=True), SendResponse)
    ann.sso = None
    assert ann.device
    return ann.device


def guess(ann: Person, password: str, device: str | None = None, address: str = ELSEWHERE) -> str:
    claim = Claim(EMAIL, ann.bench.people.find_login(EMAIL), password, address, device)
    try:
        ann.bench.parts.authenticator.authenticate(claim, ann.bench.parts.clock.now())
    except AuthenticationFailed as error:
        return error.reason
    return "accepted"


def use_up(ann: Person) -> None:
    """Guess until no password is tried any more."""
    for number in range(5):
        guess(ann, f"guess {number}")
    ann.bench.passwords.asked.clear()
    assert guess(ann, PASSWORD) == Reason.TOO_MANY_ATTEMPTS
    assert ann.bench.passwords.asked == []


def test_a_passkey_lets_the_owner_in(ann):
    use_up(ann)
    ann.device = None

    ann.arrive()

    assert isinstance(ann.use_passkey_first(), SendResponse)


def test_without_either_the_owner_waits(ann):
    use_up(ann)
    ann.device = None

    view = ann.sign_in()

    assert isinstance(view, AskPassword)
    assert view.error == "too-many"


def test_a_remembered_device_has_a_try_of_its_own(ann):
    use_up(ann)

    assert isinstance(ann.sign_in(), SendResponse)
    assert ann.bench.passwords.asked == [(EMAIL, PASSWORD)]


def test_it_has_one_and_no_more_so_that_the_directory_locks_nobody(ann):
    """Three tries and this one: four, where a domain usually locks at five."""
    use_up(ann)
    device = ann.device

    reasons = [guess(ann, f"other {number}", device) for number in range(3)]

    assert reasons == [Reason.WRONG_PASSWORD, *2 * [Reason.TOO_MANY_ATTEMPTS]]
    assert guess(ann, PASSWORD, device) == Reason.TOO_MANY_ATTEMPTS
    assert len(ann.bench.passwords.asked) == 1


def test_two_remembered_devices_have_no_more_tries_than_one(ann):
    devices = [ann.device, remember_device(ann)]
    use_up(ann)

    reasons = [guess(ann, f"other {number}", devices[number % 2]) for number in range(4)]

    assert reasons.count(Reason.WRONG_PASSWORD) == 1
    assert len(ann.bench.passwords.asked) == 1


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's", "forgotten"])
def test_a_device_that_is_not_the_owners_has_no_try(ann, whose):
    use_up(ann)
    device, parts = ann.device, ann.bench.parts
    if whose == "nobody's":
        device = "x" * 43
    if whose == "somebody else's":
        (kept,) = parts.devices.of_person("ann-1", parts.clock.now())
        parts.devices.forget("ann-1")
        parts.devices.remember(replace(kept, external_id="bob-2"))
    if whose == "forgotten":
        parts.devices.forget("ann-1", digest_of(device))

    assert guess(ann, PASSWORD, device) == Reason.TOO_MANY_ATTEMPTS
    assert ann.bench.passwords.asked == []


def test_the_right_password_in_a_remembered_device_begins_both_counts_anew(ann):
    for _ in range(2):
        use_up(ann)
        assert isinstance(ann.sign_in(), SendResponse)
        ann.sso = None

    assert guess(ann, PASSWORD) == "accepted"


def test_where_a_network_has_tried_too_much_a_remembered_device_still_gets_in(ann):
    for number in range(31):
        claim = Claim(f"p{number}@corp.example", None, "x", ann.address)
        with pytest.raises(AuthenticationFailed):
            ann.bench.parts.authenticator.authenticate(claim, ann.bench.parts.clock.now())
    assert guess(ann, PASSWORD, address=ann.address) == Reason.TOO_MANY_FROM_ADDRESS

    assert isinstance(ann.sign_in(), SendResponse)
