"""A service provider's metadata is read whole, with every fault said; ours is signed and valid."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from connector.errors import ConfigurationError
from connector.idp.application.metadata import Wanted, parse_service_provider
from connector.idp.application.service_provider import RequestedAttribute
from connector.idp.message.metadata import build_metadata
from connector.idp.moment import to_moment
from connector.idp.names import Binding
from connector.idp.xmldsig import parse_xml, verify_enveloped
from tests.idp.bench import ENDPOINTS, NOW, certificate_of, load_key

KEY = load_key("service_provider")
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"


def sp_metadata(
    inner: str = "",
    *,
    entity: str = 'entityID="https://sp.example/md"',
    role: str = "",
    acs: str | None = None,
    services: str = "",
) -> str:
    acs = (
        '<md:AssertionConsumerService index="0"'
        ' Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"'
        ' Location="https://sp.example/acs"/>'
        if acs is None
        else acs
    )
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'
        f' xmlns:ds="http://www.w3.org/2000/09/xmldsig#" {entity}>'
        f'<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" {role}>'
        f"{inner}{acs}{services}</md:SPSSODescriptor></md:EntityDescriptor>"
    )


def key_descriptor(certificate: str = KEY.certificate, use: str = 'use="signing"') -> str:
    return (
        f"<md:KeyDescriptor {use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def parse(document: str):
    return parse_service_provider(document.encode(), "sp.xml")


def faults_of(document: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse(document)
    return [str(fault) for fault in refused.value.faults]


def test_a_service_provider_is_read():
    found = parse(
        sp_metadata(
            key_descriptor() + "<md:NameIDFormat> urn:x </md:NameIDFormat>",
            role='AuthnRequestsSigned="true"',
        )
    )

    assert found.entity_id == "https://sp.example/md"
    assert found.default_acs().url == "https://sp.example/acs"
    assert found.certificates == (certificate_of(KEY),)
    assert found.signs_requests
    assert found.name_id_formats == ("urn:x",)


def test_a_certificate_may_have_line_ends_and_no_use():
    lines = "\n    ".join(KEY.certificate[at : at + 64] for at in range(0, 1200, 64))

    found = parse(sp_metadata(key_descriptor(f"\n{lines}\n", use="")))

    assert found.certificates == (certificate_of(KEY),)


def test_a_certificate_for_encryption_verifies_nothing():
    assert parse(sp_metadata(key_descriptor(use='use="encryption"'))).certificates == ()


def test_comments_are_dropped_before_anything_is_read():
    document = sp_metadata()
    document = "<!-- made by hand -->" + document.replace("<md:SPSSO", "<!-- x --><md:SPSSO", 1)
    names = "<md:NameIDFormat>urn:<!-- cut here -->x</md:NameIDFormat>"

    assert parse(document.replace("<md:Assertion", names + "<md:Assertion")).name_id_formats == (
        "urn:x",
    )


def test_of_several_entities_the_one_service_provider_is_taken():
    idp = '<md:EntityDescriptor entityID="idp"><md:IDPSSODescriptor/></md:EntityDescriptor>'
    document = (
        f'<md:EntitiesDescriptor xmlns:md="{MD[1:-1]}">{idp}{sp_metadata()}</md:EntitiesDescriptor>'
    )

    assert parse(document).entity_id == "https://sp.example/md"


def test_two_service_providers_in_one_document_are_one_too_many():
    document = f'<md:E xmlns:md="{MD[1:-1]}">{sp_metadata()}{sp_metadata()}</md:E>'

    assert "describes 2" in faults_of(document)[0]


def test_every_fault_is_said_at_once():
    acs = (
        '<md:AssertionConsumerService index="x" Location="javascript:alert(1)" Binding="b"/>'
        '<md:AssertionConsumerService index="1" Location="ftp://a/" Binding="b"/>'
    )
    document = sp_metadata(
        key_descriptor("bm90IGEgY2VydGlmaWNhdGU="),
        entity='entityID="" validUntil="2026-11-02T07:59:00Z"',
        role='validUntil="soon" AuthnRequestsSigned="1"',
        acs=acs,
    )

    faults = faults_of(document)

    for part in (
        "entityID",
        "not a time",
        "certificate that is none",
        "no certificate to check",
        "[0].Location",
        "[0].index",
        "[1].Location",
        "HTTP-POST",
    ):
        assert any(part in fault for fault in faults), part
    assert len(faults) == 8


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "not well-formed"),
        ("<html>Not found</html>", "describes 0"),
        (sp_metadata().replace("2.0:protocol", "1.1:protocol"), "describes 0"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
        ("<x>" + "y" * 1_048_576 + "</x>", "more than 1048576 bytes"),
    ],
)
def test_what_is_no_metadata_is_said(document: str, words: str):
    assert words in faults_of(document)[0]


def test_ours_says_where_to_go_and_is_signed():
    valid_until = NOW + timedelta(days=30)
    document = build_metadata(
        ENDPOINTS,
        load_key("idp"),
        [load_key("idp").certificate, load_key("stranger").certificate],
        valid_until=valid_until,
        document_id="_m",
    )

    root = verify_enveloped(parse_xml(document), [certificate_of(load_key("idp"))])

    assert root.get("entityID") == ENDPOINTS.entity_id
    assert to_moment(root.get("validUntil")) == valid_until
    role = root.find(f"{MD}IDPSSODescriptor")
    services = role.findall(f"{MD}SingleSignOnService")
    assert {each.get("Binding") for each in services} == {Binding.REDIRECT, Binding.POST}
    assert {each.get("Location") for each in services} == {ENDPOINTS.sso_url}
    assert len(role.findall(f"{MD}KeyDescriptor")) == 2, "the next key is known before it signs"


def test_ours_is_its_own_canonical_form():
    key = load_key("idp")
    document = build_metadata(ENDPOINTS, key, [key.certificate], valid_until=NOW, document_id="_m")

    root = etree.fromstring(document)
    assert etree.tostring(root, method="c14n", exclusive=True) == document


def of_entities(*entities: str, attributes: str = "") -> str:
    inner = "".join(entities)
    return (
        f'<md:EntitiesDescriptor xmlns:md="{MD[1:-1]}" {attributes}>{inner}</md:EntitiesDescriptor>'
    )


def test_of_several_service_providers_the_one_that_is_meant_is_read():
    inner = of_entities(sp_metadata(entity='entityID="b"'), sp_metadata(entity='entityID="c"'))
    document = of_entities(sp_metadata(entity='entityID="a"'), inner)

    found = parse_service_provider(document.encode(), "sp.xml", Wanted("c"))

    assert found.entity_id == "c"
    with pytest.raises(ConfigurationError, match="name one by entity_id: a, b, c"):
        parse(document)


def test_the_name_of_the_only_one_must_be_the_one_that_is_meant():
    with pytest.raises(ConfigurationError, match="describes 0 service providers"):
        parse_service_provider(sp_metadata().encode(), "sp.xml", Wanted("other"))


def test_what_anything_above_it_says_of_validity_holds_for_a_role():
    entity = 'entityID="a" validUntil="2026-11-09T00:00:00Z" cacheDuration="PT6H"'
    role = 'validUntil="2026-11-07T00:00:00Z" cacheDuration="P1D"'
    whole = 'validUntil="2026-11-08T00:00:00Z" cacheDuration="P1M"'

    found = parse(of_entities(sp_metadata(entity=entity, role=role), attributes=whole))

    assert found.valid_until == to_moment("2026-11-07T00:00:00Z")
    assert found.cache_duration == timedelta(hours=6)
    assert not found.has_ended(NOW)
    assert found.has_ended(to_moment("2026-11-07T00:00:00Z"))


@pytest.mark.parametrize("duration", ["P", "1h", "-P1D", "PT", "P1", "P99999999999Y"])
def test_a_duration_that_is_none_is_a_fault(duration: str):
    document = sp_metadata(entity=f'entityID="a" cacheDuration="{duration}"')

    assert faults_of(document) == [f"sp.xml: cacheDuration: is not a duration: {duration!r}"]


SERVICE = """
<md:AttributeConsumingService index="4" isDefault="true">
  <md:ServiceName xml:lang="de">Gehalt</md:ServiceName>
  <md:ServiceName xml:lang="en">Payroll</md:ServiceName>
  <md:RequestedAttribute Name="urn:oid:2.5.4.4" FriendlyName="sn" NameFormat="urn:f" isRequired="1"/>
  <md:RequestedAttribute Name="title"/>
</md:AttributeConsumingService>
"""


def test_what_it_asks_for_is_read():
    found = parse(sp_metadata(services=SERVICE))

    (service,) = found.attribute_services
    assert (service.index, service.is_default) == (4, True)
    assert service.requested == (
        RequestedAttribute("urn:oid:2.5.4.4", "urn:f", "sn", is_required=True),
        RequestedAttribute("title"),
    )
    assert found.display_name == "Payroll"
    assert found.attribute_service(None) is found.attribute_service(4) is service
    assert found.attribute_service(5) is None


def test_it_may_want_signed_assertions():
    assert parse(sp_metadata(role='WantAssertionsSigned="true"')).wants_signed_assertions
    assert not parse(sp_metadata()).wants_signed_assertions


def test_a_certificate_that_is_none_is_one_fault_however_often_it_is_looked_at():
    faults = faults_of(sp_metadata(key_descriptor("bm90IGEgY2VydGlmaWNhdGU=", use="")))

    assert len(faults) == 1
    assert "SPSSODescriptor.KeyDescriptor: holds a certificate that is none" in faults[0]
