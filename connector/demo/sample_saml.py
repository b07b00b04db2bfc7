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

_ASSERTION: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
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

    """

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who came in, as the assertion says.

    Attributes:
        name_id: The NameID's text.
        issuer: Who said so.
        in_response_to: ID of the request that this answers.
        attributes: Values by attribute name.

    """

    name_id: str
    issuer: str
    in_response_to: str
    attributes: Mapping[str, tuple[str, ...]]

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
    root = _parse(document)
    endpoints = {
        each.get("Binding"): each.get("Location", "")
        for each in root.iterfind(f"{_METADATA}IDPSSODescriptor/{_METADATA}SingleSignOnService")
    }
    if _REDIRECT not in endpoints:
        message = "the metadata names no HTTP-Redirect endpoint of an identity provider"
        raise ResponseRefused(message)
    certificates = tuple(
        _to_pem(each.text or "")
        for key in root.iterfind(f"{_METADATA}IDPSSODescriptor/{_METADATA}KeyDescriptor")
        if key.get("use") != "encryption"
        for each in key.iterfind(f"{_DSIG}KeyInfo/{_DSIG}X509Data/{_DSIG}X509Certificate")
    )
    return IdentityProvider(root.get("entityID", ""), endpoints[_REDIRECT], certificates)


def sp_metadata(base_url: str) -> str:
    """Return the application's own metadata."""
    return (
        f'<EntityDescriptor xmlns="{_METADATA[1:-1]}" entityID="{base_url}/saml/metadata">'
        '<SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{_PROTOCOL[1:-1]}">'
        f'<AssertionConsumerService Binding="{_POST}" Location="{base_url}/saml/acs" index="0"'
        ' isDefault="true"/></SPSSODescriptor></EntityDescriptor>'
    )


def authn_request_url(
    provider: IdentityProvider, base_url: str, *, request_id: str, now: datetime
) -> str:
    """Return where to send a browser that shall sign in (Bindings section 3.4)."""
    request = (
        f'<samlp:AuthnRequest xmlns:samlp="{_PROTOCOL[1:-1]}" xmlns:saml="{_ASSERTION[1:-1]}"'
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
    response = _verified(_parse(document), provider, "./")
    _require(response.tag == f"{_PROTOCOL}Response", "not a Response")
    _require(response.get("Destination") == f"{base_url}/saml/acs", "for another address")
    status = response.find(f"{_PROTOCOL}Status/{_PROTOCOL}StatusCode")
    _require(status is not None and status.get("Value") == _SUCCESS, "no success")
    _require(len(response.findall(f"{_ASSERTION}Assertion")) == 1, "not one assertion")
    assertion = _verified(response, provider, f"./{_ASSERTION}Assertion/")
    return _read_assertion(assertion, provider, base_url, outstanding, now)


def _read_assertion(
    assertion: etree._Element,
    provider: IdentityProvider,
    base_url: str,
    outstanding: Collection[str],
    now: datetime,
) -> Visitor:
    issuer = assertion.findtext(f"{_ASSERTION}Issuer", "")
    _require(issuer == provider.entity_id, "by another issuer")
    _check_conditions(assertion, base_url, now)
    confirmation = assertion.find(
        f"{_ASSERTION}Subject/{_ASSERTION}SubjectConfirmation/{_ASSERTION}SubjectConfirmationData"
    )
    if confirmation is None or confirmation.get("InResponseTo") not in outstanding:
        message = "no answer to a request of ours"
        raise ResponseRefused(message)
    _require(confirmation.get("Recipient") == f"{base_url}/saml/acs", "for another recipient")
    _require(now < _moment(confirmation.get("NotOnOrAfter")) + _CLOCK_SKEW, "too late")
    return Visitor(
        name_id=assertion.findtext(f"{_ASSERTION}Subject/{_ASSERTION}NameID", ""),
        issuer=issuer,
        in_response_to=confirmation.get("InResponseTo", ""),
        attributes=_attributes(assertion),
    )


def _check_conditions(assertion: etree._Element, base_url: str, now: datetime) -> None:
    conditions = assertion.find(f"{_ASSERTION}Conditions")
    if conditions is None:
        message = "no conditions"
        raise ResponseRefused(message)
    audiences = conditions.iterfind(f"{_ASSERTION}AudienceRestriction/{_ASSERTION}Audience")
    _require(f"{base_url}/saml/metadata" in {each.text for each in audiences}, "for others")
    _require(_moment(conditions.get("NotBefore")) - _CLOCK_SKEW <= now, "too early")
    _require(now < _moment(conditions.get("NotOnOrAfter")) + _CLOCK_SKEW, "too late")


def _attributes(assertion: etree._Element) -> dict[str, tuple[str, ...]]:
    return {
        each.get("Name", ""): tuple(
            value.text or "" for value in each.iterfind(f"{_ASSERTION}AttributeValue")
        )
        for each in assertion.iterfind(f"{_ASSERTION}AttributeStatement/{_ASSERTION}Attribute")
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


def _parse(document: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        message = "not XML"
        raise ResponseRefused(message) from error
    _require(b"<!DOCTYPE" not in document, "with a document type")
    return tree


def _moment(text: str | None) -> datetime:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError as error:
        message = f"not a time: {text!r}"
        raise ResponseRefused(message) from error


def _to_pem(base64_text: str) -> str:
    body = "".join(base64_text.split())
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001 - an assertion that stays
    if not condition:
        raise ResponseRefused(problem)
