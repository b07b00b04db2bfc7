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
from connector.idp.logout_transaction import Channel, Delivery, DeliveryState
from connector.idp.message.assertion import Assertion, Attribute, SignOn
from connector.idp.message.authn_request import AuthnRequest
from connector.idp.message.logout_request import build_logout_request
from connector.idp.message.logout_response import (
    PARTIAL_LOGOUT,
    REQUESTER,
    SUCCESS,
    UNKNOWN_PRINCIPAL,
    build_logout_response,
)
from connector.idp.message.metadata import build_metadata
from connector.idp.message.name_id import NameId
from connector.idp.message.response import Seal, build_error_response, build_response
from connector.idp.message.sp_metadata import SpDescription, build_sp_metadata
from connector.idp.message.status import to_status
from connector.idp.message.upstream_request import Question, build_errand
from connector.idp.names import (
    EMAIL_FORMAT,
    LOGOUT_BY_USER,
    PERSISTENT_FORMAT,
    TRANSIENT_FORMAT,
    UNSPECIFIED_FORMAT,
    Binding,
)
from connector.idp.reason import Reason
from connector.idp.upstream.identity_provider import IdentityProvider
from connector.idp.xmldsig import SigningKey, sign_enveloped
from connector.idp.xmlenc.encrypt import encrypt_element
from connector.idp.xmlenc.method import Cipher, Recipient
from tests.idp.bench import ACS_URL, ENDPOINTS, NOW, SP_ENTITY_ID, counting_random, load_key
from tests.idp.upstream_bench import ACS_URL as UPSTREAM_ACS_URL
from tests.idp.upstream_bench import OURS, an_upstream

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
        signer: The key that signs it.
        is_encrypted: Whether it carries a signed assertion that only one reader can read.

    """

    name: str
    make: Callable[[Odd], str | bytes]
    schema: str = PROTOCOL_SCHEMA
    signed: tuple[str, ...] = ("/samlp:Response",)
    binding: Binding = Binding.POST
    signer: SigningKey = KEY
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


def response(odd: Odd, *, seal: Seal | None = None, key: SigningKey = KEY, **changes) -> str:
    return build_response(an_assertion(odd, **changes), key, "_response", seal or Seal())


def encrypted(cipher: Cipher) -> Seal:
    recipient = Recipient(RECIPIENT_KEY.private_key.public_key(), cipher)
    return Seal(encrypt=partial(encrypt_element, recipient=recipient, random=counting_random()))


def error(odd: Odd, *, reason: str, request_id: str = "_request") -> str:
    del odd
    request = AuthnRequest(request_id, SP_ENTITY_ID, "intranet", ACS_URL)
    return build_error_response(
        request, reason, issuer=ENDPOINTS.entity_id, key=KEY, ids=("_response", NOW)
    )


def question(odd: Odd, *, is_signed: bool = True, **flags: bool) -> bytes:
    """Return the AuthnRequest that we send to an upstream."""
    provider = IdentityProvider("urn:idp", {Binding.POST: "https://idp.example/sso"}, ())
    upstream = an_upstream(
        provider=provider,
        authn_context=("urn:mfa", "urn:pki")[: odd.number],
        signs_requests=is_signed,
    )
    asked = Question("_question", odd.text, **flags)
    errand = build_errand(asked, upstream, KEY, acs_url=UPSTREAM_ACS_URL, now=NOW)
    return b64decode(dict(errand.fields)["SAMLRequest"])


def logout_request(odd: Odd, *, name_format: str = EMAIL_FORMAT) -> str:
    delivery = Delivery(
        "_logout", 0, "intranet", "Intranet", SP_ENTITY_ID, "", odd.name, name_format, odd.text,
        Channel.BROWSER, DeliveryState.WAITING, NOW,
    )  # fmt: skip
    element = build_logout_request(
        delivery,
        issuer=ENDPOINTS.entity_id,
        destination="https://intranet.corp.example/slo?a=1&b=2",
        reason=LOGOUT_BY_USER,
        now=NOW,
    )
    return sign_enveloped(element, KEY)


def logout_response(odd: Odd, *, status: tuple[str, ...], destination: str = ACS_URL) -> str:
    del odd
    element = build_logout_response(
        response_id="_answer",
        issuer=ENDPOINTS.entity_id,
        destination=destination,
        in_response_to="_logout",
        status=status,
        now=NOW,
    )
    return sign_enveloped(element, KEY)


def metadata_for_upstreams(odd: Odd, *, certificate: str = "") -> bytes:
    ours = SpDescription(OURS, UPSTREAM_ACS_URL, certificate)
    return build_sp_metadata(ours, KEY, certificates(odd), valid_until=NOW, document_id="_metadata")


def metadata(odd: Odd) -> bytes:
    return build_metadata(
        ENDPOINTS, KEY, certificates(odd), valid_until=NOW, document_id="_metadata"
    )


def certificates(odd: Odd) -> list[str]:
    """Return those of the key that signs, and of some that will."""
    return [KEY.certificate, *[load_key("stranger").certificate] * odd.number]


BOTH = ("/samlp:Response", "/samlp:Response/saml:Assertion")
ASKED = ("/samlp:AuthnRequest",)
FORMATS = (EMAIL_FORMAT, UNSPECIFIED_FORMAT, PERSISTENT_FORMAT, TRANSIENT_FORMAT)

EVERY_KIND = (
    Kind("response", response, signed=BOTH),
    *(
        Kind(
            f"response signed by {each}",
            partial(response, key=load_key(each)),
            signed=BOTH,
            signer=load_key(each),
        )
        for each in ("ecdsa_p256", "ecdsa_p384", "rsa_4096")
    ),
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
    Kind("request to an upstream", question, signed=ASKED),
    Kind("passive request to an upstream", partial(question, is_passive=True), signed=ASKED),
    Kind("forced request to an upstream", partial(question, force_authn=True), signed=ASKED),
    Kind("unsigned request to an upstream", partial(question, is_signed=False), signed=()),
    *(
        Kind(
            f"logout request, {each.rpartition(':')[2]}",
            partial(logout_request, name_format=each),
            signed=("/samlp:LogoutRequest",),
        )
        for each in (EMAIL_FORMAT, PERSISTENT_FORMAT)
    ),
    *(
        Kind(
            f"logout response, {' '.join(each.rpartition(':')[2] for each in status)}",
            partial(logout_response, status=status),
            signed=("/samlp:LogoutResponse",),
        )
        for status in ((SUCCESS,), (SUCCESS, PARTIAL_LOGOUT), (REQUESTER, UNKNOWN_PRINCIPAL))
    ),
    Kind(
        "logout response of a server to a server",
        partial(logout_response, status=(SUCCESS,), destination=""),
        signed=("/samlp:LogoutResponse",),
    ),
    Kind("metadata", metadata, METADATA_SCHEMA, ("/md:EntityDescriptor",)),
    Kind(
        "metadata for upstreams", metadata_for_upstreams, METADATA_SCHEMA, ("/md:EntityDescriptor",)
    ),
    Kind(
        "metadata for upstreams that encrypt",
        partial(metadata_for_upstreams, certificate=RECIPIENT_KEY.certificate),
        METADATA_SCHEMA,
        ("/md:EntityDescriptor",),
    ),
)


def on_the_wire(kind: Kind, document: str | bytes) -> bytes:
    """Return a message as it comes out of its binding at the other end."""
    text = document if isinstance(document, str) else document.decode()
    if kind.binding is Binding.REDIRECT:
        url = to_redirect_url("https://sp.example/", "SAMLRequest", text)
        return read_redirect(url.partition("?")[2].encode()).document
    return b64decode(to_form_value(text))
