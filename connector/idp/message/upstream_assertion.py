"""Read an assertion of another identity provider, whose signature was verified.

(Core section 2.3.3, Profiles section 4.1.4.3.) Each condition is checked, and one that we do not
know makes the assertion unusable, as it must (Core section 2.5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connector.errors import UpstreamRefused
from connector.idp.moment import to_moment
from connector.idp.reason import Reason
from connector.idp.upstream.identity_provider import NAME_ID
from connector.idp.vouched import Vouched
from connector.idp.xmldsig import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from connector.idp.upstream.identity_provider import Upstream

# For clocks that differ; every minute more is one to replay in, were it not for the store.
SKEW = timedelta(minutes=2)

_SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_LONGEST_TEXT = 1024
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a Response must fit.

    Attributes:
        upstream: Who was asked.
        acs_url: Where we take Responses.
        request_id: ID of what it was asked; "" if it was not.
        sent_at: When; for what was not asked, how far back an answer may lie.
        now: For everything that begins and ends.
        fresh_since: The person must have proved who they are after that; None: whenever.

    """

    upstream: Upstream
    acs_url: str
    request_id: str
    sent_at: datetime
    now: datetime
    fresh_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An assertion that may be believed, once.

    Attributes:
        vouched: What it says.
        assertion_id: Its ID.
        usable_until: When nobody would take it any more.

    """

    vouched: Vouched
    assertion_id: str
    usable_until: datetime


def require(demand: object, reason: Reason, message: str = "") -> None:
    """Go on if a demand is met, that is: true.

    Raises:
        UpstreamRefused: with the reason, if it is not.

    """
    if not demand:
        raise UpstreamRefused(reason, message)


def read_assertion(assertion: etree._Element, expected: Expected) -> Answered:
    """Return what the assertion says.

    Args:
        assertion: Signed, and verified.
        expected: What it must fit.

    Raises:
        UpstreamRefused: with the reason.

    """
    require(assertion.get("Version") == "2.0", Reason.VERSION_UNSUPPORTED)
    assertion_id = assertion.get("ID", "")
    require(1 <= len(assertion_id) <= 256, Reason.ASSERTION_MALFORMED, "no ID")
    issuer = text_of(assertion.find(f"{_SAML}Issuer"))
    is_theirs = issuer == expected.upstream.provider.entity_id
    require(is_theirs, Reason.ISSUER_OTHER, f"issued by {issuer!r}")
    issued_at = _moment(assertion, "IssueInstant")
    is_timely = issued_at is not None and issued_at <= expected.now + SKEW
    require(is_timely, Reason.ASSERTION_TIME, f"issued at {assertion.get('IssueInstant')}")
    ends = [_check_conditions(assertion, expected), _check_subject(assertion, expected)]
    usable_until = min(max(filter(None, ends)), _LAST - SKEW) + SKEW
    return Answered(_read_statement(assertion, expected), assertion_id, usable_until)


def _check_conditions(assertion: etree._Element, expected: Expected) -> datetime | None:
    """Check every condition (Core section 2.5); return when they end, if they do."""
    conditions = _only(assertion, "Conditions", Reason.AUDIENCE_WRONG)
    not_before, ends_at = _moment(conditions, "NotBefore"), _moment(conditions, "NotOnOrAfter")
    _check_window(expected, not_before, ends_at)
    restrictions = conditions.findall(f"{_SAML}AudienceRestriction")
    # Of several restrictions each must be met; of the audiences of one, one (section 2.5.1.4).
    audiences = [
        [text_of(one) for one in each.findall(f"{_SAML}Audience")] for each in restrictions
    ]
    is_ours = bool(audiences) and all(expected.upstream.entity_id in each for each in audiences)
    require(is_ours, Reason.AUDIENCE_WRONG, f"for {audiences}"[:_LONGEST_TEXT])
    # OneTimeUse is what the store sees to anyway. A ProxyRestriction forbids what we do.
    known = {f"{_SAML}AudienceRestriction", f"{_SAML}OneTimeUse"}
    unknown = [each.tag for each in conditions if each.tag not in known]
    require(not unknown, Reason.CONDITION_UNKNOWN, f"the condition {unknown}"[:_LONGEST_TEXT])
    return ends_at


def _check_window(
    expected: Expected, not_before: datetime | None, ends_at: datetime | None
) -> None:
    # A time of theirs may be the first or the last that there is, and nothing is beyond.
    is_early = not_before is not None and expected.now + SKEW < not_before
    require(not is_early, Reason.ASSERTION_TIME, f"usable from {not_before}")
    is_late = ends_at is not None and expected.now - SKEW >= ends_at
    require(not is_late, Reason.ASSERTION_TIME, f"usable until {ends_at}")


def _check_subject(assertion: etree._Element, expected: Expected) -> datetime:
    """Return until when the subject is confirmed by bearing the assertion.

    One confirmation that holds is enough (Core section 2.4.1.1); if none does, the first says why.
    """
    subject = _only(assertion, "Subject", Reason.SUBJECT_UNCONFIRMED)
    problems = []
    for confirmation in subject.findall(f"{_SAML}SubjectConfirmation"):
        if confirmation.get("Method") != _BEARER:
            continue
        try:
            return _check_confirmation(confirmation, expected)
        except UpstreamRefused as error:
            problems.append(error)
    raise problems[0] if problems else UpstreamRefused(Reason.SUBJECT_UNCONFIRMED, "no bearer")


def _check_confirmation(confirmation: etree._Element, expected: Expected) -> datetime:
    """Check one confirmation (Profiles section 4.1.4.3); return when it ends."""
    data = confirmation.find(f"{_SAML}SubjectConfirmationData")
    if data is None:
        raise UpstreamRefused(Reason.SUBJECT_UNCONFIRMED, "no SubjectConfirmationData")
    recipient, answers = data.get("Recipient", ""), data.get("InResponseTo", "")
    require(recipient == expected.acs_url, Reason.RECIPIENT_WRONG, f"for {recipient!r}")
    message = f"confirmed for {answers!r}, not {expected.request_id!r}"
    require(answers == expected.request_id, Reason.IN_RESPONSE_TO_WRONG, message)
    not_before, ends_at = _moment(data, "NotBefore"), _moment(data, "NotOnOrAfter")
    if ends_at is None:
        raise UpstreamRefused(Reason.SUBJECT_UNCONFIRMED, "confirmed without an end")
    _check_window(expected, not_before, ends_at)
    return ends_at


def _read_statement(assertion: etree._Element, expected: Expected) -> Vouched:
    """Return who was authenticated, when and how (Core section 2.7.2)."""
    statement = _only(assertion, "AuthnStatement", Reason.AUTHN_MISSING)
    at, ends_at = _moment(statement, "AuthnInstant"), _moment(statement, "SessionNotOnOrAfter")
    if at is None or at > expected.now + SKEW:
        raise UpstreamRefused(Reason.ASSERTION_TIME, f"authenticated at {at}")
    since = expected.fresh_since
    is_fresh = since is None or at >= since - SKEW
    require(is_fresh, Reason.AUTHN_NOT_FRESH, f"authenticated at {at}, asked for after {since}")
    is_over = ends_at is not None and ends_at <= expected.now
    require(not is_over, Reason.SESSION_ENDED, f"its session ended at {ends_at}")
    context_class = text_of(statement.find(f"{_SAML}AuthnContext/{_SAML}AuthnContextClassRef"))[
        :_LONGEST_TEXT
    ]
    wanted = expected.upstream.authn_context
    is_wanted = not wanted or context_class in wanted
    require(is_wanted, Reason.AUTHN_CONTEXT_WRONG, f"authenticated by {context_class!r}")
    return Vouched(
        upstream=expected.upstream.name,
        authority=expected.upstream.provider.entity_id,
        person=_person(assertion, expected.upstream.match.value),
        authenticated_at=min(at, expected.now),
        context_class=context_class,
        ends_at=ends_at,
    )


def _person(assertion: etree._Element, value: str) -> str:
    """Return what the assertion calls the person; exactly one text, without elements in it."""
    found = list(_names(assertion, value))
    texts = [text_of(element) for element in found if len(element) == 0]
    message = f"{len(found)} values of {value!r}, of which one must be a name"
    require(len(found) == len(texts) == 1, Reason.NAME_MISSING, message)
    require(0 < len(texts[0]) <= _LONGEST_TEXT, Reason.NAME_MISSING, message)
    return texts[0]


def _names(assertion: etree._Element, value: str) -> Iterator[etree._Element]:
    if value == NAME_ID:
        yield from assertion.findall(f"{_SAML}Subject/{_SAML}NameID")
        return
    for attribute in assertion.findall(f"{_SAML}AttributeStatement/{_SAML}Attribute"):
        if attribute.get("Name") == value:
            yield from attribute.findall(f"{_SAML}AttributeValue")


def _only(parent: etree._Element, name: str, reason: Reason) -> etree._Element:
    found = parent.findall(f"{_SAML}{name}")
    require(len(found) == 1, reason, f"{len(found)} elements {name}")
    return found[0]


def _moment(element: etree._Element, name: str) -> datetime | None:
    text = element.get(name)
    if text is None:
        return None
    try:
        return to_moment(text)
    except ValueError as error:
        raise UpstreamRefused(Reason.ASSERTION_TIME, f"{name} is no time: {text!r}") from error
