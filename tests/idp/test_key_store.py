"""Keys are kept whole or not at all, for every process on the state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import make_pair
from connector.idp.keys.inventory import KeyInventory, KeyState
from connector.idp.keys.rollover import activate_for, choose_staged, retire, stage
from connector.idp.keys.start import to_record
from connector.idp.store.signing_keys import SigningKeyStore
from state.engine import back_up
from tests.idp.bench import NOW
from tests.idp.keyring import SEAL, a_key, an_inventory, number_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def store(engine: Engine) -> SigningKeyStore:
    return SigningKeyStore(engine)


def test_what_is_kept_is_what_was_given(store: SigningKeyStore):
    inventory = an_inventory(a_key())
    following = inventory.keys[1]
    inventory = activate_for(inventory, following, ["wiki", "intranet"], NOW)

    after = store.change(lambda _: inventory)

    assert store.load() == after
    assert (set(after.keys), after.assigned) == (set(inventory.keys), inventory.assigned)
    assert store.version() == after.version == 1


def test_every_change_has_a_number_of_its_own_and_none_has_none(store: SigningKeyStore):
    assert store.version() == 0
    store.change(lambda _: an_inventory())
    store.change(lambda found: found)
    assert store.version() == 1
    store.change(lambda found: stage(found, a_key()))
    assert store.version() == 2


def test_a_step_that_fails_changes_nothing(store: SigningKeyStore):
    before = store.change(lambda _: an_inventory())

    with pytest.raises(ZeroDivisionError):
        store.change(lambda found: 1 / 0)

    assert store.load() == before


def test_changes_at_the_same_moment_do_not_undo_each_other(store: SigningKeyStore):
    store.change(lambda _: an_inventory())
    keys = [a_key() for _ in range(6)]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda key: store.change(lambda found: stage(found, key)), keys))

    assert {key.fingerprint for key in keys} < {key.fingerprint for key in store.load().keys}
    assert store.version() == 7


def test_who_was_shown_what_is_kept_with_the_first_and_the_last_time(store: SigningKeyStore):
    inventory = store.change(lambda _: an_inventory(a_key()))
    active, following = inventory.active, choose_staged(inventory)

    store.record_fetch("wiki", [active.fingerprint], "192.0.2.1", NOW)
    store.record_fetch("wiki", [active.fingerprint, following.fingerprint], "192.0.2.2", LATER)

    found = {one.fingerprint: one for one in store.fetches()}
    assert (found[active.fingerprint].first_at, found[active.fingerprint].last_at) == (NOW, LATER)
    assert found[active.fingerprint].address == "192.0.2.2"
    assert found[following.fingerprint].first_at == LATER
    assert {one.application for one in found.values()} == {"wiki"}


def test_what_is_retired_is_forgotten_by_whom_it_was_seen(store: SigningKeyStore):
    inventory = store.change(lambda _: an_inventory(a_key()))
    active, following = inventory.active, choose_staged(inventory)
    store.record_fetch("wiki", [active.fingerprint, following.fingerprint], "192.0.2.1", NOW)

    store.change(lambda found: retire(found, following, NOW, slugs=(), settling=timedelta(0)))

    assert [one.fingerprint for one in store.fetches()] == [active.fingerprint]


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ecdsa-p256"])
def test_a_copy_of_the_database_holds_no_private_key(
    sqlite_engine: Engine, tmp_path: Path, algorithm: str
):
    pair = make_pair(KeyAlgorithm(algorithm), NOW)
    key = to_record(pair, SEAL, NOW, number_bytes, KeyState.ACTIVE)
    SigningKeyStore(sqlite_engine).change(lambda _: KeyInventory(keys=(key,)))

    back_up(sqlite_engine, tmp_path / "copy.db")

    copy = (tmp_path / "copy.db").read_bytes()
    assert key.certificate in copy, "what is public is in it"
    assert key.sealed in copy
    for secret in secrets_of(pair.private_key):
        assert secret not in copy
    (kept,) = SigningKeyStore(sqlite_engine).load().keys
    opened = load_der_private_key(SEAL.open(kept.sealed, kept.place), None)
    assert opened.private_numbers() == pair.private_key.private_numbers()


def secrets_of(private_key) -> list[bytes]:
    """Return what a private key could be put together from, as it would stand in a file."""
    numbers = private_key.private_numbers()
    names = ("d", "p", "q") if hasattr(numbers, "d") else ("private_value",)
    secrets = [
        getattr(numbers, name).to_bytes((getattr(numbers, name).bit_length() + 7) // 8)
        for name in names
    ]
    written = [
        private_key.private_bytes(encoding, form, NoEncryption())[-200:]
        for encoding in (Encoding.DER, Encoding.PEM)
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    ]
    return [*secrets, *written, b"PRIVATE KEY"]
