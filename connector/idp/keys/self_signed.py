"""Certificates by ourselves: metadata carries keys that way, and nobody looks for an authority."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from datetime import datetime


def make_certificate(
    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    name: str,
    now: datetime,
    lifetime: timedelta,
    *,
    signs: bool,
) -> x509.Certificate:
    """Return a certificate for a key, signed by the key itself.

    Args:
        private_key: The key; its public half is certified.
        name: Common name, for people.
        now: It is good from now on.
        lifetime: For so long.
        signs: Whether others verify by it (digitalSignature); otherwise they encrypt by it
            (keyEncipherment, RFC 5280 section 4.2.1.3).

    """
    common_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name)
        .issuer_name(common_name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # for clocks of others that are behind
        .not_valid_after(now + lifetime)
        .add_extension(usage, critical=True)
    )
    is_p384 = isinstance(private_key, ec.EllipticCurvePrivateKey) and private_key.key_size == 384
    return builder.sign(private_key, SHA384() if is_p384 else SHA256())
