"""The sample application's half of SAML: ask by Redirect, and believe only what is signed.

It is strict, as a good service provider is: Response and Assertion signed by a certificate of
the identity provider's metadata, meant for us, in time, and an answer to a request of ours.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ASSERTION: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
PROTOCOL: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_METADATA: Final = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DSIG: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
_CLOCK_SKEW: Final = timedelta(seconds=60)


class ResponseRefused(ConnectorError):
    """What came to the assertion consumer service is not to be believed."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Whom the application believes.

    Attributes:
        entity_id: Its name.
        sso_url: Where its HTTP-Redirect endpoint is.
        certificates: Its signing certificates, PEM.
        slo_url: Where its HTTP-Redirect endpoint for logouts is; "" for none.

    """

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    slo_url: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who came in, as the assertion says.

    Attributes:
        name_id: The NameID's text.
        issuer: Who said so.
        in_response_to: ID of the request that this answers.
        attributes: Values by attribute name.
        session_index: What the identity provider calls this visit.

    """

    name_id: str
    issuer: str
    in_response_to: str
    attributes: Mapping[str, tuple[str, ...]]
    session_index: str = ""

    @property
    def greeting(self) -> str:
        """Return the name to greet with."""
        values = self.attributes.get("givenName") or self.attributes.get("displayName") or ()
        return values[0] if values else self.name_id


def read_idp_metadata(document: bytes) -> IdentityProvider:
    """Return what the metadata says (SAML Metadata section 2.4.3).

    Raises:
        ResponseRefused: if it is not the metadata of an identity provider.

    """
    root = parse(document)
    sso_url, slo_url = (_redirect_url(root, each) for each in ("SingleSignOn", "SingleLogout"))
    if not sso_url:
        message = "the metadata names no HTTP-Redirect endpoint of an identity provider"
        raise ResponseRefused(message)
    certificates = tuple(
        _to_pem(each.text or "")
        for key in root.iterfind(f"{_METADATA}IDPSSODescriptor/{_METADATA}KeyDescriptor")
        if key.get("use") != "encryption"
        for each in key.iterfind(f"{_DSIG}KeyInfo/{_DSIG}X509Data/{_DSIG}X509Certificate")
    )
    return IdentityProvider(root.get("entityID", ""), sso_url, certificates, slo_url)


def _redirect_url(root: etree._Element, service: str) -> str:
    for each in root.iterfind(f"{_METADATA}IDPSSODescriptor/{_METADATA}{service}Service"):
        if each.get("Binding") == _REDIRECT:
            return each.get("Location", "")
    return ""


def sp_metadata(base_url: str, *, signs_out: bool = False) -> str:
    """Return the application's own metadata.

    Args:
        base_url: Where browsers reach it.
        signs_out: It takes part in single logout.

    """
    logout = f'<SingleLogoutService Binding="{_REDIRECT}" Location="{base_url}/saml/slo"/>'
    return (
        f'<EntityDescriptor xmlns="{_METADATA[1:-1]}" entityID="{base_url}/saml/metadata">'
        '<SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{PROTOCOL[1:-1]}">{logout if signs_out else ""}'
        f'<AssertionConsumerService Binding="{_POST}" Location="{base_url}/saml/acs" index="0"'
        ' isDefault="true"/></SPSSODescriptor></EntityDescriptor>'
    )


def authn_request_url(
    provider: IdentityProvider, base_url: str, *, request_id: str, now: datetime
) -> str:
    """Return where to send a browser that shall sign in (Bindings section 3.4)."""
    request = (
        f'<samlp:AuthnRequest xmlns:samlp="{PROTOCOL[1:-1]}" xmlns:saml="{ASSERTION[1:-1]}"'
        f' ID="{request_id}" Version="2.0" IssueInstant="{now:%Y-%m-%dT%H:%M:%SZ}"'
        f' Destination="{provider.sso_url}" ProtocolBinding="{_POST}"'
        f' AssertionConsumerServiceURL="{base_url}/saml/acs">'
        f"<saml:Issuer>{base_url}/saml/metadata</saml:Issuer></samlp:AuthnRequest>"
    )
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(request.encode()) + deflate.flush()
    separator = "&" if "?" in provider.sso_url else "?"
    query = urlencode({"SAMLRequest": base64.b64encode(packed).decode(), "RelayState": "/"})
    return f"{provider.sso_url}{separator}{query}"


