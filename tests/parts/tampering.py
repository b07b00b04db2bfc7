"""Ways to change a Response on its way through the browser; a service provider refuses each."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable

_NS = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}


def tampered(encoded: str, change: Callable[[etree._Element], None]) -> str:
    """Return the Response, base64, after the change."""
    root = etree.fromstring(base64.b64decode(encoded))
    change(root)
    return base64.b64encode(etree.tostring(root)).decode()


def another_name(root: etree._Element) -> None:
    _name_id(root).text = "ceo@corp.test"


def another_attribute(root: etree._Element) -> None:
    root.find(".//saml:AttributeValue", _NS).text = "ceo@corp.test"


def no_signatures(root: etree._Element) -> None:
    for signature in root.findall(".//ds:Signature", _NS):
        signature.getparent().remove(signature)


def no_signatures_another_name(root: etree._Element) -> None:
    no_signatures(root)
    another_name(root)


def a_second_assertion_before_the_signed_one(root: etree._Element) -> None:
    assertion = root.find("saml:Assertion", _NS)
    evil = copy.deepcopy(assertion)
    evil.remove(evil.find("ds:Signature", _NS))
    evil.set("ID", "_evil")
    evil.find(".//saml:NameID", _NS).text = "ceo@corp.test"
    assertion.addprevious(evil)


def the_signed_assertion_wrapped_in_another(root: etree._Element) -> None:
    assertion = root.find("saml:Assertion", _NS)
    evil = copy.deepcopy(assertion)
    evil.set("ID", "_evil")
    evil.find(".//saml:NameID", _NS).text = "ceo@corp.test"
    root.replace(assertion, evil)
    holder = etree.SubElement(evil.find("ds:Signature", _NS), f"{{{_NS['ds']}}}Object")
    holder.append(assertion)
    outer = root.find("ds:Signature", _NS)
    if outer is not None:
        root.remove(outer)


def another_recipient(root: etree._Element) -> None:
    root.find(".//saml:SubjectConfirmationData", _NS).set("Recipient", "https://evil.test/acs")


def a_longer_life(root: etree._Element) -> None:
    root.find("saml:Assertion/saml:Conditions", _NS).set("NotOnOrAfter", "2099-01-01T00:00:00Z")


TAMPERINGS = [
    another_name,
    another_attribute,
    no_signatures,
    no_signatures_another_name,
    a_second_assertion_before_the_signed_one,
    the_signed_assertion_wrapped_in_another,
    another_recipient,
    a_longer_life,
]


def _name_id(root: etree._Element) -> etree._Element:
    return root.find(".//saml:NameID", _NS)
