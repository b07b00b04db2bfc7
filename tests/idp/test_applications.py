"""Applications come from presets, files and URLs; what is wrong is said for all of them at once."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.idp.application.load import ApplicationSources, load_applications
from connector.idp.application.metadata_client import SIZE_LIMIT_BYTES, MetadataClient
from connector.idp.application.preset import PRESETS_FILE, load_presets
from connector.settings import ApplicationSettings
from tests.idp.bench import NOW
from tests.idp.test_metadata import sp_metadata
from tests.parts.certificates import make_certificate

SHIPPED = Path(__file__).parents[2] / "mappings" / PRESETS_FILE
PORTAL = {"preset": "mimecast-personal-portal", "region": "us", "account_code": "CUSA1A1"}


def load(folder: Path, *settings: dict, client: MetadataClient | None = None):
    client = client or MetadataClient(folder / "copies")
    sources = ApplicationSources(folder, load_presets(SHIPPED), client, NOW)
    configured = [
        ApplicationSettings.model_validate(each, context={"folder": folder}) for each in settings
    ]
    return load_applications(configured, sources)


def faults_of(folder: Path, *settings: dict, client: MetadataClient | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(folder, *settings, client=client)
    return [str(fault) for fault in refused.value.faults]


def test_the_personal_portal_needs_a_region_and_a_code(tmp_path):
    registry, notes = load(tmp_path, {"name": "Mimecast", "groups": ["CN=Staff,DC=x"], **PORTAL})

    (application,) = registry.applications
    assert application.service_provider.entity_id == "us-api.mimecast.com.CUSA1A1"
    assert (
        application.service_provider.default_acs().url == "https://us-api.mimecast.com/login/saml"
    )
    assert application.portal_acs_url == "https://us-api.mimecast.com/login/sso/mpp"
    assert (application.slug, application.groups) == ("mimecast", frozenset({"cn=staff,dc=x"}))
    assert notes == ()


def test_portal_and_console_of_one_account_stand_side_by_side(tmp_path):
    """Mimecast has one entity ID for both; the address decides."""
    console = PORTAL | {"preset": "mimecast-administration-console"}
    registry, _ = load(tmp_path, {"name": "Portal", **PORTAL}, {"name": "Console", **console})

    found = registry.of_issuer("us-api.mimecast.com.CUSA1A1")
    assert [one.slug for one in found] == ["portal", "console"]
    assert found[1].portal_acs_url == "https://us-api.mimecast.com/login/sso/adcon"


@pytest.mark.parametrize("preset", ["mimecast-personal-portal", "mimecast-administration-console"])
def test_every_region_of_a_preset_fills_its_templates(preset: str):
    found = load_presets(SHIPPED)[preset]
    for region in found.regions:
        service_provider = found.to_service_provider(region, "CXYZ1")
        texts = [service_provider.entity_id, *(acs.url for acs in service_provider.acs_endpoints)]
        assert not any("{" in text for text in texts)


def test_region_and_code_may_be_typed_in_any_case(tmp_path):
    registry, _ = load(tmp_path, {"name": "M", **PORTAL, "region": "US", "account_code": "cusa1a1"})

    assert registry.of_issuer("us-api.mimecast.com.CUSA1A1")


def test_metadata_comes_from_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "sp.xml").write_text(sp_metadata())

    registry, _ = load(tmp_path, {"name": "Intranet", "metadata": "sp.xml", "groups": "*"})

    application = registry.by_slug("intranet")
    assert application.service_provider.entity_id == "https://sp.example/md"
    assert application.admits_everybody


def test_the_faults_of_all_applications_are_said_at_once(tmp_path):
    (tmp_path / "bad.xml").write_text("<x/>")

    faults = faults_of(
        tmp_path,
        {"name": "A", "preset": "mimecast-nothing", "region": "us", "account_code": "CUSA1A1"},
        {"name": "B", **PORTAL, "region": "mars", "account_code": "nine"},
        {"name": "D", "metadata": "bad.xml"},
        {"name": "E", "metadata": "http://sp.example/md"},
    )

    assert [fault.split(": ")[0].rpartition("/")[2] for fault in faults[3:]] == [
        "bad.xml",
        "md",
    ]
    assert [fault.split(": ")[1] for fault in faults[:3]] == [
        "application[0].preset",
        "application[1].region",
        "application[1].account_code",
    ]


def test_two_applications_that_nobody_could_tell_apart_are_refused(tmp_path):
    faults = faults_of(tmp_path, {"name": "Mail", **PORTAL}, {"name": "MAIL!", **PORTAL})

    assert "too much alike (mail)" in faults[0]
    assert "have the entity ID us-api.mimecast.com.CUSA1A1" in faults[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing = ", "cannot be read"),
        ("[preset.x]", "preset.x.title: is missing"),
        ('[preset.x]\ntitle = 1\ncolour = "red"', "preset.x.colour: unknown key"),
        ('[preset.x]\nacs = ["http://x"]', "https address"),
        ('[preset.x]\naccount_code = "("', "no regular expression"),
    ],
)
def test_a_file_of_presets_with_faults_is_refused(tmp_path, text: str, words: str):
    path = tmp_path / PRESETS_FILE
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=words.replace(".", r"\.")):
        load_presets(path)


def test_a_file_of_presets_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_presets(tmp_path / PRESETS_FILE)


@dataclass
class Publisher:
    """A web server by https that publishes metadata, and can be told to misbehave."""

    url: str = ""
    status: int = 200
    body: bytes = field(default_factory=lambda: sp_metadata().encode())
    headers: dict[str, str] = field(default_factory=dict)
    asked_count: int = 0


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

        def log_message(self, *args) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    publisher.url = f"https://localhost:{server.server_port}/metadata"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield publisher, ssl.create_default_context(cafile=files.authority)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def publisher(tmp_path):
    with publishing(tmp_path) as (publisher, tls):
        client = MetadataClient(tmp_path / "copies", tls, timeout_seconds=5)
        yield publisher, client


def test_metadata_comes_from_a_url(tmp_path, publisher):
    server, client = publisher

    registry, notes = load(tmp_path, {"name": "A", "metadata": server.url}, client=client)

    assert registry.of_issuer("https://sp.example/md")
    assert notes == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 302, "headers": {"Location": "http://evil.example/"}}, "leads on"),
        ({"body": b"<html/>"}, "describes 0"),
        ({"body": b"x" * (SIZE_LIMIT_BYTES + 1)}, "larger than"),
    ],
)
def test_a_copy_serves_when_the_url_does_not(tmp_path, publisher, changes, words):
    server, client = publisher
    for name, value in changes.items():
        setattr(server, name, value)
    assert any(
        words in fault
        for fault in faults_of(tmp_path, {"name": "A", "metadata": server.url}, client=client)
    )
    for name in changes:
        setattr(server, name, getattr(Publisher(), name))
    load(tmp_path, {"name": "A", "metadata": server.url}, client=client)
    for name, value in changes.items():
        setattr(server, name, value)

    registry, notes = load(tmp_path, {"name": "A", "metadata": server.url}, client=client)

    assert registry.of_issuer("https://sp.example/md")
    assert "older copy" in notes[0]
    assert words in notes[0]


def test_a_start_without_a_network_uses_the_copy(tmp_path):
    with publishing(tmp_path) as (server, tls):
        client = MetadataClient(tmp_path / "copies", tls, timeout_seconds=5)
        load(tmp_path, {"name": "A", "metadata": server.url}, client=client)

    registry, notes = load(tmp_path, {"name": "A", "metadata": server.url}, client=client)

    assert registry.applications
    assert "cannot be fetched" in notes[0]


def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path, publisher):
    server, _ = publisher

    faults = faults_of(tmp_path, {"name": "A", "metadata": server.url})

    assert "certificate verify failed" in faults[0].lower()
    assert server.asked_count == 0
