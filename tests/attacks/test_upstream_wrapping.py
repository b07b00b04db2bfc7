"""XML signature wrapping of an upstream's Response: the signed part moved aside, another in place.

The eight arrangements are those known from attacks on service providers, each tried whatever is
signed. What the attacker wants is to be taken for somebody else. Each must be refused.
"""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from connector.errors import UpstreamRefused
from connector.idp.message.upstream_assertion import Expected
from connector.idp.message.upstream_response import parse_response
from connector.idp.reason import Reason
from tests.idp.bench import NOW
from tests.idp.upstream_bench import ACS_URL, DECRYPTION_KEY, Answer, an_upstream
from tests.parts.encryption import encrypted_assertion

DS = "{http://www.w3.org/2000/09/xmldsig#}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
EVIL = "pia@partner.example"
EXPECTED = Expected(an_upstream(), ACS_URL, "_request", NOW, NOW)
SIGNED = {
    "both": ("assertion", "response"),
    "the assertion": ("assertion",),
    "the response": ("response",),
}


def parse(root: etree._Element):
    return parse_response(etree.tostring(root), EXPECTED, [DECRYPTION_KEY])


def turn(element: etree._Element, new_id: str = "_evil") -> etree._Element:
    """Return a copy that speaks of somebody else, without signatures."""
    evil = copy.deepcopy(element)
    for signature in list(evil.iter(f"{DS}Signature")):
        signature.getparent().remove(signature)
    evil.find(f".//{SAML}NameID").text = EVIL
    if new_id:
        evil.set("ID", new_id)
    return evil


def without(element: etree._Element, signature: etree._Element | None) -> etree._Element:
    """Return the element as it was before it was signed."""
    if signature is not None:
        element.remove(signature)
    return element


def signature_of(element: etree._Element) -> etree._Element:
    """Return its signature, or one that can be had: any that the upstream ever made."""
    found = element.find(f"{DS}Signature")
    return found if found is not None else next(element.iter(f"{DS}Signature"))


def wrap_1(root: etree._Element) -> etree._Element:
    """Evil Response on top; the original Response inside its signature."""
    evil, signature = turn(root), signature_of(root)
    signature.getparent().remove(signature)
    signature.append(root)
    evil.insert(1, signature)
    return evil


def wrap_2(root: etree._Element) -> etree._Element:
    """Evil Response on top; the original as a sibling before the detached signature."""
    evil, signature = turn(root), signature_of(root)
    signature.getparent().remove(signature)
    evil.insert(1, root)
    evil.insert(2, signature)
    return evil


def wrap_3(root: etree._Element) -> etree._Element:
    """Evil assertion before the signed one."""
    assertion = root.find(f"{SAML}Assertion")
    assertion.addprevious(turn(assertion))
    return root


def wrap_4(root: etree._Element) -> etree._Element:
    """Evil assertion with the signed one as its child."""
    assertion = root.find(f"{SAML}Assertion")
    evil = turn(assertion)
    root.replace(assertion, evil)
    evil.append(assertion)
    return root


def wrap_5(root: etree._Element) -> etree._Element:
    """Evil assertion keeps the signature; the original at the end of the Response."""
    assertion = root.find(f"{SAML}Assertion")
    evil, signature = turn(assertion), signature_of(root)
    signature.getparent().remove(signature)
    root.replace(assertion, evil)
    evil.insert(1, signature)
    root.append(assertion)
    return root


def wrap_6(root: etree._Element) -> etree._Element:
    """Evil assertion keeps the signature; the original inside that signature."""
    assertion = root.find(f"{SAML}Assertion")
    evil, signature = turn(assertion), signature_of(root)
    signature.getparent().remove(signature)
    root.replace(assertion, evil)
    signature.append(assertion)
    evil.insert(1, signature)
    return root


def wrap_7(root: etree._Element) -> etree._Element:
    """Evil assertion of the same ID inside Extensions, before the signed one."""
    assertion = root.find(f"{SAML}Assertion")
    extensions = etree.Element(f"{SAMLP}Extensions")
    extensions.append(turn(assertion, new_id=""))
    root.insert(1, extensions)
    return root


def wrap_8(root: etree._Element) -> etree._Element:
    """Evil assertion of the same ID keeps the signature; the original in a ds:Object of it."""
    assertion = root.find(f"{SAML}Assertion")
    evil, signature = turn(assertion, new_id=""), signature_of(root)
    signature.getparent().remove(signature)
    root.replace(assertion, evil)
    etree.SubElement(signature, f"{DS}Object").append(assertion)
    evil.insert(1, signature)
    return root


