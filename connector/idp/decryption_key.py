"""The key that opens what other identity providers encrypt for us: a file that only we can read."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from connector.errors import ConfigurationError, Fault
from connector.idp.keys.files import read_or_create
from connector.idp.keys.self_signed import make_certificate

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

DECRYPTION_FILE = "decryption.pem"
_LIFETIME = timedelta(days=10 * 365)
_BITS = 3072


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """What opens, and what others encrypt by.

    Attributes:
        private_key: RSA.
        certificate: Of its public half, DER in base64 on one line, as metadata has it.

    """

    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificate: str


def load_or_create_decryption_key(folder: Path, now: datetime) -> DecryptionKey:
    """Return the key of a folder; make one when it is first asked for.

    Raises:
        ConfigurationError: if the file cannot be read or written, or others can read it.

    """
    path = folder / DECRYPTION_FILE
    content = read_or_create(path, lambda: _new_key(now))
    try:
        private_key = load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        problem = f"holds no key and certificate in PEM: {error}"
        raise ConfigurationError([Fault(str(path), "", problem)]) from error
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise ConfigurationError([Fault(str(path), "", "must hold an RSA key")])
    if private_key.public_key() != certificate.public_key():
        raise ConfigurationError([Fault(str(path), "", "the certificate is not the key's")])
    return DecryptionKey(private_key, b64encode(certificate.public_bytes(Encoding.DER)).decode())


def _new_key(now: datetime) -> bytes:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = "connector SAML encryption"
    certificate = make_certificate(private_key, name, now, _LIFETIME, signs=False)
    private = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)
