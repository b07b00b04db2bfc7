"""How close building and signing a Response comes to its physical limit: two raw RSA signatures.

Run it as `python benchmarks/sign_speed.py`. Both ways are measured in turn, in one process, by the
processor time of the best of many rounds; only the ratio means anything. Bar: 1.3.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from connector.idp.application.attribute import NAME_FORMAT
from connector.idp.message.assertion import Assertion, Attribute, SignOn
from connector.idp.message.name_id import NameId
from connector.idp.message.response import build_response
from connector.idp.names import EMAIL_FORMAT
from connector.idp.xmldsig import SigningKey

BAR = 1.3
ROUNDS, CALLS = 15, 100
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def main() -> None:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = SigningKey(private_key, "A" * 984)
    assertion = _assertion()
    octets = b"x" * 1000

    def sign_twice() -> None:
        private_key.sign(octets, PKCS1v15(), SHA256())
        private_key.sign(octets, PKCS1v15(), SHA256())

    def respond() -> None:
        build_response(assertion, key, "_response")

    limit, ours = _best(sign_twice, respond)
    size = len(build_response(assertion, key, "_response"))
    print(f"two raw RSA-2048 signatures  {limit * 1e6:7.0f} us")
    print(f"Response, both signed        {ours * 1e6:7.0f} us   {size} bytes")
    print(f"ratio                        {ours / limit:7.2f}      bar {BAR}")


def _best(*ways) -> list[float]:
    """Return the best processor time of one call of each way; they take turns."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for number, way in enumerate(ways):
            begun = time.process_time()
            for _ in range(CALLS):
                way()
            best[number] = min(best[number], (time.process_time() - begun) / CALLS)
    return best


def _assertion() -> Assertion:
    """Return one with 16 attribute values."""
    return Assertion(
        assertion_id="_assertion",
        issuer="https://sso.corp.example/saml/metadata",
        issued_at=NOW,
        not_on_or_after=NOW + timedelta(minutes=5),
        name_id=NameId("ann.lind@corp.example", EMAIL_FORMAT),
        audience="https://intranet.corp.example/saml/metadata",
        acs_url="https://intranet.corp.example/saml/acs",
        in_response_to="_request",
        sign_on=SignOn("_session", NOW),
        attributes=tuple(
            Attribute(f"attribute{n}", (f"value {n} of somebody",), f"{NAME_FORMAT}basic")
            for n in range(16)
        ),
    )


if __name__ == "__main__":
    main()
