"""The first start makes a key or takes over the former file's; no later one makes anything."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.errors import ConfigurationError
from connector.idp.keys.certificate import read_pair
from connector.idp.keys.files import SECRET_FILE, load_or_create_secret
from connector.idp.keys.ring import KeyRing
from connector.idp.keys.rollover import retire_lost
from connector.idp.keys.seal import SEAL_FILE, SealRefused
from connector.idp.keys.start import FORMER_FILE, KeyFolder, begin
from connector.idp.store.signing_keys import SigningKeyStore
from connector.settings import Secret
from tests.idp.bench import KEYS, NOW, load_key
from tests.idp.keyring import OTHER, Stopwatch

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def store(engine: Engine) -> SigningKeyStore:
    return SigningKeyStore(engine)


def keep_in_file(folder: KeyFolder, content: bytes | None = None) -> bytes:
    """Leave a key as earlier releases kept it."""
    content = content or (KEYS / "idp_key.pem").read_bytes()
    folder.path.mkdir(mode=0o700, exist_ok=True)
    folder.former_file.write_bytes(content)
    folder.former_file.chmod(0o600)
    return content


def ring_of(store: SigningKeyStore, folder: KeyFolder) -> KeyRing:
    seal = begin(store, folder, NOW, os.urandom).seal
    return KeyRing(store, seal, stopwatch=Stopwatch())


def test_the_first_start_makes_a_key_and_the_next_one_finds_it(store, folder):
    made = begin(store, folder, NOW, os.urandom)
    found = begin(store, folder, NOW + timedelta(days=1), os.urandom)

    assert (made.event, found.event) == ("key.made", "")
    assert found.inventory == made.inventory
    assert found.seal == made.seal
    (key,) = made.inventory.keys
    assert (key.state, key.algorithm) == ("active", "rsa-2048")
    assert [path.name for path in folder.path.iterdir()] == [SEAL_FILE]
    assert stat.S_IMODE((folder.path / SEAL_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_state_of_an_earlier_release_gets_a_key_for_its_other_secrets(store, folder):
    before = begin(store, folder, NOW, os.urandom).inventory
    store.change(lambda found: replace(found, data_key=b""))

    begun = begin(store, folder, NOW, os.urandom)
    again = begin(store, folder, NOW, os.urandom)

    assert (begun.event, begun.inventory.keys) == ("", before.keys)
    assert len(begun.inventory.data_seal(begun.seal).key) == 32
    assert again.inventory == begun.inventory


def test_a_key_that_was_kept_in_a_file_is_taken_over_and_nobodys_certificate_changes(store, folder):
    content = keep_in_file(folder)

    begun = begin(store, folder, NOW, os.urandom)

    assert begun.event == "key.taken_over"
    assert begun.inventory.active.fingerprint == read_pair(content, "").fingerprint
    assert ring_of(store, folder).key_for("").certificate == load_key("idp").certificate
    assert folder.former_file.read_bytes() == content, "it is for the operator to remove"


def test_the_former_file_is_not_read_any_more_once_it_was_taken_over(store, folder):
    keep_in_file(folder)
    begin(store, folder, NOW, os.urandom)
    folder.former_file.write_text("something else")

    assert begin(store, folder, NOW, os.urandom).event == ""


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"not a key", 0o600, "no key and certificate"),
        (None, 0o640, "others can read it; do: chmod 600"),
    ],
)
def test_a_former_file_that_cannot_be_taken_over_stops_the_start(
    store, folder, content, mode: int, words: str
):
    keep_in_file(folder, content)
    folder.former_file.chmod(mode)

    with pytest.raises(ConfigurationError, match=words):
        begin(store, folder, NOW, os.urandom)
    assert store.load().keys == ()


def test_starts_at_the_same_moment_agree_on_one_key(store, folder):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: begin(store, folder, NOW, os.urandom), range(4)))

    assert len({begun.inventory.active.fingerprint for begun in found}) == 1
    assert [begun.event for begun in found].count("key.made") == 1
    for begun in found:
        active = begun.inventory.active
        assert begun.seal.open(active.sealed, active.place)
    assert len({begun.inventory.data_seal(begun.seal) for begun in found}) == 1


def test_a_sealing_key_that_is_gone_stops_the_start_and_is_not_made_again(store, folder):
    begin(store, folder, NOW, os.urandom)
    (folder.path / SEAL_FILE).unlink()

    with pytest.raises(ConfigurationError, match="seal-key: is missing, and the signing keys"):
        begin(store, folder, NOW, os.urandom)
    assert list(folder.path.iterdir()) == []


def test_a_wrong_sealing_key_stops_whoever_wants_to_sign(store, folder):
    begin(store, folder, NOW, os.urandom)
    (folder.path / SEAL_FILE).write_text("00" * 32)

    with pytest.raises(SealRefused, match="does not open the signing key"):
        ring_of(store, folder)


def test_a_sealing_key_of_the_operator_leaves_no_file(store, folder):
    secret = Secret("environment variable SEAL", "11" * 32)
    begun = begin(store, KeyFolder(folder.path, secret), NOW, os.urandom)

    assert begun.seal.key == b"\x11" * 32
    assert not folder.path.exists()


def test_a_key_that_was_lost_in_the_database_comes_back_from_the_former_file(store, folder):
    keep_in_file(folder)
    before = begin(store, folder, NOW, os.urandom).inventory.active
    store.change(lambda found: retire_lost(found, OTHER, NOW))

    again = begin(store, folder, NOW, os.urandom)

    assert again.event == "key.taken_over"
    assert again.inventory.active.fingerprint == before.fingerprint


def test_a_folder_that_cannot_be_made_is_said(store, tmp_path: Path):
    (tmp_path / "keys").write_text("a file")

    with pytest.raises(ConfigurationError, match="keys"):
        begin(store, KeyFolder(tmp_path / "keys"), NOW, os.urandom)


def test_the_secret_of_forms_stays_the_same(tmp_path: Path):
    assert load_or_create_secret(tmp_path) == load_or_create_secret(tmp_path)
    assert len(load_or_create_secret(tmp_path)) == 64


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [("short", 0o600, "too short"), ("00" * 32, 0o640, "others can read it")],
)
def test_a_secret_of_forms_that_will_not_do_is_said(tmp_path: Path, content, mode, words):
    path = tmp_path / SECRET_FILE
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match=words):
        load_or_create_secret(tmp_path)


def test_no_former_file_is_ever_written(store, folder):
    begin(store, folder, NOW, os.urandom)

    assert not (folder.path / FORMER_FILE).exists()