def rename(wrap):
    """Return the arrangement with another ID, so that none comes twice."""

    def renamed(root: etree._Element) -> etree._Element:
        root = wrap(root)
        evil = next(
            each
            for each in root.iter(f"{SAML}Assertion")
            if each.find(f"{SAML}Subject/{SAML}NameID").text == EVIL
        )
        evil.set("ID", "_evil")
        return root

    renamed.__name__ = f"{wrap.__name__}_with_new_id"
    return renamed


WRAPPED = [
    wrap_1,
    wrap_2,
    wrap_3,
    wrap_4,
    wrap_5,
    wrap_6,
    wrap_7,
    wrap_8,
    rename(wrap_7),
    rename(wrap_8),
]
REASONS = {
    Reason.ASSERTION_COUNT,
    Reason.SIGNATURE_INVALID,
    Reason.SIGNATURE_MISPLACED,
    Reason.SIGNATURE_REFERENCE,
    Reason.XML_DUPLICATE_ID,
}


@pytest.mark.parametrize("signed", SIGNED)
def test_the_response_before_the_attack_is_believed(signed):
    answer = parse(Answer(signed=SIGNED[signed]).tree())

    assert answer.vouched.person == "pat@partner.example"


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("wrap", WRAPPED, ids=lambda wrap: wrap.__name__)
def test_a_wrapped_response_is_refused(wrap, signed):
    root = wrap(Answer(signed=SIGNED[signed]).tree())
    assert EVIL in etree.tostring(root).decode()

    with pytest.raises(UpstreamRefused) as refused:
        parse(root)

    assert refused.value.reason in REASONS


def encrypted(xml: str) -> str:
    return encrypted_assertion(xml, DECRYPTION_KEY.public_key())


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("signed", SIGNED)
def test_a_plain_assertion_beside_the_encrypted_one_is_refused(signed, place):
    root = Answer(signed=SIGNED[signed], wrap=encrypted).tree()
    evil = turn(Answer().tree().find(f"{SAML}Assertion"))
    holder = root.find(f"{SAML}EncryptedAssertion")
    holder.addprevious(evil) if place == "before" else holder.addnext(evil)

    with pytest.raises(UpstreamRefused) as refused:
        parse(root)

    assert refused.value.reason in REASONS


def test_an_assertion_that_the_attacker_encrypted_is_refused():
    """Everybody can encrypt for us: the certificate is public."""
    root = Answer(signed=("response",)).tree()
    assertion = root.find(f"{SAML}Assertion")
    evil = etree.tostring(turn(assertion), with_tail=False).decode()
    root.replace(assertion, etree.fromstring(encrypted(evil)))
    without(root, root.find(f"{DS}Signature"))

    with pytest.raises(UpstreamRefused) as refused:
        parse(root)

    assert refused.value.reason == Reason.SIGNATURE_MISSING


@pytest.mark.parametrize("wrap", [wrap_4, wrap_5, wrap_6, wrap_8], ids=lambda wrap: wrap.__name__)
def test_an_assertion_that_was_wrapped_before_it_was_encrypted_is_refused(wrap):
    wrapped = wrap(Answer(signed=("assertion",)).tree())
    evil = next(wrapped.iter(f"{SAML}Assertion"))
    for other in wrapped.findall(f"{SAML}Assertion")[1:]:
        evil.append(other)
    root = Answer(signed=()).tree()
    text = etree.tostring(evil, with_tail=False).decode()
    root.replace(root.find(f"{SAML}Assertion"), etree.fromstring(encrypted(text)))

    with pytest.raises(UpstreamRefused) as refused:
        parse(root)

    assert refused.value.reason in REASONS


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root.find(f".//{SAML}NameID").__setattr__("text", EVIL),
        lambda root: root.find(f".//{SAML}Audience").__setattr__("text", "https://other.example"),
        lambda root: root.find(f"{SAML}Assertion").set("ID", "_other"),
        lambda root: root.find(f".//{DS}SignatureValue").__setattr__("text", "AAAA"),
        lambda root: root.find(f".//{DS}DigestValue").__setattr__("text", "AAAA"),
        lambda root: root.find(f"{SAML}Assertion").append(etree.Element(f"{SAML}Advice")),
    ],
)
@pytest.mark.parametrize("signed", SIGNED)
def test_a_changed_response_is_refused(signed, change):
    root = Answer(signed=SIGNED[signed]).tree()
    change(root)

    with pytest.raises(UpstreamRefused, match="signature"):
        parse(root)


@pytest.mark.parametrize("kept", ["assertion", "response"])
def test_of_two_signatures_both_must_be_right(kept):
    """Whoever strips or breaks one of them hides something."""
    root = Answer().tree()
    broken = root if kept == "assertion" else root.find(f"{SAML}Assertion")
    broken.find(f"{DS}Signature/{DS}SignatureValue").text = "AAAA"

    with pytest.raises(UpstreamRefused) as refused:
        parse(root)

    assert refused.value.reason == Reason.SIGNATURE_INVALID
