"""The application that people sign in to: it asks by Redirect, and checks what comes back."""

from __future__ import annotations

import itertools
import subprocess
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from lxml import etree

from benchmarks.peers.browser import response_of
from connector.demo.sample_saml import IdentityProvider as Asked
from connector.demo.sample_saml import authn_request_url, sp_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.identity_provider import IdentityProvider

BASE_URL: Final = "http://application.example"
ENTITY_ID: Final = f"{BASE_URL}/saml/metadata"
ACS_URL: Final = f"{BASE_URL}/saml/acs"
METADATA: Final = sp_metadata(BASE_URL)
# What each identity provider says of a person.
ATTRIBUTE_VALUES: Final = 16

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SIGNATURES = {
    "Response": "/*/*[local-name()='Signature']",
    "Assertion": "/*/*[local-name()='Assertion']/*[local-name()='Signature']",
}


class Requests:
    """AuthnRequests by HTTP-Redirect, unsigned, each with an ID of its own."""

    def __init__(self, provider: IdentityProvider) -> None:
        self._asked = Asked("", provider.sso_url, ())
        self._numbers = itertools.count()
        self._begun_at = datetime.now(UTC)

    def urls(self, count: int) -> list[str]:
        """Return so many URLs to begin a sign-on with, issued now."""
        return list(itertools.islice(self._urls(datetime.now(UTC)), count))

    def _urls(self, now: datetime) -> Iterator[str]:
        for number in self._numbers:
            request_id = f"_{self._begun_at.timestamp():.6f}-{number}"
            yield authn_request_url(self._asked, BASE_URL, request_id=request_id, now=now)


def require_good(page: bytes, provider: IdentityProvider) -> int:
    """Return the size of the Response that a page carries, in bytes.

    Raises:
        SystemExit: unless it says Success and so many attribute values as all others do, and
            xmlsec1 verifies both of its signatures.

    """
    document = b64decode(response_of(page))
    response = etree.fromstring(document)
    status = response.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    values = len(response.findall(f".//{_ASSERTION}AttributeValue"))
    if status is None or status.get("Value") != _SUCCESS or values != ATTRIBUTE_VALUES:
        raise SystemExit(f"{provider.name}: no success of {ATTRIBUTE_VALUES} values\n{document!r}")
    with TemporaryDirectory() as folder:
        _require_signatures(document, provider, Path(folder))
    return len(document)


def _require_signatures(document: bytes, provider: IdentityProvider, folder: Path) -> None:
    (folder / "certificate.pem").write_text(provider.certificate)
    (folder / "response.xml").write_bytes(document)
    for name, path in _SIGNATURES.items():
        command = ["xmlsec1", "--verify", "--pubkey-cert-pem", folder / "certificate.pem"]
        command += ["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response"]
        command += ["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]
        command += ["--node-xpath", path, folder / "response.xml"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{provider.name}: {name} is not verified\n{done.stderr}")
