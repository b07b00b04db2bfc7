"""A signing key with its certificate: made, read from PEM, and written for the seal."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from connector.errors import ConfigurationError, Fault
from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.self_signed import make_certificate
from connector.idp.xmldsig import SigningKey

if TYPE_CHECKING:
    from datetime import datetime

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

LIFETIME = timedelta(days=5 * 365)


_RSA_SIZES = MappingProxyType(
    {2048: KeyAlgorithm.RSA_2048, 3072: KeyAlgorithm.RSA_3072, 4096: KeyAlgorithm.RSA_4096}
)
_CURVES = MappingProxyType(
    {"secp256r1": KeyAlgorithm.ECDSA_P256, "secp384r1": KeyAlgorithm.ECDSA_P384}
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and its certificate.

    Attributes:
        private_key: RSA or on a curve.
        certificate: Of its public half.
        algorithm: Of both.

    """

    private_key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    algorithm: KeyAlgorithm

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate in hexadecimal digits."""
        return self.certificate.fingerprint(SHA256()).hex()

    def certificate_der(self) -> bytes:
        """Return the certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def private_der(self) -> bytes:
        """Return the private key in DER (PKCS 8), to be sealed."""
        return self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def make_pair(algorithm: KeyAlgorithm, now: datetime) -> KeyPair:
    """Return a new key with a certificate by itself, good from now on for `LIFETIME`."""
    private_key = _new_key(algorithm)
    certificate = make_certificate(private_key, "connector SAML signing", now, LIFETIME, signs=True)
    return KeyPair(private_key, certificate, algorithm)


def read_pair(content: bytes, place: str) -> KeyPair:
    """Return the key and its certificate that a PEM file holds; other certificates are let be.

    Args:
        content: Of the file.
        place: Name of the file, for the fault.

    Raises:
        ConfigurationError: if it holds no key that we sign with, or not the key's certificate.

    """
    try:
        private_key = load_pem_private_key(content, password=None)
        certificates = x509.load_pem_x509_certificates(content)
    except TypeError as error:
        problem = "its key is encrypted; decrypt it first: openssl pkey -in FILE"
        raise _fault(place, problem) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _fault(place, f"holds no key and certificate in PEM: {error}") from error
    algorithm = _algorithm_of(private_key)
    if algorithm is None or not isinstance(
        private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    ):
        raise _fault(place, f"must hold a key of one of: {', '.join(KeyAlgorithm)}")
    for certificate in certificates:
        if certificate.public_key() == private_key.public_key():
            _check_usage(certificate, place)
            return KeyPair(private_key, certificate, algorithm)
    raise _fault(place, "the certificate is not the key's")


def open_private_key(der: bytes, certificate: bytes) -> SigningKey:
    """Return what signs, of a private key and its certificate in DER."""
    # We made it or looked at it ourselves, and it was sealed since: to look anew takes 50 ms.
    private_key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        message = "only keys that sign are ever sealed"
        raise TypeError(message)
    return SigningKey(private_key, to_one_line(certificate))


def to_one_line(certificate: bytes) -> str:
    """Return a certificate in DER as metadata has it: base64 on one line."""
    return b64encode(certificate).decode()


def _new_key(algorithm: KeyAlgorithm) -> PrivateKey:
    for size, of_size in _RSA_SIZES.items():
        if algorithm is of_size:
            return rsa.generate_private_key(public_exponent=65537, key_size=size)
    curve = ec.SECP384R1() if algorithm is KeyAlgorithm.ECDSA_P384 else ec.SECP256R1()
    return ec.generate_private_key(curve)


def _algorithm_of(private_key: object) -> KeyAlgorithm | None:
    if isinstance(private_key, rsa.RSAPrivateKey):
        return _RSA_SIZES.get(private_key.key_size)
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return _CURVES.get(private_key.curve.name)
    return None


def _check_usage(certificate: x509.Certificate, place: str) -> None:
    """Refuse a certificate whose key may not sign: strict service providers look at it."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    except ValueError as error:
        raise _fault(place, f"its certificate cannot be read: {error}") from error
    if not usage.digital_signature:
        raise _fault(place, "its certificate is not for signatures (keyUsage digitalSignature)")


def _fault(place: str, problem: str) -> ConfigurationError:
    return ConfigurationError([Fault(place, "", problem)])
