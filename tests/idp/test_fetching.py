"""Metadata is fetched beside the logins, kept as copies, and taken up without a restart."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from connector.errors import ConfigurationError
from connector.idp.application.catalogue import Catalogue
from connector.idp.application.fetching import Fetcher, FetchLoop
from connector.idp.application.following import Follower, stamp_of
from connector.idp.application.load import feed_of, is_fetched, load_applications
from connector.idp.application.metadata_client import SIZE_LIMIT_BYTES, MetadataClient
from connector.idp.application.service_provider import Registry
from connector.idp.moment import to_timestamp
from connector.idp.names import PROTOCOL, Binding
from connector.idp.xmldsig import Element, sign_enveloped
from tests.idp.bench import NOW, certificate_of, load_key
from tests.idp.test_applications import configured, sources
from tests.idp.test_metadata import sp_metadata
from tests.parts.certificates import make_certificate

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Publisher:
    """A web server by https that publishes metadata, and can be told to misbehave."""

    url: str = ""
    status: int = 200
    body: bytes = field(default_factory=lambda: sp_metadata().encode())
    headers: dict[str, str] = field(default_factory=dict)
    asked_count: int = 0
    was_asked: threading.Event = field(default_factory=threading.Event)


@contextmanager
def publishing(folder: Path):
    files = make_certificate(folder, "127.0.0.1", "localhost")
    publisher = Publisher()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked_count += 1
            self.send_response(publisher.status)
            for name, value in publisher.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(publisher.body)
            publisher.was_asked.set()

        def log_message(self, *args) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    publisher.url = f"https://localhost:{server.server_port}/metadata"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield publisher, ssl.create_default_context(cafile=files.authority)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Desk:
    """One application whose metadata is at a URL."""

    folder: Path
    server: Publisher
    client: MetadataClient
    now = NOW
    changes: dict = field(default_factory=dict)

    def settings(self):
        return configured(self.folder, {"name": "A", "metadata": self.server.url, **self.changes})

    def sources(self, **changes):
        return replace(sources(self.folder, self.client, **changes), now=self.now)

    def load(self, **changes):
        return load_applications(self.settings(), self.sources(**changes))

    def fetcher(self, every: timedelta = timedelta(hours=4)) -> Fetcher:
        def feeds():
            return [feed_of(each) for each in self.settings() if is_fetched(each)]

        return Fetcher(feeds, self.client, lambda: self.now, every)


@pytest.fixture
def log():
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def desk(tmp_path):
    with publishing(tmp_path) as (publisher, tls):
        client = MetadataClient(tmp_path / "copies", tls, timeout_seconds=5)
        yield Desk(tmp_path, publisher, client)


def test_metadata_comes_from_a_url_and_is_then_read_from_its_copy(desk: Desk):
    for _ in range(3):
        loaded = desk.load()
        assert loaded.registry.of_issuer("https://sp.example/md")
        assert loaded.notes == ()

    assert desk.server.asked_count == 1


BAD = [
    ({"status": 500}, "status 500"),
    ({"status": 302, "headers": {"Location": "http://evil.example/"}}, "leads on"),
    ({"body": b"<html/>"}, "describes 0"),
    ({"body": b"x" * (SIZE_LIMIT_BYTES + 1)}, "larger than"),
    (
        {"body": sp_metadata(role='validUntil="2026-11-02T07:59:00Z"').encode()},
        "the metadata ended at 2026-11-02 07:59 UTC",
    ),
]


@pytest.mark.parametrize(("changes", "words"), BAD)
def test_what_cannot_be_used_takes_no_place(desk: Desk, changes, words):
    for name, value in changes.items():
        setattr(desk.server, name, value)
    with pytest.raises(ConfigurationError, match=words):
        desk.load()
    for name in changes:
        setattr(desk.server, name, getattr(Publisher(), name))
    before = desk.load().registry
    for name, value in changes.items():
        setattr(desk.server, name, value)

    (fetched,) = desk.fetcher().look(is_forced=True)

    assert words in fetched.problem
    assert desk.load().registry == before


def test_an_application_that_cannot_be_had_yet_keeps_no_other_out(desk: Desk):
    desk.server.status = 500

    loaded = desk.load(is_lenient=True)

    assert loaded.registry.applications == ()
    assert loaded.notes == (
        f"application A is left out: {desk.server.url}: answers with status 500",
    )
    assert "has not been fetched yet" in desk.load(is_lenient=True, fetches=False).notes[0]
    assert desk.server.asked_count == 1


def test_a_server_that_nobody_vouches_for_is_not_believed(desk: Desk):
    desk.client = MetadataClient(desk.folder / "copies")

    with pytest.raises(ConfigurationError, match=r"(?i)certificate verify failed"):
        desk.load()
    assert desk.server.asked_count == 0


def looks_after(desk: Desk, fetcher: Fetcher, **delay) -> int:
    """Return how many documents are fetched so long after the start."""
    desk.now = NOW + timedelta(**delay)
    return len(fetcher.look())


def test_metadata_is_fetched_when_it_is_due(desk: Desk):
    fetcher = desk.fetcher()

    assert looks_after(desk, fetcher, minutes=0) == 1
    assert looks_after(desk, fetcher, hours=3, minutes=59) == 0
    assert looks_after(desk, fetcher, hours=4) == 1
    assert looks_after(desk, fetcher, hours=7) == 0


def test_metadata_that_asks_to_be_read_sooner_is(desk: Desk):
    desk.server.body = sp_metadata(
        entity='entityID="https://sp.example/md" cacheDuration="PT1H"'
    ).encode()
    fetcher = desk.fetcher()

    assert looks_after(desk, fetcher, minutes=0) == 1
    assert looks_after(desk, fetcher, minutes=59) == 0
    assert looks_after(desk, fetcher, minutes=60) == 1


def test_metadata_cannot_ask_to_be_read_all_the_time(desk: Desk):
    desk.server.body = sp_metadata(
        entity='entityID="https://sp.example/md" cacheDuration="PT1S"'
    ).encode()
    fetcher = desk.fetcher()

    assert looks_after(desk, fetcher, minutes=0) == 1
    assert looks_after(desk, fetcher, minutes=4) == 0
    assert looks_after(desk, fetcher, minutes=5) == 1


def test_what_could_not_be_fetched_is_tried_again_soon_and_said_once(desk: Desk, log):
    fetcher = desk.fetcher()
    desk.server.status = 500

    counts = [looks_after(desk, fetcher, minutes=each) for each in (0, 9, 10, 20)]
    desk.server.status = 200
    counts.append(looks_after(desk, fetcher, minutes=30))

    assert counts == [1, 0, 1, 1, 1]
    assert [line["event"] for line in log] == ["metadata.fetch_failed", "metadata.fetched"]


def follower(desk: Desk, catalogue: Catalogue) -> Follower:
    paths = [desk.client.path_of(desk.server.url)]
    return Follower(
        catalogue,
        lambda: desk.load(fetches=False, is_lenient=True),
        lambda: stamp_of(paths),
        seen=(),
    )


def test_a_process_takes_up_what_another_has_fetched(desk: Desk, log):
    catalogue = Catalogue(Registry())
    following = follower(desk, catalogue)
    following.look()
    assert catalogue.registry == Registry()

    desk.fetcher().look()
    following.look()
    first = catalogue.registry
    desk.fetcher().look(is_forced=True)
    following.look()
    assert first.of_issuer("https://sp.example/md")
    assert catalogue.registry is first, "the same words are no news"

    desk.now = NOW + timedelta(hours=1)
    desk.server.body = desk.server.body.replace(b"sp.example/acs", b"sp.example/new")
    desk.fetcher().look(is_forced=True)
    following.look()

    (application,) = catalogue.registry.applications
    assert application.service_provider.default_acs().url == "https://sp.example/new"
    assert [line["event"] for line in log].count("applications.replaced") == 2


def test_files_that_are_wrong_leave_the_applications_as_they_were(desk: Desk, log):
    desk.fetcher().look()
    catalogue = Catalogue(desk.load().registry)
    following = follower(desk, catalogue)
    desk.changes = {"attributes": {"x": "no such path"}}

    following.look()
    following.look()

    assert len(catalogue.registry.applications) == 1
    assert [line["event"] for line in log if line["event"].startswith("app")] == [
        "applications.kept"
    ]


def test_nothing_is_read_while_nothing_changes(desk: Desk):
    desk.fetcher().look()
    following = follower(desk, Catalogue(Registry()))
    following.look()
    following.load = pytest.fail

    following.look()


def test_the_loop_fetches_at_once_and_again_when_it_is_told_to(desk: Desk):
    loop = FetchLoop(desk.fetcher(), lambda: ())
    loop.start()
    try:
        assert desk.server.was_asked.wait(10)
        desk.server.was_asked.clear()
        loop.fetch_all()
        assert desk.server.was_asked.wait(10)
    finally:
        loop.stop()


def test_what_the_operator_should_know_is_said_once_a_day(desk: Desk, log):
    loop = FetchLoop(desk.fetcher(), lambda: ("it ends soon",))

    for hours in (1, 23, 24, 25, 47, 48):
        desk.now = NOW + timedelta(hours=hours)
        loop._note_daily()

    assert [line["note"] for line in log] == ["it ends soon"] * 2


def signed_metadata(key_name: str) -> bytes:
    """Return the metadata of two service providers, signed as a whole."""
    inner = tuple(described(name) for name in ("one.example", "two.example"))
    element = Element(
        "md:EntitiesDescriptor",
        {"ID": "_all", "validUntil": to_timestamp(NOW + timedelta(days=3))},
        inner,
    )
    return sign_enveloped(element, load_key(key_name), position=0).encode()


def described(name: str) -> Element:
    acs = {"Binding": Binding.POST, "Location": f"https://{name}/acs", "index": "0"}
    role = Element(
        "md:SPSSODescriptor",
        {"protocolSupportEnumeration": PROTOCOL},
        (Element("md:AssertionConsumerService", acs),),
    )
    return Element("md:EntityDescriptor", {"entityID": name}, (role,))


@pytest.fixture
def federation(desk: Desk) -> Desk:
    """A URL with the metadata of several, which must be signed."""
    desk.server.body = signed_metadata("idp")
    certificate = certificate_of(load_key("idp")).public_bytes(Encoding.PEM)
    (desk.folder / "federation.pem").write_bytes(certificate)
    desk.changes = {"metadata_certificate": "federation.pem", "entity_id": "two.example"}
    return desk


def test_one_of_several_is_chosen_and_the_signature_is_checked(federation: Desk):
    loaded = federation.load()

    (application,) = loaded.registry.applications
    assert application.service_provider.default_acs().url == "https://two.example/acs"
    assert loaded.notes == ("application A: its metadata ends at 2026-11-05 08:00 UTC",)


FORGED = {
    "by another key": (lambda _: signed_metadata("stranger"), "does not verify"),
    "changed": (
        lambda body: body.replace(b"two.example/acs", b"evil.example/a"),
        "does not verify",
    ),
    "unsigned": (lambda _: sp_metadata().encode(), "not exactly one signature"),
}


@pytest.mark.parametrize(("forge", "words"), FORGED.values(), ids=FORGED)
def test_metadata_that_is_not_signed_as_it_must_be_is_refused(federation: Desk, forge, words):
    federation.server.body = forge(federation.server.body)

    with pytest.raises(ConfigurationError, match=words):
        federation.load()


def test_a_copy_is_not_believed_more_than_what_was_fetched(federation: Desk):
    federation.load()
    copy = federation.client.path_of(federation.server.url)
    copy.write_bytes(copy.read_bytes().replace(b"two.example/acs", b"evil.example/a"))

    with pytest.raises(ConfigurationError, match="does not verify"):
        federation.load()


def test_whoever_is_not_in_the_document_is_said_with_those_who_are(federation: Desk):
    federation.changes["entity_id"] = "three.example"

    with pytest.raises(ConfigurationError, match=r"describes 0 .* one\.example, two\.example"):
        federation.load()


def test_a_certificate_that_is_none_is_said(federation: Desk):
    (federation.folder / "federation.pem").write_text("hello")

    with pytest.raises(ConfigurationError, match=r"metadata_certificate: federation\.pem holds no"):
        federation.load()


def test_what_has_ended_is_kept_in_the_list_and_said(federation: Desk):
    federation.load()
    federation.now = NOW + timedelta(days=4)

    loaded = federation.load()

    assert loaded.registry.applications[0].service_provider.has_ended(federation.now)
    assert "nobody can sign in there" in loaded.notes[0]
