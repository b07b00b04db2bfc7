"""XML signature wrapping: the signed request moved aside, another one put in its place.

The eight arrangements are those known from attacks on assertions, here with the AuthnRequest that
a service provider signed and posted; what the attacker wants is the answer at another address, or
for another request. Each must be refused, or give nothing but what was signed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from connector.errors import RequestRefused
from connector.idp.application.service_provider import AcsEndpoint, Registry, ServiceProvider
from connector.idp.message.authn_request import AuthnRequest, parse_authn_request
from connector.idp.reason import Reason
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
)

OTHER_ACS = "https://intranet.corp.example/saml/other"
DS = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{DS}}}Signature"
EXTENSIONS = "{urn:oasis:names:tc:SAML:2.0:protocol}Extensions"

KEY = load_key("service_provider")
APPLICATION = an_application(
    service_provider=ServiceProvider(
        SP_ENTITY_ID,
        (AcsEndpoint(ACS_URL, index=1), AcsEndpoint(OTHER_ACS, index=2)),
        certificates=(certificate_of(KEY),),
        signs_requests=True,
    )
)


def parse(root: etree._Element) -> AuthnRequest:
    message = posted(etree.tostring(root).decode())
    return parse_authn_request(message, Registry((APPLICATION,)), now=NOW, endpoints=ENDPOINTS)


def signed_request() -> etree._Element:
    return etree.fromstring(authn_request(key=KEY, ID="_signed").encode())


def parts() -> tuple[etree._Element, etree._Element, etree._Element]:
    """Return the evil request with a new ID, the original without signature, the signature."""
    original = signed_request()
    signature = original.find(SIGNATURE)
    original.remove(signature)
    evil = copy.deepcopy(original)
    evil.set("ID", "_evil")
    evil.set("AssertionConsumerServiceURL", OTHER_ACS)
    return evil, original, signature


def wrap_1() -> etree._Element:
    """The original inside its own signature."""
    evil, original, signature = parts()
    signature.append(original)
    evil.insert(1, signature)
    return evil


def wrap_2() -> etree._Element:
    """The original as a sibling before the detached signature."""
    evil, original, signature = parts()
    evil.insert(1, original)
    evil.insert(2, signature)
    return evil


def wrap_3() -> etree._Element:
    """Evil content around the whole signed original."""
    evil, _, _ = parts()
    evil.insert(1, signed_request())
    return evil


def wrap_4() -> etree._Element:
    """The whole signed original as the last child."""
    evil, _, _ = parts()
    evil.append(signed_request())
    return evil


def wrap_5() -> etree._Element:
    """Evil keeps the signature; the original at the end."""
    evil, original, signature = parts()
    evil.insert(1, signature)
    evil.append(original)
    return evil


def wrap_6() -> etree._Element:
    """Evil keeps the signature, with the same ID; the original inside the signature."""
    evil, original, signature = parts()
    evil.set("ID", "_signed")
    signature.append(original)
    evil.insert(1, signature)
    return evil


def wrap_7() -> etree._Element:
    """The signed original inside Extensions, with the same ID."""
    evil, _, _ = parts()
    evil.set("ID", "_signed")
    etree.SubElement(evil, EXTENSIONS).append(signed_request())
    return evil


def wrap_8() -> etree._Element:
    """Evil keeps the signature, with the same ID; the original in a ds:Object of it."""
    evil, original, signature = parts()
    evil.set("ID", "_signed")
    etree.SubElement(signature, f"{{{DS}}}Object").append(original)
    evil.insert(1, signature)
    return evil


def wrap_8_with_new_id() -> etree._Element:
    """As the eighth, so that no ID comes twice."""
    root = wrap_8()
    root.set("ID", "_evil")
    return root


def add_second_signature() -> etree._Element:
    """Two signatures, the second of them the signer's own."""
    root = signed_request()
    root.append(copy.deepcopy(root.find(SIGNATURE)))
    return root


def add_reference() -> etree._Element:
    """A second reference in the signature."""
    root = signed_request()
    signed_info = root.find(f"{SIGNATURE}/{{{DS}}}SignedInfo")
    signed_info.append(copy.deepcopy(signed_info.find(f"{{{DS}}}Reference")))
    return root


def point_nowhere() -> etree._Element:
    """A reference to the empty name: whatever the document is."""
    root = signed_request()
    root.find(f".//{{{DS}}}Reference").set("URI", "")
    return root


def add_transform() -> etree._Element:
    """A transform that could drop what is not to be looked at."""
    root = signed_request()
    transforms = root.find(f".//{{{DS}}}Transforms")
    etree.SubElement(transforms, f"{{{DS}}}Transform").set(
        "Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116"
    )
    return root


WRAPPED = [
    wrap_1,
    wrap_2,
    wrap_3,
    wrap_4,
    wrap_5,
    wrap_6,
    wrap_7,
    wrap_8,
    wrap_8_with_new_id,
    add_second_signature,
    add_reference,
    point_nowhere,
    add_transform,
]
REASONS = {
    Reason.SIGNATURE_MISPLACED,
    Reason.SIGNATURE_REFERENCE,
    Reason.SIGNATURE_TRANSFORMS,
    Reason.XML_DUPLICATE_ID,
}


def test_the_request_before_the_attack_is_taken():
    assert parse(signed_request()).is_signed


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_wrapped_request_is_refused_before_the_signature_is_computed(
    wrap: Callable[[], etree._Element],
):
    with pytest.raises(RequestRefused) as refused:
        parse(wrap())
    assert refused.value.reason in REASONS


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root.set("AssertionConsumerServiceURL", OTHER_ACS),
        lambda root: root.set("ForceAuthn", "false"),
        lambda root: root.set("ID", "_other"),
        lambda root: root.find(f".//{{{DS}}}SignatureValue").__setattr__("text", "AAAA"),
        lambda root: root.find(f".//{{{DS}}}DigestValue").__setattr__("text", "AAAA"),
        lambda root: root.append(etree.Element(EXTENSIONS)),
    ],
)
def test_a_changed_request_is_refused(change):
    root = signed_request()
    change(root)

    with pytest.raises(RequestRefused, match="signature"):
        parse(root)
