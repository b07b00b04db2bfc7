"""Signing keys are exchanged while people sign in, and not one login fails.

Everything is real: the daemon and its processes, the command line, Apache with mod_auth_mellon,
python3-saml and pysaml2 as applications, each with the metadata that it fetched last.
"""

from __future__ import annotations

import gc
import os
import threading
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from lxml import etree

from connector.source.stored_password import store_password
from tests.parts.certificates import make_certificate, make_key_pems
from tests.parts.identity_provider import free_port
from tests.parts.login_load import LoginLoad
from tests.parts.mellon import mellon_folder, running_mellon
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.pysaml2_application import Pysaml2Application
from tests.parts.service import PATIENCE, serving
from tests.parts.service_provider import ServiceProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.parts.login_load import Entrance
    from tests.parts.mellon import Mellon

# pysaml2 leaves the files that it hands to xmlsec1 open.
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PASSWORD = "Passw0rd!"
# Logins of each application between two steps.
FEW = 8
SLUGS = ("mellon", "python-saml", "pysaml2")
COMPANY = """\
domain = "corp.test"
password = "{password}"
[[person]]
login = "alice"
given = "Alice"
family = "Lind"
"""
CONFIGURATION = """
[schedule]
every = "1h"
[operations]
listen = "127.0.0.1:{operations}"
[idp]
base_url = "{base_url}"
listen = "{listen}"
assertion_lifetime = "5s"
workers = 2
# Several begin by the same person's password at once, and an attempt counts until it has succeeded.
max_failures = 20
[log]
format = "json"
"""
APPLICATION = """
[[application]]
name = "{name}"
metadata = "{name}.xml"
groups = "*"
"""
CERTIFICATE = ".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate"


@dataclass
class Known:
    """What an application knows of us: the metadata that it fetched last.

    Attributes:
        url: Where it fetches.
        document: As it was then.

    """

    url: str
    document: bytes = b""

    def certificates(self) -> list[str]:
        """Return the certificates of keys in the order of the document, its own signature's not."""
        root = etree.fromstring(self.document)
        role = root.find("{urn:oasis:names:tc:SAML:2.0:metadata}IDPSSODescriptor")
        return [each.text for each in role.iterfind(CERTIFICATE)]

    def fetch(self, count: int) -> None:
        """Fetch until it shows so many certificates; other processes know a change in seconds."""
        patience = threading.Event()
        for _ in range(PATIENCE * 10):
            answer = httpx.get(self.url, timeout=PATIENCE)
            answer.raise_for_status()
            self.document = answer.content
            if len(self.certificates()) == count:
                return
            patience.wait(0.1)
        pytest.fail(f"{self.url} never shows {count} certificates")


@dataclass
class AtPythonSaml:
    """python3-saml as one person meets it; it reads the metadata for each request."""

    application: ServiceProvider
    known: Known
    is_open: AbstractContextManager = field(default_factory=nullcontext)

    def ask(self) -> str:
        self.application.idp_metadata = self.known.document
        return self.application.sign_in_url()

    def take(self, acs_url: str, fields: dict[str, str]) -> str:
        self.application.idp_metadata = self.known.document
        return "; ".join(map(str, self.application.take(fields["SAMLResponse"])))


@dataclass
class AtPysaml2:
    """pysaml2 as one person meets it; it is made anew when the metadata is another."""

    application: Pysaml2Application
    known: Known
    is_open: AbstractContextManager = field(default_factory=nullcontext)

    def ask(self) -> str:
        self._read()
        return dict(self.application.ask()["headers"])["Location"]

    def take(self, acs_url: str, fields: dict[str, str]) -> str:
        self._read()
        return "; ".join(self.application.take(fields["SAMLResponse"]))

    def _read(self) -> None:
        if self.application.idp_metadata != self.known.document:
            # What it has asked for already is kept.
            self.application = replace(self.application, idp_metadata=self.known.document)


