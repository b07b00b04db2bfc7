"""A key of its own for somebody who signs or encrypts, as the files that others' programs want."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import LIFETIME
from connector.idp.keys.certificate import KeyPair as SigningPair
from connector.idp.keys.self_signed import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


_POOL = 4


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_numbers = itertools.count()


def next_pair(algorithm: KeyAlgorithm, now: dt.datetime) -> SigningPair:
    """Return a signing key as our own start makes one, out of a few that come again and again."""
    assert algorithm is KeyAlgorithm.RSA_2048
    key = _key(next(_numbers) % _POOL)
    return SigningPair(key, make_certificate(key, "tests", now, LIFETIME, signs=True), algorithm)


@dataclass(frozen=True)
class KeyPair:
    """A private key and its certificate by itself, both as PEM files too."""

    private_key: PrivateKey
    certificate: x509.Certificate
    key_file: Path
    certificate_file: Path


def make_key_pair(folder: Path, name: str, private_key: PrivateKey | None = None) -> KeyPair:
    """Write a new key; RSA of 2048 bits unless one is given."""
    key = private_key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now - dt.timedelta(days=1))  # in SAML a certificate only carries a key
        .sign(key, SHA256())
    )
    pair = KeyPair(key, certificate, folder / f"{name}.key", folder / f"{name}.pem")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    pair.key_file.write_bytes(pem)
    pair.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return pair
