"""Applications that others wrote take a sign-on signed by each kind of key."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from connector.clock import FixedClock
from connector.idp.keys.certificate import read_pair
from connector.idp.keys.rollover import activate, stage
from connector.idp.keys.start import KeyFolder, begin, to_record
from connector.idp.store.signing_keys import SigningKeyStore
from tests.idp.bench import KEYS
from tests.parts.certificates import make_key_pems
from tests.parts.identity_provider import IdentityProvider, make_identity_provider
from tests.parts.pysaml2_application import Pysaml2Application
from tests.parts.service_provider import ServiceProvider
from tests.parts.visitor import visit

if TYPE_CHECKING:
    from pathlib import Path

# pysaml2 leaves the files that it hands to xmlsec1 open.
pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore::ResourceWarning")]

NAMES = ("idp", "rsa_3072", "rsa_4096", "ecdsa_p256", "ecdsa_p384")


@pytest.fixture
def idp(engine, tmp_path: Path) -> IdentityProvider:
    provider = make_identity_provider(
        engine, tmp_path, "https://login.corp.test", FixedClock(datetime.now(UTC))
    )
    provider.people.add("alice")
    return provider


def sign_with(idp: IdentityProvider, name: str) -> None:
    """Let the provider sign with a key of the tests."""
    store, now = SigningKeyStore(idp.engine), idp.clock.now()
    seal = begin(store, KeyFolder(idp.folder), now, os.urandom).seal
    pair = read_pair((KEYS / f"{name}_key.pem").read_bytes(), name)
    key = to_record(pair, seal, now, os.urandom)
    store.change(lambda found: activate(stage(found, key), key, max(now, key.not_before)))


def response_for(idp: IdentityProvider, url: str) -> str:
    """Return what comes of a login that begins at a URL of an application."""
    visitor = visit(idp.app(), idp.site.base_url)
    there = urlsplit(url)
    page = visitor.sign_in(f"{there.path}?{there.query}", "alice@corp.test", "Passw0rd!")
    return dict(page.form().fields)["SAMLResponse"]


@pytest.mark.parametrize("name", NAMES)
def test_python3_saml_takes_it(idp: IdentityProvider, name: str):
    application = ServiceProvider("https://saml.test", *make_key_pems())
    idp.register("Python SAML", application.metadata())
    sign_with(idp, name)
    application.idp_metadata = idp.metadata()

    errors = application.take(response_for(idp, application.sign_in_url()))

    assert errors == []
    assert application.name_id == "alice@corp.test"


@pytest.mark.parametrize("name", NAMES)
def test_pysaml2_takes_it(idp: IdentityProvider, tmp_path: Path, name: str):
    certificate, key = make_key_pems()
    (tmp_path / "sp.crt").write_text(certificate)
    (tmp_path / "sp.key").write_text(key)
    application = Pysaml2Application("https://py.test", tmp_path / "sp.key", tmp_path / "sp.crt")
    idp.register("PySAML2", application.metadata())
    sign_with(idp, name)
    application.idp_metadata = idp.metadata()

    url = dict(application.ask()["headers"])["Location"]
    errors = application.take(response_for(idp, url))

    assert errors == []
    assert application.name_id == "alice@corp.test"
