"""What is said of a person to a service provider, as a value (step 7; Core section 2.3). Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from connector.errors import PolicyDenied
from connector.idp.application.attribute_path import values_at
from connector.idp.message.name_id import NameId, qualified
from connector.idp.names import EMAIL_FORMAT, PASSWORD_CLASS, PERSISTENT_FORMAT, TRANSIENT_FORMAT
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connector.directory.person import DirectoryUser
    from connector.idp.application.attribute import Person
    from connector.idp.application.service_provider import Application
    from connector.idp.message.authn_request import AuthnRequest

# For service providers whose clock is behind; much more would be too much to replay in.
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignOn:
    """How and when the person proved who they are.

    Attributes:
        session_index: Names the SSO session to the service provider; not its cookie.
        authenticated_at: When they did.
        context_class: URI of how (AuthnContextClassRef).
        authority: entity_id of the identity provider that we have it from; "" if it was us.
        has_second_factor: Whether they proved more than a password.

    """

    session_index: str
    authenticated_at: datetime
    context_class: str = PASSWORD_CLASS
    authority: str = ""
    has_second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same whomever the assertion is about.

    Attributes:
        issuer: Our entity ID.
        assertion_id: XML ID, fresh for each assertion.
        now: When it is made.
        lifetime: How long it may be used.

    """

    issuer: str
    assertion_id: str
    now: datetime
    lifetime: timedelta


class Attribute(NamedTuple):
    """One attribute with what the directory holds (Core section 2.7.3.1).

    Attributes:
        name: As the service provider knows it.
        values: At least one.
        name_format: URI.
        friendly_name: For people; "" for none.

    """

    name: str
    values: tuple[str, ...]
    name_format: str
    friendly_name: str = ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion, before it is written and signed.

    Attributes:
        assertion_id: XML ID.
        issuer: Our entity ID.
        issued_at: Now.
        not_on_or_after: When nobody may take it any more.
        name_id: Who it is about.
        audience: Name of the only service provider that may take it.
        acs_url: The only address at which it may be taken.
        in_response_to: ID of the request, or "" if nobody asked.
        sign_on: How the person proved who they are.
        attributes: In the operator's order.

    """

    assertion_id: str
    issuer: str
    issued_at: datetime
    not_on_or_after: datetime
    name_id: NameId
    audience: str
    acs_url: str
    in_response_to: str
    sign_on: SignOn
    attributes: tuple[Attribute, ...] = ()

    @property
    def not_before(self) -> datetime:
        """Return from when it may be taken."""
        return self.issued_at - CLOCK_TOLERANCE


def choose_name_id(
    user: DirectoryUser,
    application: Application,
    wanted_format: str,
    new_name: Callable[[], str],
) -> NameId | None:
    """Return how this service provider is told who the person is, or None if there is no way.

    Args:
        user: The person.
        application: Says which value and format are usual.
        wanted_format: URI that the request asks for, or "".
        new_name: Makes a random one, for a format whose names live for one session.

    """
    chosen = wanted_format or application.name_id_format
    is_usual = chosen == application.name_id_format
    if chosen == TRANSIENT_FORMAT:
        return NameId(new_name(), TRANSIENT_FORMAT)
    if chosen == PERSISTENT_FORMAT and not (is_usual and application.name_id):
        return NameId(_pairwise(user, application), PERSISTENT_FORMAT)
    values = values_at(user.document, application.name_id or "emails.value")
    if not values or "\ufffd" in values[0] or not values[0].isprintable():
        return None
    if chosen == EMAIL_FORMAT and not is_usual and "@" not in values[0]:
        return None
    return NameId(values[0], chosen)


def _pairwise(user: DirectoryUser, application: Application) -> str:
    """Return a name that stays, and that two service providers cannot compare.

    It needs no store and no key: objectGUID is random, and known to nobody whom it would help.
    """
    entity_id = application.service_provider.entity_id
    return hashlib.sha256(f"{entity_id}\n{user.external_id}".encode()).hexdigest()


def build_assertion(
    person: Person,
    application: Application,
    request: AuthnRequest,
    *,
    name_id: NameId,
    sign_on: SignOn,
    frame: Frame,
) -> Assertion:
    """Return what is said of the person in answer to the request.

    Raises:
        PolicyDenied: if the directory has no value for an attribute that must have one.

    """
    return Assertion(
        assertion_id=frame.assertion_id,
        issuer=frame.issuer,
        issued_at=frame.now,
        not_on_or_after=frame.now + frame.lifetime,
        name_id=qualified(name_id, frame.issuer, request.issuer),
        audience=request.issuer,
        acs_url=request.acs_url,
        in_response_to=request.request_id,
        sign_on=sign_on,
        attributes=tuple(_attributes(person, application, request)),
    )


def _attributes(
    person: Person, application: Application, request: AuthnRequest
) -> Iterator[Attribute]:
    """Yield every attribute of which the directory has a value that can be read."""
    for rule in application.attributes_for(request.attribute_index):
        try:
            values = rule.evaluate(person)
        except ValueError:
            values = ()
        if values:
            yield Attribute(rule.name, values, rule.name_format, rule.friendly_name)
        elif rule.is_required:
            message = f"the attribute {rule.name} is required, and the person has no value for it"
            raise PolicyDenied(Reason.ATTRIBUTE_MISSING, message)
