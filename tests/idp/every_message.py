"""Every kind of message that we send, each made of odd values: for the schemas and for xmlsec1.

Whoever adds a kind of message adds it to `EVERY_KIND`; `test_schema` then goes over it.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connector.idp.application.attribute import NAME_FORMAT
from connector.idp.binding import read_redirect, to_form_value, to_redirect_url
from connector.idp.message.assertion import Assertion, Attribute, NameId, SignOn
from connector.idp.message.authn_request import AuthnRequest
from connector.idp.message.metadata import build_metadata
from connector.idp.message.response import Seal, build_error_response, build_response
from connector.idp.message.status import to_status
from connector.idp.names import (
    EMAIL_FORMAT,
    PERSISTENT_FORMAT,
    TRANSIENT_FORMAT,
    UNSPECIFIED_FORMAT,
    Binding,
)
from connector.idp.reason import Reason
from connector.idp.xmlenc.encrypt import encrypt_element
from connector.idp.xmlenc.method import Cipher, Recipient
from tests.idp.bench import ACS_URL, ENDPOINTS, NOW, SP_ENTITY_ID, counting_random, load_key

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL_SCHEMA = "saml-schema-protocol-2.0.xsd"
METADATA_SCHEMA = "saml-schema-metadata-2.0.xsd"
KEY = load_key("idp")
RECIPIENT_KEY = load_key("service_provider")


@dataclass(frozen=True)
class Odd:
    """Values that a directory, an operator or a service provider may come up with.

    Attributes:
        text: Anything, as attribute values and names are.
        name: Printable, as names of people are.
        number: Of things that there may be any number of.

    """

    text: str = "plain"
    name: str = "ann.lind@corp.example"
    number: int = 2


@dataclass(frozen=True)
class Kind:
    """A kind of message.

    Attributes:
        name: For the test's name.
        make: Makes one of odd values; returns XML as it is sent, before its binding.
        schema: File name of the schema that it must be valid by.
        signed: XPaths of the elements that are signed, with the prefixes of `NAMESPACES`.
        binding: How it travels.
        is_encrypted: Whether it carries a signed assertion that only one reader can read.

    """

    name: str
    make: Callable[[Odd], str | bytes]
    schema: str = PROTOCOL_SCHEMA
    signed: tuple[str, ...] = ("/samlp:Response",)
    binding: Binding = Binding.POST
    is_encrypted: bool = False


def an_assertion(odd: Odd, **changes) -> Assertion:
    attributes = tuple(
        Attribute(f"{odd.text}{n}", (odd.text, odd.name), f"{NAME_FORMAT}basic", odd.text)
        for n in range(odd.number)
    )
    values = {
        "assertion_id": "_assertion",
        "issuer": ENDPOINTS.entity_id,
        "issued_at": NOW,
        "not_on_or_after": NOW + timedelta(minutes=5),
        "name_id": NameId(odd.name, EMAIL_FORMAT),
        "audience": SP_ENTITY_ID,
        "acs_url": ACS_URL,
        "in_response_to": "_request",
        "sign_on": SignOn("_session", NOW),
        "attributes": attributes,
    }
    return Assertion(**values | changes)


def response(odd: Odd, *, seal: Seal | None = None, **changes) -> str:
    return build_response(an_assertion(odd, **changes), KEY, "_response", seal or Seal())


def encrypted(cipher: Cipher) -> Seal:
    recipient = Recipient(RECIPIENT_KEY.private_key.public_key(), cipher)
    return Seal(encrypt=partial(encrypt_element, recipient=recipient, random=counting_random()))


def error(odd: Odd, *, reason: str, request_id: str = "_request") -> str:
    del odd
    request = AuthnRequest(request_id, SP_ENTITY_ID, "intranet", ACS_URL)
    return build_error_response(
        request, reason, issuer=ENDPOINTS.entity_id, key=KEY, ids=("_response", NOW)
    )


def metadata(odd: Odd) -> bytes:
    keys = [KEY, *[load_key("stranger")] * odd.number]
    return build_metadata(ENDPOINTS, keys, valid_until=NOW, document_id="_metadata")


BOTH = ("/samlp:Response", "/samlp:Response/saml:Assertion")
FORMATS = (EMAIL_FORMAT, UNSPECIFIED_FORMAT, PERSISTENT_FORMAT, TRANSIENT_FORMAT)

EVERY_KIND = (
    Kind("response", response, signed=BOTH),
    Kind("response that nobody asked for", partial(response, in_response_to=""), signed=BOTH),
    Kind("response without attributes", partial(response, attributes=()), signed=BOTH),
    Kind(
        "response by another identity provider",
        partial(response, sign_on=SignOn("_s", NOW, "urn:x", "https://upstream.example/idp")),
        signed=BOTH,
    ),
    *(
        Kind(
            f"response with a name, {each.rpartition(':')[2]}",
            lambda odd, each=each: response(odd, name_id=NameId(odd.name, each)),
            signed=BOTH,
        )
        for each in FORMATS
    ),
    Kind(
        "response of which the assertion is signed",
        partial(response, seal=Seal(signs_response=False)),
        signed=BOTH[1:],
    ),
    Kind(
        "response of which the assertion is not signed",
        partial(response, seal=Seal(signs_assertion=False)),
        signed=BOTH[:1],
    ),
    *(
        Kind(
            f"encrypted response, {each.name}",
            partial(response, seal=encrypted(each)),
            signed=BOTH[:1],
            is_encrypted=True,
        )
        for each in Cipher
    ),
    *(
        Kind(f"error response, {reason}", partial(error, reason=reason))
        for reason in sorted({to_status(reason): reason for reason in Reason}.values())
    ),
    Kind("metadata", metadata, METADATA_SCHEMA, ("/md:EntityDescriptor",)),
)


def on_the_wire(kind: Kind, document: str | bytes) -> bytes:
    """Return a message as it comes out of its binding at the other end."""
    text = document if isinstance(document, str) else document.decode()
    if kind.binding is Binding.REDIRECT:
        url = to_redirect_url("https://sp.example/", "SAMLRequest", text)
        return read_redirect(url.partition("?")[2].encode()).document
    return b64decode(to_form_value(text))
