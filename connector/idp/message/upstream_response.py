"""Read the Response of another identity provider, and refuse what is not to be believed.

(Core sections 3.2.2 and 3.3.3, Profiles sections 4.1.4.2 and 4.1.4.3.) Nothing is read of an
assertion but what a key of that identity provider's metadata signed: the assertion itself, or the
Response around it. If both are signed, both signatures must be right. An encrypted assertion is
decrypted first, and its signature verified after.

Whether the same assertion came before is for the store to say; whom it is about, for the
authenticator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.errors import UpstreamRefused
from connector.idp.message.upstream_assertion import (
    SKEW,
    Answered,
    Expected,
    read_assertion,
    require,
)
from connector.idp.moment import to_moment
from connector.idp.reason import Reason
from connector.idp.vouched import Declined
from connector.idp.xmldsig import (
    XmlLimits,
    XmlRefused,
    parse_xml,
    stand_alone,
    text_of,
    verify_enveloped,
)
from connector.idp.xmlenc.decrypt import decrypt_element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from lxml import etree

RESPONSE_LIMIT_BYTES = 131_072
"""People in hundreds of groups have large assertions, and encryption adds a third."""

_LIMITS = XmlLimits(size_bytes=RESPONSE_LIMIT_BYTES)
_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_ASSERTION = f"{_SAML}Assertion"
_ENCRYPTED = f"{_SAML}EncryptedAssertion"
_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_LONGEST_WORDS = 200


def issuer_of(document: bytes) -> str:
    """Return who says to have written a Response; nothing of it has been believed yet.

    Raises:
        UpstreamRefused: if it is no XML that is read.

    """
    try:
        return text_of(parse_xml(document, _LIMITS).find(f"{_SAML}Issuer"))
    except XmlRefused as error:
        raise UpstreamRefused(error.reason, str(error)) from error


def parse_response(
    document: bytes, expected: Expected, keys: Sequence[RSAPrivateKey]
) -> Answered | Declined:
    """Return what the upstream says of somebody, or that it says nothing, and why.

    Args:
        document: The XML.
        expected: What the Response must fit.
        keys: Ours, that encrypted assertions are opened with.

    Raises:
        UpstreamRefused: with the reason; nothing of it may be believed then.

    """
    try:
        root = parse_xml(document, _LIMITS)
        _check_kind(root)
        signed = _verified(root, expected)
        response = root if signed is None else signed
        _check_response(response, expected, is_signed=signed is not None)
        declined = _declined(response, expected)
        if declined is not None:
            return declined
        return read_assertion(_open_assertion(root, signed, expected, keys), expected)
    except XmlRefused as error:
        raise UpstreamRefused(error.reason, str(error)) from error


def _check_kind(root: etree._Element) -> None:
    require(root.tag == f"{_SAMLP}Response", Reason.NOT_RESPONSE, f"a {root.tag}")
    require(root.get("Version") == "2.0", Reason.VERSION_UNSUPPORTED)
    require(1 <= len(root.get("ID", "")) <= 256, Reason.RESPONSE_ID_MISSING)
    # Wherever they stand: one that is not read today may be read by the next version.
    count = sum(1 for _ in root.iter(_ASSERTION, _ENCRYPTED))
    direct = len(root.findall(_ASSERTION)) + len(root.findall(_ENCRYPTED))
    message = f"{count} assertions, {direct} of them in their place"
    require(count == direct <= 1, Reason.ASSERTION_COUNT, message)


def _verified(root: etree._Element, expected: Expected) -> etree._Element | None:
    """Return the Response as it was signed, or None if it is not."""
    if root.find(_SIGNATURE) is None:
        return None
    certificates = expected.upstream.provider.certificates
    return verify_enveloped(root, certificates, signed_child=_ASSERTION)


def _check_response(response: etree._Element, expected: Expected, *, is_signed: bool) -> None:
    issuer = text_of(response.find(f"{_SAML}Issuer"))
    ours = {"", expected.upstream.provider.entity_id}
    require(issuer in ours, Reason.ISSUER_OTHER, f"issued by {issuer!r}")
    destination = response.get("Destination", "")
    # Bindings section 3.5.5.2: a signed message must say for whom it is.
    is_ours = destination == expected.acs_url or not (destination or is_signed)
    require(is_ours, Reason.DESTINATION_WRONG, f"sent to {destination!r}")
    answers = response.get("InResponseTo", "")
    message = f"answers {answers!r}, not {expected.request_id!r}"
    require(answers == expected.request_id, Reason.IN_RESPONSE_TO_WRONG, message)
    try:
        issued_at = to_moment(response.get("IssueInstant", ""))
    except ValueError as error:
        raise UpstreamRefused(Reason.RESPONSE_TIME, "no valid IssueInstant") from error
    is_timely = expected.sent_at - SKEW <= issued_at <= expected.now + SKEW
    require(is_timely, Reason.RESPONSE_TIME, f"issued at {issued_at.isoformat()}")


def _declined(response: etree._Element, expected: Expected) -> Declined | None:
    """Return what the Response says instead of an assertion, or None (Core section 3.2.2.1).

    It may be unsigned: few sign what says nothing of anybody. It ends a login, and starts none.
    """
    codes = []
    code = response.find(f"{_SAMLP}Status/{_SAMLP}StatusCode")
    while code is not None:
        codes.append(code.get("Value", ""))
        code = code.find(f"{_SAMLP}StatusCode")
    require(bool(codes), Reason.NOT_RESPONSE, "no status")
    if codes[0] == f"{_STATUS}Success":
        return None
    if f"{_STATUS}NoPassive" in codes:
        reason = Reason.UPSTREAM_NO_PASSIVE
    elif f"{_STATUS}AuthnFailed" in codes:
        reason = Reason.UPSTREAM_AUTHN_FAILED
    else:
        reason = Reason.UPSTREAM_ERROR
    said = text_of(response.find(f"{_SAMLP}Status/{_SAMLP}StatusMessage"))
    words = " ".join(filter(None, [*(code.removeprefix(_STATUS) for code in codes), said]))
    return Declined(expected.upstream.name, reason, words[:_LONGEST_WORDS])


def _open_assertion(
    root: etree._Element,
    signed: etree._Element | None,
    expected: Expected,
    keys: Sequence[RSAPrivateKey],
) -> etree._Element:
    """Return the one assertion as it was signed.

    Args:
        root: The Response as it came. An assertion's own signature may cover prefixes that are
            declared there, and that the Response's signature does not.
        signed: The Response as it was signed, or None.
        expected: Whose keys count.
        keys: Ours.

    """
    assertion = _take_assertion(root, expected, keys)
    if assertion.find(_SIGNATURE) is not None:
        return verify_enveloped(assertion, expected.upstream.provider.certificates)
    if signed is None:
        raise UpstreamRefused(
            Reason.SIGNATURE_MISSING, "neither the Response nor the assertion is signed"
        )
    return _take_assertion(signed, expected, keys)


def _take_assertion(
    response: etree._Element, expected: Expected, keys: Sequence[RSAPrivateKey]
) -> etree._Element:
    """Return the assertion of a Response as a document of its own; nothing is believed by that."""
    encrypted, plain = response.find(_ENCRYPTED), response.find(_ASSERTION)
    if encrypted is not None:
        assertion = decrypt_element(encrypted, keys, _LIMITS)
    elif plain is not None:
        require(not expected.upstream.requires_encryption, Reason.ENCRYPTION_MISSING)
        assertion = stand_alone(plain, _LIMITS)
    else:
        raise UpstreamRefused(Reason.ASSERTION_COUNT, "no assertion")
    require(assertion.tag == _ASSERTION, Reason.ASSERTION_MALFORMED, f"a {assertion.tag}")
    count = sum(1 for _ in assertion.iter(_ASSERTION, _ENCRYPTED))
    require(count == 1, Reason.ASSERTION_COUNT, f"{count - 1} assertions within the assertion")
    own = len(assertion.findall(_SIGNATURE))
    everywhere = sum(1 for _ in assertion.iter(_SIGNATURE))
    # A signature anywhere else is of nothing that is read.
    require(own == everywhere, Reason.SIGNATURE_MISPLACED, "a signature within the assertion")
    return assertion
