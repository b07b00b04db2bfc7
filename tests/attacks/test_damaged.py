"""Whatever is damaged, the answer is a refusal with a reason: never an error of a library."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.service_provider import AcsEndpoint, Registry, ServiceProvider
from connector.idp.binding import BoundMessage, read_post, read_redirect
from connector.idp.message.authn_request import parse_authn_request
from connector.idp.names import Binding
from tests.idp.bench import (
    ACS_URL,
    ENDPOINTS,
    NOW,
    SP_ENTITY_ID,
    an_application,
    authn_request,
    certificate_of,
    load_key,
    posted,
    redirected,
)

KEY = load_key("service_provider")
SIGNED = authn_request(key=KEY)
SERVICE_PROVIDER = ServiceProvider(
    SP_ENTITY_ID, (AcsEndpoint(ACS_URL),), (certificate_of(KEY),), signs_requests=True
)
REGISTRY = Registry((an_application(service_provider=SERVICE_PROVIDER),))
LAX = Registry((an_application(),))
NODE_COUNT = sum(1 for _ in etree.fromstring(SIGNED.encode()).iter())


def parse(message, registry: Registry = REGISTRY):
    return parse_authn_request(message, registry, now=NOW, endpoints=ENDPOINTS)


def drop(node: etree._Element) -> None:
    if node.getparent() is not None:
        node.getparent().remove(node)
    else:
        node.clear()


def empty(node: etree._Element) -> None:
    for child in list(node):
        node.remove(child)
    node.text = None


def fill(node: etree._Element) -> None:
    node.text = "ü?=" + (node.text or "")


def strip(node: etree._Element) -> None:
    for name in node.attrib:
        del node.attrib[name]


def spoil(node: etree._Element) -> None:
    for name in node.attrib:
        node.set(name, "urn:x")


def rename(node: etree._Element) -> None:
    node.tag = "{urn:x}y"


@pytest.mark.parametrize("number", range(NODE_COUNT))
@pytest.mark.parametrize("damage", [drop, empty, fill, strip, spoil, rename])
def test_every_damage_to_a_signed_request_is_refused(number: int, damage):
    root = etree.fromstring(SIGNED.encode())
    before = etree.tostring(root)
    node = list(root.iter())[number]
    damage(node)
    after = etree.tostring(root)

    if before == after or _is_key_info(node, root):
        # What is said of the key is not believed, so it may say anything.
        return
    with pytest.raises(RequestRefused):
        parse(posted(after.decode()))


def _is_key_info(node: etree._Element, root: etree._Element) -> bool:
    lineage = [each.tag for each in (node, *node.iterancestors())]
    return any("KeyInfo" in tag or "X509" in tag or tag == "{urn:x}y" for tag in lineage)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_changed_octets_are_refused_or_are_not_what_was_signed(data):
    octets = bytearray(SIGNED.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = parse(BoundMessage(Binding.POST, bytes(octets)))
    except RequestRefused:
        return
    assert request == parse(posted(SIGNED))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_octets_as_a_query_are_taken_or_refused(octets: bytes):
    for query in (octets, b"SAMLRequest=" + octets, b"SAMLRequest=AAAA&Signature=" + octets):
        with pytest.raises(RequestRefused):
            parse(read_redirect(query))


@given(st.text(max_size=300), st.text(max_size=50))
@settings(max_examples=200, deadline=None)
def test_any_text_as_a_form_is_taken_or_refused(value: str, relay_state: str):
    with pytest.raises(RequestRefused):
        parse(read_post({"SAMLRequest": value, "RelayState": relay_state}))


@pytest.mark.parametrize(
    "changes",
    [
        {"IssueInstant": "0001-01-01T00:00:00+14:00"},
        {"IssueInstant": "9999-12-31T23:59:59-14:00"},
        {"IssueInstant": "2026-11-02"},
        {"AssertionConsumerServiceURL": None, "AssertionConsumerServiceIndex": "9" * 6000},
        {"AssertionConsumerServiceURL": None, "AssertionConsumerServiceIndex": "²"},
        {"Version": "٢.0"},
    ],
)
def test_odd_values_are_refused(changes):
    with pytest.raises(RequestRefused):
        parse(redirected(authn_request(**changes)), LAX)
