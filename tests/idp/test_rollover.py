"""What may be done to signing keys, step by step, and what may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.idp.keys.expiry import WARNING, ending, next_step, words_of_end
from connector.idp.keys.inventory import KeyInventory, KeyRefused, KeyState
from connector.idp.keys.rollover import (
    activate,
    activate_for,
    choose_staged,
    reseal,
    retire,
    retire_lost,
    stage,
)
from tests.idp.bench import NOW
from tests.idp.keyring import OTHER, SEAL, a_key, an_inventory, number_bytes

SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
SETTLING = timedelta(minutes=5)
SLUGS = ("intranet", "mimecast", "wiki")


@pytest.fixture
def staged():
    """An inventory with an active and a staged key."""
    return an_inventory(a_key())


def parts(inventory: KeyInventory):
    """Return the active and the staged key."""
    return inventory.active, choose_staged(inventory)


def signers(inventory: KeyInventory) -> dict[str, str]:
    return {slug: inventory.of_application(slug).fingerprint for slug in SLUGS}


def states(inventory: KeyInventory) -> dict[str, str]:
    return {key.fingerprint: key.state for key in inventory.keys}


def test_a_staged_key_is_published_behind_the_active_one_and_signs_nothing(staged):
    active, following = parts(staged)

    assert staged.published() == (active, following)
    assert set(signers(staged).values()) == {active.fingerprint}


def test_a_key_is_activated_for_one_application_and_then_for_all(staged):
    active, following = parts(staged)

    one = activate_for(staged, following, ["wiki"], SOON)

    assert signers(one) == {
        "intranet": active.fingerprint,
        "mimecast": active.fingerprint,
        "wiki": following.fingerprint,
    }
    assert one.published("wiki")[0].fingerprint == following.fingerprint
    assert one.published("intranet")[0].fingerprint == active.fingerprint
    everywhere = activate(one, one.find(following.fingerprint), LATER)
    assert set(signers(everywhere).values()) == {following.fingerprint}
    assert states(everywhere) == {active.fingerprint: "outgoing", following.fingerprint: "active"}
    assert everywhere.assigned == {}
    assert [key.state for key in everywhere.published()] == ["active", "outgoing"]
    assert everywhere.active.activated_at == LATER


def test_applications_may_be_left_with_the_key_that_they_have(staged):
    active, following = parts(staged)

    after = activate(staged, following, SOON, kept=["mimecast"])

    assert signers(after)["mimecast"] == active.fingerprint
    assert signers(after)["wiki"] == following.fingerprint
    assert after.applications_of(after.find(active.fingerprint), SLUGS) == ("mimecast",)


def test_who_is_left_with_the_very_key_that_is_activated_simply_follows_it(staged):
    _, following = parts(staged)
    one = activate_for(staged, following, ["wiki"], SOON)

    after = activate(one, one.find(following.fingerprint), LATER, kept=["wiki"])

    assert after.assigned == {}


def test_one_goes_back_by_activating_the_former_key(staged):
    active, following = parts(staged)
    switched = activate(staged, following, SOON)

    back = activate(switched, switched.find(active.fingerprint), LATER)

    assert states(back) == {active.fingerprint: "active", following.fingerprint: "outgoing"}
    one = activate_for(staged, following, ["wiki"], SOON)
    assert activate_for(one, one.active, ["wiki"], LATER).assigned == {}


def test_a_key_is_retired_when_nothing_that_it_signed_can_be_under_way(staged):
    active, following = parts(staged)
    switched = activate(staged, following, SOON)
    outgoing = switched.find(active.fingerprint)
    assert outgoing.signed_until == SOON

    with pytest.raises(KeyRefused, match=r"under way until 08:06:00 UTC; retire it then"):
        retire(switched, outgoing, SOON + timedelta(minutes=4), slugs=SLUGS, settling=SETTLING)
    after = retire(switched, outgoing, SOON + SETTLING, slugs=SLUGS, settling=SETTLING)

    gone = after.find(active.fingerprint)
    assert (gone.state, gone.sealed, gone.retired_at) == (KeyState.RETIRED, b"", SOON + SETTLING)
    assert [key.fingerprint for key in after.published()] == [following.fingerprint]


def test_a_key_that_signs_is_not_retired(staged):
    active, following = parts(staged)
    kept = activate(staged, following, SOON, kept=["mimecast"])

    with pytest.raises(KeyRefused, match="is the active one; activate another first"):
        retire(staged, active, LATER, slugs=SLUGS, settling=SETTLING)
    with pytest.raises(KeyRefused, match="still signs for mimecast"):
        retire(kept, kept.find(active.fingerprint), LATER, slugs=SLUGS, settling=SETTLING)


def test_an_application_that_is_gone_keeps_no_key_alive(staged):
    active, following = parts(staged)
    kept = activate(staged, following, SOON, kept=["mimecast"])
    outgoing = kept.find(active.fingerprint)

    after = retire(kept, outgoing, LATER, slugs=("intranet",), settling=timedelta(0))

    assert after.assigned == {}
    assert after.find(active.fingerprint).state is KeyState.RETIRED


def test_a_staged_key_that_signed_for_one_application_waits_likewise(staged):
    _, following = parts(staged)
    tried = activate_for(staged, following, ["wiki"], NOW)
    back = activate_for(tried, tried.active, ["wiki"], SOON)

    assert back.find(following.fingerprint).signed_until == SOON
    with pytest.raises(KeyRefused, match="under way"):
        retire(back, back.find(following.fingerprint), SOON, slugs=SLUGS, settling=SETTLING)


def test_a_staged_key_that_never_signed_is_retired_at_once(staged):
    active, following = parts(staged)

    after = retire(staged, following, NOW, slugs=SLUGS, settling=SETTLING)

    assert [key.fingerprint for key in after.published()] == [active.fingerprint]
    with pytest.raises(KeyRefused, match="retired already"):
        retire(after, after.find(following.fingerprint), NOW, slugs=SLUGS, settling=SETTLING)
    with pytest.raises(KeyRefused, match="is retired; stage another"):
        activate(after, after.find(following.fingerprint), NOW)


def test_a_retired_key_comes_back_only_by_its_private_half(staged):
    _, following = parts(staged)
    after = retire(staged, following, NOW, slugs=SLUGS, settling=SETTLING)

    with pytest.raises(KeyRefused, match="known already; it is staged"):
        stage(staged, following)
    again = stage(after, following)

    assert len(again.keys) == 2
    assert again.find(following.fingerprint).sealed == following.sealed


def test_a_certificate_must_have_begun_and_not_have_ended(staged):
    _, following = parts(staged)

    with pytest.raises(KeyRefused, match="only begins at 2026-11-02 07:00"):
        activate(staged, following, NOW - timedelta(hours=2))
    with pytest.raises(KeyRefused, match="ended on 2031-11-01"):
        activate_for(staged, following, ["wiki"], following.not_after)


def test_which_key_is_meant_is_never_guessed(staged):
    active, following = parts(staged)

    with pytest.raises(KeyRefused, match="no key is staged"):
        choose_staged(an_inventory())
    with pytest.raises(KeyRefused, match="2 keys are staged; name one of"):
        choose_staged(stage(staged, a_key(SOON)))
    assert staged.find(active.fingerprint[:6]) == active
    pairs = following.fingerprint.upper()
    assert staged.find(":".join(pairs[at : at + 2] for at in range(0, 64, 2))) == following
    for name in ("", "3f", "none"):
        with pytest.raises(KeyRefused, match=f"no signing key is called {name}"):
            staged.find(name)


def test_a_name_that_two_keys_begin_with_is_refused():
    key = a_key()
    twins = KeyInventory(keys=(key, replace(key, fingerprint=key.fingerprint[:32] + "0" * 32)))

    with pytest.raises(KeyRefused, match="begins the name of 2 keys"):
        twins.find(key.short)


def test_another_sealing_key_opens_everything_afterwards_and_the_former_nothing(staged):
    after = reseal(staged, SEAL, OTHER, number_bytes)

    assert list(after.unopened_by(OTHER)) == []
    assert after.data_seal(OTHER) == staged.data_seal(SEAL), "who holds it open goes on"
    assert not after.has_data_for(SEAL)
    assert [key for key, _ in after.unopened_by(SEAL)] == list(after.keys)
    for key in staged.keys:
        now = after.find(key.fingerprint)
        assert OTHER.open(now.sealed, now.place) == SEAL.open(key.sealed, key.place)


def test_what_nobody_can_open_is_retired_whoever_it_signs_for(staged):
    _, following = parts(staged)
    one = activate_for(staged, following, ["wiki"], SOON)

    after = retire_lost(one, OTHER, LATER)

    assert (after.active, after.published(), after.assigned) == (None, (), {})
    assert after.data_key == b""
    assert retire_lost(one, SEAL, LATER) == one, "nothing is lost that opens"


def test_a_certificate_that_ends_is_said_long_before_and_with_what_to_do():
    inventory = an_inventory()
    end = inventory.active.not_after

    assert ending(inventory, end - WARNING) == ()
    (key,) = soon = ending(inventory, end - WARNING + timedelta(days=1))
    assert words_of_end(key, end - timedelta(days=30)) == (
        f"the certificate of the signing key {key.short} ends on 2031-11-01, in 30 days"
    )
    assert words_of_end(key, end) == (
        f"the certificate of the signing key {key.short} ended on 2031-11-01"
    )
    assert next_step(inventory, soon) == "connector key stage"
    fresh = stage(inventory, a_key(end - timedelta(days=60)))
    assert next_step(fresh, ending(fresh, end - timedelta(days=30))) == "connector key activate"


def test_the_end_of_a_key_that_signs_for_nobody_troubles_nobody(staged):
    _, following = parts(staged)
    switched = activate(staged, following, SOON)

    late = switched.active.not_after - timedelta(days=1)
    assert [key.fingerprint for key in ending(switched, late)] == [following.fingerprint]
