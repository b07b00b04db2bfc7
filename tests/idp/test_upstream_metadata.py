"""An identity provider's metadata is read whole, by the key that must have signed it, or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from connector.errors import ConfigurationError
from connector.idp.application.fetching import Fetcher
from connector.idp.application.metadata_client import MetadataClient
from connector.idp.application.metadata_role import Wanted
from connector.idp.message.metadata import build_metadata
from connector.idp.message.sp_metadata import SpDescription, build_sp_metadata
from connector.idp.moment import to_timestamp
from connector.idp.names import Binding
from connector.idp.upstream.load import UpstreamSources, feed_of, load_upstreams
from connector.idp.upstream.metadata import parse_identity_provider
from connector.idp.xmldsig import parse_xml, verify_enveloped
from connector.settings.federation import UpstreamSettings
from tests.idp.bench import ENDPOINTS, NOW, certificate_of, load_key
from tests.idp.test_fetching import publishing
from tests.idp.upstream_bench import ACS_URL, OURS
from tests.parts.key_pair import make_key_pair

KEY, STRANGER = load_key("service_provider"), load_key("stranger")
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
ROLE = (
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}"'
    ' Location="{url}"/>'
)
REDIRECT = ROLE.format(binding="HTTP-Redirect", url="https://idp.example/redirect")
POST = ROLE.format(binding="HTTP-POST", url="https://idp.example/post")
SOAP = ROLE.format(binding="SOAP", url="https://idp.example/soap")


def key_descriptor(certificate: str = KEY.certificate, use: str = 'use="signing"') -> str:
    return (
        f"<md:KeyDescriptor {use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def metadata(inner: str = key_descriptor() + REDIRECT, entity: str = "", role: str = "") -> str:
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_md"'
        f' xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example" {entity}>'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"'
        f" {role}>{inner}</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def parse(document: str | bytes, **choices):
    document = document.encode() if isinstance(document, str) else document
    return parse_identity_provider(document, "idp.xml", Wanted(**choices))


def faults_of(document: str | bytes, **choices) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse(document, **choices)
    return [str(fault) for fault in refused.value.faults]


def test_an_identity_provider_is_read():
    keys = key_descriptor() + key_descriptor(STRANGER.certificate, use="")
    found = parse(metadata(keys + SOAP + POST + REDIRECT, role='WantAuthnRequestsSigned="1"'))

    assert found.entity_id == "https://idp.example"
    assert found.certificates == (certificate_of(KEY), certificate_of(STRANGER))
    assert found.wants_signed_requests
    assert found.door() == (Binding.REDIRECT, "https://idp.example/redirect")


def test_one_that_takes_only_posts_is_asked_by_post():
    assert parse(metadata(key_descriptor() + POST)).door() == (
        Binding.POST,
        "https://idp.example/post",
    )


def test_a_certificate_for_encryption_verifies_nothing():
    (fault,) = faults_of(metadata(key_descriptor(use='use="encryption"') + REDIRECT))

    assert "must hold a certificate for signatures" in fault


def test_every_fault_is_said_at_once(tmp_path):
    weak = make_key_pair(tmp_path, "weak", rsa.generate_private_key(65537, 1024)).certificate
    text = "".join(weak.public_bytes(Encoding.PEM).decode().splitlines()[1:-1])
    bad_url = ROLE.format(binding="HTTP-Redirect", url="javascript:alert(1)")

    faults = faults_of(
        metadata(
            key_descriptor("AAAA") + key_descriptor(text) + bad_url,
            entity='validUntil="later"',
            role='validUntil="soon"',
        ).replace("https://idp.example", "", 1)
    )

    assert [fault.partition(": ")[2].partition(": ")[0] for fault in faults] == [
        "EntityDescriptor.entityID",
        "SingleSignOnService.Location",
        "IDPSSODescriptor.KeyDescriptor",
        "IDPSSODescriptor.KeyDescriptor",
        "validUntil",
        "validUntil",
    ]
    assert "1024 bits; 2048 are the least" in faults[3]


@pytest.mark.parametrize("document", ["<x/>", "no xml", "<!DOCTYPE x><x/>"])
def test_what_is_no_metadata_is_refused(document):
    assert len(faults_of(document)) == 1


def test_a_document_of_several_must_name_one_identity_provider():
    wrapped = (
        '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{}'
        "</md:EntitiesDescriptor>"
    )

    other = metadata().replace("_md", "_md2").replace("https://idp.example", "urn:other", 1)
    both = wrapped.format(metadata() + other)

    assert parse(wrapped.format(metadata())).entity_id == "https://idp.example"
    (fault,) = faults_of(both)
    assert "must describe one SAML 2.0 identity provider, describes 2; name one by issuer" in fault
    assert parse(both, entity_id="urn:other").entity_id == "urn:other"
    (fault,) = faults_of(both, entity_id="urn:third")
    assert "describes 0 identity providers with the entity ID 'urn:third'" in fault


def test_how_long_it_may_be_kept_is_read():
    until = to_timestamp(NOW + timedelta(days=1))

    found = parse(metadata(entity=f'validUntil="{until}"', role='cacheDuration="PT1H"'))

    assert (found.valid_until, found.cache_duration) == (
        NOW + timedelta(days=1),
        timedelta(hours=1),
    )
    assert not found.has_ended(NOW)
    assert found.has_ended(NOW + timedelta(days=1))


# Signed.


def signed_metadata(key=KEY) -> bytes:
    """Our own, which is that of an identity provider, too."""
    until = NOW + timedelta(days=1)
    certificates = [key.certificate]
    return build_metadata(ENDPOINTS, key, certificates, valid_until=until, document_id="_signed")


def test_signed_metadata_is_read_where_the_signature_is_demanded():
    found = parse(signed_metadata(), signers=[certificate_of(KEY)])

    assert found.entity_id == ENDPOINTS.entity_id


def test_metadata_of_another_key_or_of_none_is_refused():
    theirs = signed_metadata(STRANGER)

    assert len(faults_of(theirs, signers=[certificate_of(KEY)])) == 1
    assert len(faults_of(metadata(), signers=[certificate_of(KEY)])) == 1


def test_only_what_was_signed_is_read():
    """Another entity around the signed one, or another key put into it."""
    root = etree.fromstring(signed_metadata())
    outer = etree.fromstring(metadata())
    outer.append(root)
    changed = etree.fromstring(signed_metadata())
    changed.find(f".//{MD}KeyDescriptor//{{*}}X509Certificate").text = STRANGER.certificate

    for document in (outer, changed):
        assert len(faults_of(etree.tostring(document), signers=[certificate_of(KEY)])) == 1


# As configured.


def sources(folder) -> UpstreamSources:
    return UpstreamSources(MetadataClient(folder / "copies"), OURS, NOW)


def settings(folder, **changes) -> UpstreamSettings:
    (folder / "idp.xml").write_text(metadata())
    values = {"name": "Partner", "metadata": "idp.xml", "domains": ["Partner.Example"], **changes}
    return UpstreamSettings.model_validate(values, context={"folder": folder})


def test_an_upstream_is_made_of_its_settings(tmp_path):
    upstreams, notes = load_upstreams([settings(tmp_path)], sources(tmp_path))

    (found,) = upstreams.upstreams
    assert (found.slug, found.entity_id, notes) == ("partner", OURS, ())
    assert found.domains == {"partner.example"}
    assert not found.allows_unsolicited
    assert found.signs_requests


def test_it_may_know_us_by_another_name(tmp_path):
    upstreams, _ = load_upstreams([settings(tmp_path, entity_id="urn:us")], sources(tmp_path))

    assert upstreams.upstreams[0].entity_id == "urn:us"


def test_the_key_of_the_metadata_is_a_file(tmp_path):
    (tmp_path / "signer.pem").write_bytes(certificate_of(KEY).public_bytes(Encoding.PEM))
    configured = settings(tmp_path, metadata_certificate="signer.pem")

    with pytest.raises(ConfigurationError):
        load_upstreams([configured], sources(tmp_path))
    (tmp_path / "idp.xml").write_bytes(signed_metadata())
    assert load_upstreams([configured], sources(tmp_path))[0].upstreams

    (tmp_path / "signer.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"metadata_certificate: .* holds no certificate"):
        load_upstreams([configured], sources(tmp_path))


def test_two_that_could_be_confused_are_faults(tmp_path):
    configured = [settings(tmp_path), settings(tmp_path, name="Partner!")]

    with pytest.raises(ConfigurationError) as refused:
        load_upstreams(configured, sources(tmp_path))

    assert [fault.problem for fault in refused.value.faults] == [
        "2 names are too much alike (partner)",
        "2 upstreams have the entity ID https://idp.example",
    ]


# At a URL.


def test_metadata_at_a_url_is_fetched_at_its_time_and_read_from_its_copy(tmp_path):
    with publishing(tmp_path) as (server, tls):
        client = MetadataClient(tmp_path / "copies", tls, timeout_seconds=5)
        server.body = metadata().encode()
        configured = settings(tmp_path, metadata=server.url)
        moment = [NOW]
        fetcher = Fetcher(
            lambda: [feed_of(configured)], client, lambda: moment[0], timedelta(hours=4)
        )

        def certificates(**changes):
            now = replace(UpstreamSources(client, OURS, moment[0]), **changes)
            return load_upstreams([configured], now)[0].upstreams[0].provider.certificates

        assert certificates() == (certificate_of(KEY),), "fetched, because there is no copy"
        server.body = metadata(key_descriptor(STRANGER.certificate) + REDIRECT).encode()
        assert certificates() == (certificate_of(KEY),)
        assert fetcher.look() == []
        moment[0] = NOW + timedelta(hours=4)
        (fetched,) = fetcher.look()
        assert (fetched.kind, fetched.name, fetched.is_new) == ("upstream", "Partner", True)
        assert certificates(fetches=False) == (certificate_of(STRANGER),)
        server.status = 500
        (failed,) = fetcher.look(is_forced=True)
        assert "status 500" in failed.problem
        assert certificates(fetches=False) == (certificate_of(STRANGER),)


def test_what_is_about_to_end_or_has_is_noted(tmp_path):
    def notes(until) -> tuple[str, ...]:
        configured = settings(tmp_path)
        text = metadata(entity=f'validUntil="{to_timestamp(until)}"')
        (tmp_path / "idp.xml").write_text(text)
        return load_upstreams([configured], sources(tmp_path))[1]

    assert notes(NOW + timedelta(days=8)) == ()
    assert notes(NOW + timedelta(days=1)) == (
        "upstream Partner: its metadata ends at 2026-11-03 08:00 UTC",
    )
    assert notes(NOW)[0].endswith("nobody can sign in by it until there is newer")


# What we say of ourselves.


@pytest.mark.parametrize("certificate", ["", STRANGER.certificate])
def test_we_describe_ourselves_signed(certificate):
    ours = SpDescription(OURS, ACS_URL, certificate)

    certificates = [KEY.certificate, STRANGER.certificate]
    document = build_sp_metadata(ours, KEY, certificates, valid_until=NOW, document_id="_m")

    root = verify_enveloped(parse_xml(document), [certificate_of(KEY)])
    role = root.find(f"{MD}SPSSODescriptor")
    uses = [each.get("use") for each in role.findall(f"{MD}KeyDescriptor")]
    assert uses == ["signing", "signing", *(["encryption"] if certificate else [])]
    consumer = role.find(f"{MD}AssertionConsumerService")
    assert (consumer.get("Location"), consumer.get("Binding")) == (ACS_URL, Binding.POST)
    assert (root.get("entityID"), role.get("AuthnRequestsSigned")) == (OURS, "true")
    methods = [each.get("Algorithm") for each in role.iter(f"{MD}EncryptionMethod")]
    assert all("gcm" in each or "oaep" in each for each in methods)
    assert bool(methods) is bool(certificate)


def test_what_is_not_signed_is_not_said_to_be():
    ours = replace(SpDescription(OURS, ACS_URL), signs_requests=False)

    document = build_sp_metadata(ours, KEY, [], valid_until=NOW, document_id="_m")
    root = etree.fromstring(document)

    assert root.find(f"{MD}SPSSODescriptor").get("AuthnRequestsSigned") == "false"
