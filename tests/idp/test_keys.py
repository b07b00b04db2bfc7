"""Keys are made once, kept from others, and never half written."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.errors import ConfigurationError
from connector.idp.keys import (
    LIFETIME,
    SECRET_FILE,
    SIGNING_FILE,
    load_or_create_keys,
    load_or_create_secret,
)
from tests.idp.bench import NOW, certificate_of


def test_the_first_start_makes_a_key_and_the_next_one_finds_it(tmp_path):
    (made,) = load_or_create_keys(tmp_path / "keys", NOW)
    (found,) = load_or_create_keys(tmp_path / "keys", NOW + timedelta(days=1))

    assert (made.fingerprint, made.state) == (found.fingerprint, "active")
    assert made.not_after == NOW + LIFETIME
    assert made.signing_key.private_key.key_size == 2048
    usage = certificate_of(made.signing_key).extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.digital_signature


def test_only_we_can_read_what_is_made(tmp_path):
    load_or_create_keys(tmp_path / "keys", NOW)
    load_or_create_secret(tmp_path / "keys")

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert len(list((tmp_path / "keys").iterdir())) == 2, "no draft is left behind"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_or_create_keys(tmp_path, NOW), range(4)))

    assert len({keys[0].fingerprint for keys in found}) == 1


@pytest.mark.parametrize("name", [SIGNING_FILE, SECRET_FILE])
def test_a_file_that_others_can_read_stops_the_start(tmp_path, name: str):
    load_or_create_keys(tmp_path, NOW)
    load_or_create_secret(tmp_path)
    (tmp_path / name).chmod(0o640)

    with pytest.raises(ConfigurationError, match="others can read it"):
        load_or_create_keys(tmp_path, NOW)
        load_or_create_secret(tmp_path)


def test_a_damaged_key_is_said_and_not_replaced(tmp_path):
    path = tmp_path / SIGNING_FILE
    path.write_text("not a key")
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match="no key and certificate"):
        load_or_create_keys(tmp_path, NOW)
    assert path.read_text() == "not a key"


def test_a_certificate_of_another_key_is_said(tmp_path):
    for name in ("a", "b"):
        load_or_create_keys(tmp_path / name, NOW)
    key, other = ((tmp_path / name / SIGNING_FILE).read_bytes() for name in ("a", "b"))
    end = b"-----END PRIVATE KEY-----\n"
    (tmp_path / "a" / SIGNING_FILE).write_bytes(key.split(end)[0] + end + other.split(end)[1])

    with pytest.raises(ConfigurationError, match="not the key's"):
        load_or_create_keys(tmp_path / "a", NOW)


def test_a_key_that_is_not_rsa_is_said(tmp_path):
    load_or_create_keys(tmp_path, NOW)
    path = tmp_path / SIGNING_FILE
    _, _, certificate = path.read_bytes().partition(b"-----END PRIVATE KEY-----\n")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + certificate)

    with pytest.raises(ConfigurationError, match="RSA"):
        load_or_create_keys(tmp_path, NOW)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "keys").write_text("a file")

    with pytest.raises(ConfigurationError, match="keys"):
        load_or_create_keys(tmp_path / "keys", NOW)


def test_the_secret_stays_the_same(tmp_path):
    assert load_or_create_secret(tmp_path) == load_or_create_secret(tmp_path)
    assert len(load_or_create_secret(tmp_path)) == 64


def test_a_secret_that_is_too_short_is_said(tmp_path):
    path = tmp_path / SECRET_FILE
    path.write_text("short")
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match="too short"):
        load_or_create_secret(tmp_path)


def test_a_key_does_not_show_in_a_repr(tmp_path):
    (entry,) = load_or_create_keys(tmp_path, NOW)

    assert "private_key" not in repr(entry)
    assert "private_key" not in repr(entry.signing_key)
