"""Keys are made, and read from an operator's file, with every fault said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from connector.errors import ConfigurationError
from connector.idp.keys.algorithm import KeyAlgorithm
from connector.idp.keys.certificate import LIFETIME, make_pair, open_private_key, read_pair
from tests.idp.bench import KEYS, NOW

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corp signing")])


def pem_of(key, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def certificate_for(key, **usage: bool) -> bytes:
    """Return a certificate of a key, as an authority would make it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=365))
    )
    if usage:
        names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                 "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
        extension = x509.KeyUsage(**{name: usage.get(name, False) for name in names})
        builder = builder.add_extension(extension, critical=True)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("algorithm", "size"), [("rsa-2048", 2048), ("ecdsa-p256", 256), ("ecdsa-p384", 384)]
)
def test_a_key_is_made_with_a_certificate_for_signatures_alone(algorithm: str, size: int):
    pair = make_pair(KeyAlgorithm(algorithm), NOW)

    assert pair.private_key.key_size == size
    assert pair.certificate.not_valid_after_utc == NOW + LIFETIME
    usage = pair.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    opened = open_private_key(pair.private_der(), pair.certificate_der())
    assert opened.private_key.private_numbers() == pair.private_key.private_numbers()
    assert "private" not in repr(pair)
    assert "private" not in repr(opened)


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("idp", "rsa-2048"),
        ("rsa_3072", "rsa-3072"),
        ("rsa_4096", "rsa-4096"),
        ("ecdsa_p256", "ecdsa-p256"),
        ("ecdsa_p384", "ecdsa-p384"),
    ],
)
def test_a_key_is_read_with_its_certificate(file: str, algorithm: str):
    pair = read_pair((KEYS / f"{file}_key.pem").read_bytes(), "own.pem")

    assert pair.algorithm == algorithm
    assert len(pair.fingerprint) == 64


def test_of_a_chain_the_certificate_of_the_key_is_taken_whatever_the_order():
    key, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = certificate_for(key, digital_signature=True)

    pair = read_pair(certificate_for(authority) + own + pem_of(key), "own.pem")

    assert pair.certificate == x509.load_pem_x509_certificate(own)


P256 = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
ODD_CURVE = ec.generate_private_key(ec.SECP521R1())
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EDWARDS = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no key and certificate in PEM"),
        (b"not a key", "holds no key and certificate in PEM"),
        (pem_of(P256), "holds no key and certificate in PEM"),
        (certificate_for(P256), "holds no key and certificate in PEM"),
        (pem_of(P256) + certificate_for(OTHER), "the certificate is not the key's"),
        (pem_of(P256, b"secret") + certificate_for(P256), "its key is encrypted; decrypt it first"),
        (pem_of(SMALL) + certificate_for(SMALL), "must hold a key of one of: rsa-2048, rsa-3072"),
        (pem_of(ODD_CURVE) + certificate_for(ODD_CURVE), "must hold a key of one of"),
        (pem_of(EDWARDS) + certificate_for(EDWARDS), "must hold a key of one of"),
        (
            pem_of(P256) + certificate_for(P256, key_agreement=True),
            "its certificate is not for signatures",
        ),
    ],
    ids=range(10),
)
def test_what_cannot_be_used_is_said(content: bytes, words: str):
    with pytest.raises(ConfigurationError) as refused:
        read_pair(content, "own.pem")

    assert str(refused.value).startswith("own.pem: ")
    assert words in str(refused.value)
