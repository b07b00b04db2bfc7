"""What is sealed can be opened by the same sealing key only, for the same certificate only."""

from __future__ import annotations

import os
import stat
from base64 import b64encode

import pytest

from connector.errors import ConfigurationError
from connector.idp.keys.inventory import KeyInventory
from connector.idp.keys.seal import (
    SEAL_FILE,
    Place,
    Seal,
    SealRefused,
    load_seal,
    new_seal,
    parse_seal,
)
from connector.settings import Secret

SEAL = Seal("file seal-key", bytes(range(32)))
PLACE = Place("signing key", "3f2a" * 16)


def test_what_is_sealed_is_opened_and_reads_like_nothing():
    sealed = SEAL.close(b"a private key", PLACE, os.urandom)

    assert b"private" not in sealed
    assert sealed != SEAL.close(b"a private key", PLACE, os.urandom)
    assert SEAL.open(sealed, PLACE) == b"a private key"


@pytest.mark.parametrize("place", range(5))
def test_a_changed_bit_anywhere_is_refused(place: int):
    sealed = bytearray(SEAL.close(b"k", PLACE, os.urandom))
    sealed[place * (len(sealed) - 1) // 4] ^= 1

    with pytest.raises(SealRefused):
        SEAL.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12), b"\x02" + bytes(40)])
def test_what_was_never_sealed_is_refused(sealed: bytes):
    with pytest.raises(SealRefused):
        SEAL.open(sealed, PLACE)


@pytest.mark.parametrize(
    "other", [Place("signing key", "0000" * 16), Place("seed key", PLACE.row)], ids=str
)
def test_a_row_with_the_content_of_another_is_refused(other: Place):
    sealed = SEAL.close(b"k", PLACE, os.urandom)

    with pytest.raises(SealRefused):
        SEAL.open(sealed, other)


def test_a_wrong_sealing_key_is_said_with_where_it_is_from_and_what_to_do():
    sealed = SEAL.close(b"k", PLACE, os.urandom)

    with pytest.raises(SealRefused) as refused:
        Seal("environment variable SEAL", bytes(32)).open(sealed, PLACE)

    assert str(refused.value) == (
        "the sealing key (environment variable SEAL) does not open the signing key 3f2a3f2a3f2a;"
        " bring back the one that it was sealed by; if that is lost for good:"
        " connector key retire --lost"
    )
    assert refused.value.__cause__ is None


def test_the_file_is_made_once_and_only_we_can_read_it(tmp_path):
    made = load_seal(tmp_path / "keys", None, is_first=True)

    assert load_seal(tmp_path / "keys", None, is_first=False) == made
    assert stat.S_IMODE((tmp_path / "keys" / SEAL_FILE).stat().st_mode) == 0o600
    assert made.key.hex() not in repr(made)


def test_a_file_that_is_gone_is_not_made_again_while_something_is_sealed_by_it(tmp_path):
    with pytest.raises(ConfigurationError, match="bring it back from a backup"):
        load_seal(tmp_path, None, is_first=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_others_can_read_is_refused(tmp_path):
    load_seal(tmp_path, None, is_first=True)
    (tmp_path / SEAL_FILE).chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_seal(tmp_path, None, is_first=False)


def test_a_secret_of_the_operator_takes_the_place_of_the_file(tmp_path):
    secret = Secret("environment variable SEAL", new_seal().decode().strip())

    seal = load_seal(tmp_path, secret, is_first=True)

    assert seal.key.hex() == secret.reveal()
    assert seal.origin == "environment variable SEAL"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [bytes.hex, lambda key: b64encode(key).decode()])
def test_it_is_written_in_hexadecimal_digits_or_base64(write):
    assert parse_seal(f" {write(SEAL.key)}\n", "seal-key") == SEAL.key


@pytest.mark.parametrize("text", ["", "short", "00" * 31, "zz" * 32, "a pass phrase of somebody"])
def test_anything_else_is_refused_without_saying_it(text: str):
    with pytest.raises(ConfigurationError) as refused:
        parse_seal(text, "seal-key")

    assert str(refused.value) == (
        "seal-key: must be 32 random bytes, in hexadecimal digits or base64: openssl rand -hex 32"
    )


def test_an_inventory_tells_which_keys_a_sealing_key_does_not_open():
    assert list(KeyInventory().unopened_by(SEAL)) == []