def read_response(
    encoded: str,
    provider: IdentityProvider,
    base_url: str,
    *,
    outstanding: Collection[str],
    now: datetime,
) -> Visitor:
    """Return who comes in.

    Args:
        encoded: The form's SAMLResponse, base64.
        provider: Whom we believe.
        base_url: Our own.
        outstanding: IDs of the requests that still wait for an answer.
        now: The present moment.

    Raises:
        ResponseRefused: if anything is missing, wrong, late, or meant for somebody else.

    """
    try:
        document = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ResponseRefused("not base64") from error  # noqa: EM101, TRY003 - one word of a demo
    response = _verified(parse(document), provider, "./")
    require(response.tag == f"{PROTOCOL}Response", "not a Response")
    require(response.get("Destination") == f"{base_url}/saml/acs", "for another address")
    status = response.find(f"{PROTOCOL}Status/{PROTOCOL}StatusCode")
    require(status is not None and status.get("Value") == _SUCCESS, "no success")
    require(len(response.findall(f"{ASSERTION}Assertion")) == 1, "not one assertion")
    assertion = _verified(response, provider, f"./{ASSERTION}Assertion/")
    return _read_assertion(assertion, provider, base_url, outstanding, now)


def _read_assertion(
    assertion: etree._Element,
    provider: IdentityProvider,
    base_url: str,
    outstanding: Collection[str],
    now: datetime,
) -> Visitor:
    issuer = assertion.findtext(f"{ASSERTION}Issuer", "")
    require(issuer == provider.entity_id, "by another issuer")
    _check_conditions(assertion, base_url, now)
    confirmation = assertion.find(
        f"{ASSERTION}Subject/{ASSERTION}SubjectConfirmation/{ASSERTION}SubjectConfirmationData"
    )
    if confirmation is None or confirmation.get("InResponseTo") not in outstanding:
        message = "no answer to a request of ours"
        raise ResponseRefused(message)
    require(confirmation.get("Recipient") == f"{base_url}/saml/acs", "for another recipient")
    require(now < to_time(confirmation.get("NotOnOrAfter")) + _CLOCK_SKEW, "too late")
    statement = assertion.find(f"{ASSERTION}AuthnStatement")
    return Visitor(
        name_id=assertion.findtext(f"{ASSERTION}Subject/{ASSERTION}NameID", ""),
        issuer=issuer,
        in_response_to=confirmation.get("InResponseTo", ""),
        attributes=_attributes(assertion),
        session_index="" if statement is None else statement.get("SessionIndex", ""),
    )


def _check_conditions(assertion: etree._Element, base_url: str, now: datetime) -> None:
    conditions = assertion.find(f"{ASSERTION}Conditions")
    if conditions is None:
        message = "no conditions"
        raise ResponseRefused(message)
    audiences = conditions.iterfind(f"{ASSERTION}AudienceRestriction/{ASSERTION}Audience")
    require(f"{base_url}/saml/metadata" in {each.text for each in audiences}, "for others")
    require(to_time(conditions.get("NotBefore")) - _CLOCK_SKEW <= now, "too early")
    require(now < to_time(conditions.get("NotOnOrAfter")) + _CLOCK_SKEW, "too late")


def _attributes(assertion: etree._Element) -> dict[str, tuple[str, ...]]:
    return {
        each.get("Name", ""): tuple(
            value.text or "" for value in each.iterfind(f"{ASSERTION}AttributeValue")
        )
        for each in assertion.iterfind(f"{ASSERTION}AttributeStatement/{ASSERTION}Attribute")
    }


def _verified(tree: etree._Element, provider: IdentityProvider, location: str) -> etree._Element:
    """Return the element that was signed, as it was signed; nothing else may be read."""
    config = SignatureConfiguration(
        location=location,
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    for certificate in provider.certificates:
        try:
            found = XMLVerifier().verify(
                tree, x509_cert=certificate, id_attribute="ID", expect_config=config
            )
        except (InvalidSignature, InvalidDigest, InvalidInput, InvalidCertificate):
            continue
        if isinstance(found, VerifyResult) and found.signed_xml is not None:
            signed: etree._Element = found.signed_xml
            return signed
    message = "no valid signature"
    raise ResponseRefused(message)


def parse(document: bytes) -> etree._Element:
    """Return the root of an XML document without a document type."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        message = "not XML"
        raise ResponseRefused(message) from error
    require(b"<!DOCTYPE" not in document, "with a document type")
    return tree


def to_time(text: str | None) -> datetime:
    """Return the moment that a text says."""
    try:
        return datetime.fromisoformat(text or "")
    except ValueError as error:
        message = f"not a time: {text!r}"
        raise ResponseRefused(message) from error


def _to_pem(base64_text: str) -> str:
    body = "".join(base64_text.split())
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def require(condition: bool, problem: str) -> None:  # noqa: FBT001 - an assertion that stays
    """Refuse the message, with the problem, unless the condition holds."""
    if not condition:
        raise ResponseRefused(problem)