class Here(httpx.HTTPTransport):
    """Finds every host on this machine, and asks for no certificate."""

    def __init__(self) -> None:
        super().__init__(verify=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1")
        here = httpx.Request(request.method, url, headers=request.headers, stream=request.stream)
        return super().handle_request(here)


@dataclass
class AtMellon:
    """mod_auth_mellon as one person meets it; it reads its file when Apache starts."""

    base_url: str
    is_open: AbstractContextManager
    client: httpx.Client | None = field(default=None, repr=False)

    def ask(self) -> str:
        self.client = httpx.Client(base_url=self.base_url, transport=Here(), timeout=PATIENCE)
        location = "/private/"
        while urlsplit(location).netloc in ("", urlsplit(self.base_url).netloc):
            location = self.client.get(location).headers["location"]
        return location

    def take(self, acs_url: str, fields: dict[str, str]) -> str:
        with closing(self.client) as client:
            answer = client.post(urlsplit(acs_url).path, data=fields)
            if not answer.has_redirect_location:
                return f"mellon: {answer.status_code} {answer.text[:300]}"
            inside = client.get(urlsplit(answer.headers["location"]).path)
            return "" if "Inside mellon" in inside.text else f"mellon: {inside.status_code}"


@dataclass
class World:
    """The daemon, the applications and the people, at work.

    Attributes:
        operator: At the command line.
        load: The people.
        known: What each application knows of us, by slug.
        mellon: Apache.
        mellon_lock: Held while mellon is in use.

    """

    operator: Operator
    load: LoginLoad
    known: dict[str, Known]
    mellon: Mellon
    mellon_lock: threading.Lock

    def keys(self) -> dict[str, str]:
        """Return the fingerprints of the keys by their state."""
        return {one["state"]: one["sha256"] for one in self.operator.run_json("key", "list")}

    def people(self) -> list[tuple[str, Callable[[], Entrance], bool]]:
        """Return who signs in where: all by a sign-on that they have, one by password each time."""
        folder, known = self.operator.folder, self.known

        def python_saml() -> AtPythonSaml:
            return AtPythonSaml(_python_saml(folder), known["python-saml"])

        return [
            ("python-saml", python_saml, False),
            ("python-saml", python_saml, True),
            ("pysaml2", lambda: AtPysaml2(_pysaml2(folder), known["pysaml2"]), False),
            ("mellon", lambda: AtMellon(self.mellon.base_url, self.mellon_lock), False),
        ]

    def stage(self, former: str, algorithm: str) -> str:
        """Stage a key and let every application fetch its certificate; return its fingerprint."""
        self.load.wait_for_more(FEW, *SLUGS)
        self.operator.run("key", "stage", "--algorithm", algorithm)
        self.fetch_metadata(2)
        self.load.wait_for_more(FEW, *SLUGS)
        assert {signer for _, signer in self.load.counts()} == {former}
        return self.keys()["staged"]

    def retire(self, fingerprint: str) -> None:
        """Retire a key as soon as nothing that it signed can be under way."""
        patience = threading.Event()
        for _ in range(PATIENCE):
            command = self.operator.start("key", "retire", fingerprint[:12])
            _, errors = command.communicate(timeout=PATIENCE)
            if command.returncode == 0:
                return
            assert f"answers that {fingerprint[:12]} signed may be under way until" in errors
            patience.wait(1)
        pytest.fail("it is never retired")

    def fetch_metadata(self, count: int) -> None:
        """Let every application fetch our metadata, which shows so many certificates."""
        for known in self.known.values():
            known.fetch(count)
        with self.mellon_lock:
            self.mellon.restart(self.known["mellon"].document)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    ports = {name: free_port() for name in ("idp", "operations", "mellon")}
    idp_url, mellon_url = (
        f"http://127.0.0.1:{ports['idp']}",
        f"https://mellon.test:{ports['mellon']}",
    )
    operator = Operator(tmp_path)
    with mellon_folder(mellon_url) as files:
        documents = {
            "mellon": (files / "sp.xml").read_bytes(),
            "python-saml": _python_saml(tmp_path).metadata(),
            "pysaml2": _pysaml2(tmp_path).metadata(),
        }
        _configure(operator, idp_url, ports, documents)
        with serving(operator.start("run"), ports["operations"]) as service:
            service.wait_for("cycle.ended")
            known = {slug: Known(f"{idp_url}/saml/metadata/{slug}") for slug in SLUGS}
            for each in known.values():
                each.fetch(1)
            tls = make_certificate(tmp_path, "mellon.test")
            document = known["mellon"].document
            with running_mellon(files, mellon_url, tls=tls, idp_metadata=document) as mellon:
                load = LoginLoad(idp_url, "alice@corp.test", PASSWORD)
                yield World(operator, load, known, mellon, threading.Lock())
    gc.collect()


def test_an_rsa_key_gives_way_to_another_under_a_load_of_logins_and_not_one_fails(world: World):
    former, load = world.keys()["active"], world.load
    with load.running(*world.people()):
        following = world.stage(former, "rsa-2048")

        # Nobody is asked anything: every application has fetched the next certificate.
        world.operator.run("key", "activate", "--app", "python-saml")
        load.wait_for_signer(following, FEW, "python-saml")
        assert {name for name, signer in load.counts() if signer == following} == {"python-saml"}
        world.operator.run("key", "activate")
        load.wait_for_signer(following, FEW, *SLUGS)

        world.retire(former)
        world.fetch_metadata(1)
        load.wait_for_more(FEW, *SLUGS)

    assert load.failures() == []
    assert load.counts().keys() == {(slug, key) for slug in SLUGS for key in (former, following)}
    assert world.keys() == {"active": following}


@pytest.mark.long
def test_an_rsa_key_gives_way_to_ecdsa_except_where_that_is_not_known(world: World):
    """The lasso 2.8 of mellon verifies no ECDSA, seen in November 2026.

    Of the long profile: in every run `idp/test_algorithms_at_applications.py` has the applications
    of others verify ECDSA, and `cli/test_keys.py` excepts one of them.
    """
    former, load = world.keys()["active"], world.load
    others = [slug for slug in SLUGS if slug != "mellon"]
    with load.running(*world.people()):
        following = world.stage(former, "ecdsa-p256")

        world.operator.run("key", "activate", "--except", "mellon")
        load.wait_for_signer(following, FEW, *others)
        load.wait_for_more(FEW, "mellon")
        errors = world.operator.fail("key", "retire", former[:12], "--now")
        world.fetch_metadata(2)
        load.wait_for_more(FEW, *SLUGS)

    assert "still signs for mellon" in errors
    assert load.failures() == []
    assert {signer for slug, signer in load.counts() if slug == "mellon"} == {former}
    assert world.keys() == {"active": following, "outgoing": former}


def _configure(
    operator: Operator, idp_url: str, ports: dict[str, int], documents: dict[str, bytes]
) -> None:
    stored = store_password(PASSWORD, os.urandom(16))
    (operator.folder / "company.toml").write_text(COMPANY.format(password=stored))
    for slug, document in documents.items():
        (operator.folder / f"{slug}.xml").write_bytes(document)
    listen = f"127.0.0.1:{ports['idp']}"
    operator.configure(
        FILE_SOURCE.format(file="company.toml"),
        CONFIGURATION.format(base_url=idp_url, listen=listen, operations=ports["operations"]),
        *(APPLICATION.format(name=slug) for slug in documents),
    )


def _key_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the key and the certificate that an application signs with; made once."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    if not key.exists():
        texts = make_key_pems()
        certificate.write_text(texts[0])
        key.write_text(texts[1])
    return key, certificate


def _python_saml(folder: Path) -> ServiceProvider:
    key, certificate = _key_files(folder, "python-saml")
    return ServiceProvider("https://saml.test", certificate.read_text(), key.read_text())


def _pysaml2(folder: Path) -> Pysaml2Application:
    return Pysaml2Application("https://pysaml2.test", *_key_files(folder, "pysaml2"))
