"""Each process follows what was decided, within seconds and at the price of one number."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from connector.idp.keys.certificate import to_one_line
from connector.idp.keys.inventory import KeyInventory, KeyRefused
from connector.idp.keys.ring import AGE_LIMIT_SECONDS, KeyRing
from connector.idp.keys.rollover import activate_for, retire, stage
from connector.idp.keys.seal import Seal, SealRefused
from state.errors import StateError
from tests.idp.bench import NOW
from tests.idp.keyring import SEAL, KeysInMemory, Stopwatch, a_key, an_inventory

OTHER_SEAL = Seal("file other", bytes(32))


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def kept() -> KeysInMemory:
    return KeysInMemory(an_inventory(a_key()))


@pytest.fixture
def ring(kept: KeysInMemory, stopwatch: Stopwatch) -> KeyRing:
    return KeyRing(kept, SEAL, stopwatch=stopwatch)


def certificate(key) -> str:
    return to_one_line(key.certificate)


def test_a_change_is_known_when_the_age_limit_is_over_and_not_before(ring, kept, stopwatch):
    active, following = kept.inventory.keys
    assert ring.key_for("wiki").certificate == certificate(active)

    kept.activate(following)
    stopwatch.seconds += AGE_LIMIT_SECONDS - 0.1
    assert ring.key_for("wiki").certificate == certificate(active)
    stopwatch.seconds += 0.2
    assert ring.key_for("wiki").certificate == certificate(following)


def test_logins_cost_no_query_and_a_look_costs_one_number(ring, kept, stopwatch):
    assert (kept.versions_asked, kept.loads) == (0, 1)
    for _ in range(1000):
        ring.key_for("wiki")
    assert (kept.versions_asked, kept.loads) == (0, 1)

    for _ in range(10):
        stopwatch.seconds += AGE_LIMIT_SECONDS
        ring.key_for("wiki")
        ring.published("wiki")

    assert (kept.versions_asked, kept.loads) == (10, 1)


def test_an_application_may_have_a_key_of_its_own(ring, kept, stopwatch):
    active, following = kept.inventory.keys
    kept.change(lambda found: activate_for(found, following, ["wiki"], NOW))
    stopwatch.seconds += AGE_LIMIT_SECONDS

    assert ring.key_for("wiki").certificate == certificate(following)
    assert ring.key_for("intranet").certificate == certificate(active)
    assert ring.key_for("").certificate == certificate(active)
    shown = ring.published("wiki")
    assert shown.signing.certificate == certificate(following)
    assert list(shown.certificates) == [following.fingerprint, active.fingerprint]
    assert list(ring.published().certificates) == [active.fingerprint, following.fingerprint]


def test_what_is_retired_is_shown_no_more(ring, kept, stopwatch):
    active, following = kept.inventory.keys
    kept.activate(following)
    former = kept.inventory.find(active.fingerprint)
    kept.change(lambda found: retire(found, former, NOW, slugs=(), settling=timedelta(0)))
    stopwatch.seconds += AGE_LIMIT_SECONDS

    assert list(ring.published().certificates) == [following.fingerprint]


def test_one_thread_looks_and_the_others_go_on_meanwhile(stopwatch):
    kept = SlowKeys()
    ring = KeyRing(kept, SEAL, stopwatch=stopwatch)
    stopwatch.seconds += AGE_LIMIT_SECONDS
    looking = threading.Thread(target=ring.key_for, args=("wiki",))
    looking.start()
    assert kept.is_asked.wait(10)

    assert ring.key_for("wiki"), "who is not the one to look is not held up"

    kept.may_answer.set()
    looking.join(10)
    assert kept.versions_asked == 1


class SlowKeys(KeysInMemory):
    """A database that takes its time to tell the version."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def version(self) -> int:
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return super().version()


def test_a_key_that_cannot_be_opened_is_said_once_and_the_former_goes_on(ring, kept, stopwatch):
    active = kept.inventory.active
    foreign = a_key(seal=OTHER_SEAL)
    kept.change(lambda found: stage(found, foreign))
    kept.activate(foreign)

    with structlog.testing.capture_logs() as log:
        for _ in range(3):
            stopwatch.seconds += AGE_LIMIT_SECONDS
            assert ring.key_for("wiki").certificate == certificate(active)
            assert ring.published().signing.certificate == certificate(active)

    assert [entry["event"] for entry in log] == ["key.unusable"]
    assert f"does not open the signing key {foreign.short}" in log[0]["reason"]
    with pytest.raises(SealRefused):
        KeyRing(kept, SEAL, stopwatch=stopwatch)


def test_a_staged_key_need_not_be_opened_to_be_shown(ring, kept, stopwatch):
    foreign = a_key(seal=OTHER_SEAL)
    kept.change(lambda found: stage(found, foreign))
    stopwatch.seconds += AGE_LIMIT_SECONDS

    assert foreign.fingerprint in ring.published().certificates


def test_a_key_stays_open_when_it_is_sealed_anew(ring, kept, stopwatch):
    active = kept.inventory.active
    resealed = tuple(
        replace(key, sealed=OTHER_SEAL.close(b"x", key.place, bytes)) for key in kept.inventory.keys
    )
    kept.change(lambda found: replace(found, keys=resealed))
    stopwatch.seconds += AGE_LIMIT_SECONDS

    assert ring.key_for("wiki").certificate == certificate(active)


def test_a_change_is_in_the_log_with_the_key_that_signs_now(ring, kept, stopwatch):
    _, following = kept.inventory.keys
    kept.activate(following)
    stopwatch.seconds += AGE_LIMIT_SECONDS

    with structlog.testing.capture_logs() as log:
        ring.key_for("wiki")
        ring.key_for("wiki")

    assert [(entry["event"], entry["key"]) for entry in log] == [("key.changed", following.short)]


def test_a_database_that_does_not_answer_is_an_error_and_the_next_look_tries_again(stopwatch):
    kept = BrokenKeys()
    ring = KeyRing(kept, SEAL, stopwatch=stopwatch)
    stopwatch.seconds += AGE_LIMIT_SECONDS

    kept.is_broken = True
    with pytest.raises(StateError):
        ring.key_for("wiki")
    kept.is_broken = False
    assert ring.key_for("wiki")


class BrokenKeys(KeysInMemory):
    """A database that goes away."""

    is_broken = False

    def version(self) -> int:
        if self.is_broken:
            raise StateError("the state database cannot be used: gone")
        return super().version()


def test_without_any_key_nothing_signs(stopwatch):
    with pytest.raises(KeyRefused, match="no active signing key"):
        KeyRing(KeysInMemory(KeyInventory()), SEAL, stopwatch=stopwatch)
