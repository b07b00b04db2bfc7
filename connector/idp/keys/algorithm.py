"""What keys sign with."""

from __future__ import annotations

from enum import StrEnum


class KeyAlgorithm(StrEnum):
    """What a key signs with, and its size."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"

    @property
    def is_elliptic(self) -> bool:
        """Return whether it is ECDSA, which not every application takes."""
        return self.startswith("ecdsa")
