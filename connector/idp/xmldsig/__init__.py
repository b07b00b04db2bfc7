"""XML as SAML needs it: written in canonical form, read strictly, signed and verified.

Out: `canonical` writes elements so that their bytes are their own exclusive canonical form
(Exclusive XML Canonicalization 1.0); `sign` puts an enveloped signature into one, by RSA or ECDSA.
In: `parse` refuses what honest SAML never holds; `verify` returns the signed element and nothing
else of the document. The trust lies in certificates from metadata, never in what a message says.
"""

from connector.idp.xmldsig.canonical import (
    Element,
    Raw,
    Rendered,
    escape_attribute,
    escape_text,
    render,
    render_within,
    to_declaration,
)
from connector.idp.xmldsig.parse import XmlLimits, XmlRefused, parse_xml, stand_alone, text_of
from connector.idp.xmldsig.sign import SigningKey, sign_between, sign_enveloped, sign_octets
from connector.idp.xmldsig.verify import verify_enveloped, verify_octets

__all__ = [
    "Element",
    "Raw",
    "Rendered",
    "SigningKey",
    "XmlLimits",
    "XmlRefused",
    "escape_attribute",
    "escape_text",
    "parse_xml",
    "render",
    "render_within",
    "sign_between",
    "sign_enveloped",
    "sign_octets",
    "stand_alone",
    "text_of",
    "to_declaration",
    "verify_enveloped",
    "verify_octets",
]
