"""The keys we sign with, as files that only we can read."""

from __future__ import annotations

import os
import secrets
import stat
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from connector.errors import ConfigurationError, Fault
from connector.idp.xmldsig import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

SIGNING_FILE = "signing-active.pem"
SECRET_FILE = "form-secret"
LIFETIME = timedelta(days=5 * 365)
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A signing key as an operator sees it.

    Attributes:
        signing_key: Signs.
        fingerprint: SHA-256 of the certificate, in pairs of hexadecimal digits.
        not_after: When the certificate ends.
        state: "active": signs, and is in our metadata.

    """

    signing_key: SigningKey = field(repr=False)
    fingerprint: str
    not_after: datetime
    state: str = "active"


def load_or_create_keys(folder: Path, now: datetime) -> tuple[KeyEntry, ...]:
    """Return the signing keys of a folder, the active one first; make one at the first start.

    Raises:
        ConfigurationError: if a file cannot be read or written, or others can read it.

    """
    path = folder / SIGNING_FILE
    content = read_or_create(path, lambda: _new_key(now))
    try:
        private_key = load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        raise _fault(path, f"holds no key and certificate in PEM: {error}") from error
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise _fault(path, "must hold an RSA key")
    if private_key.public_key() != certificate.public_key():
        raise _fault(path, "the certificate is not the key's")
    return (_to_entry(private_key, certificate),)


def load_or_create_secret(folder: Path) -> bytes:
    """Return the secret that binds forms to their step; it outlives restarts.

    Raises:
        ConfigurationError: as `load_or_create_keys`.

    """
    path = folder / SECRET_FILE
    content = read_or_create(path, lambda: secrets.token_hex(_SECRET_BYTES).encode())
    if len(content.strip()) < 2 * _SECRET_BYTES:
        raise _fault(path, "is too short for a secret; delete it and a new one is made")
    return content.strip()


def _to_entry(private_key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> KeyEntry:
    der = certificate.public_bytes(Encoding.DER)
    return KeyEntry(
        SigningKey(private_key, b64encode(der).decode()),
        fingerprint=certificate.fingerprint(SHA256()).hex(":").upper(),
        not_after=certificate.not_valid_after_utc,
    )


def _new_key(now: datetime) -> bytes:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "connector SAML signing")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # for clocks of others that are behind
        .not_valid_after(now + LIFETIME)
        .add_extension(_digital_signature_only(), critical=True)
        .sign(private_key, SHA256())
    )
    private = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def _digital_signature_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what a file holds that only we can read; if it is not there, it is made, once.

    Raises:
        ConfigurationError: if it cannot be read or written, or others can read it.

    """
    try:
        if not path.exists():
            _write_once(path, make())
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise _fault(path, "others can read it; do: chmod 600")
        return path.read_bytes()
    except OSError as error:
        raise _fault(path, error.strerror or "cannot be read or written") from error


def _write_once(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; if another process was first, keep what it wrote."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _fault(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError([Fault(str(path), "", problem)])
