"""What is said of a person to a service provider, as a value (step 7; Core section 2.3). Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connector.idp.names import EMAIL_FORMAT, PASSWORD_CLASS, PERSISTENT_FORMAT, TRANSIENT_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.message.authn_request import AuthnRequest

# For service providers whose clock is behind; much more would be too much to replay in.
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NameId:
    """Who the assertion is about (Core section 2.2.3).

    Attributes:
        value: As the service provider knows the person.
        format: URI that says what kind of name it is.

    """

    value: str
    format: str


@dataclass(frozen=True, slots=True)
class SignOn:
    """How and when the person proved who they are.

    Attributes:
        session_index: Names the SSO session to the service provider; not its cookie.
        authenticated_at: When they did.
        context_class: URI of how (AuthnContextClassRef).
        authority: entity_id of the identity provider that we have it from; "" if it was us.

    """

    session_index: str
    authenticated_at: datetime
    context_class: str = PASSWORD_CLASS
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion, before it is written and signed.

    Attributes:
        assertion_id: XML ID.
        issuer: Our entity ID.
        issued_at: Now.
        not_on_or_after: When nobody may take it any more.
        name_id: Who it is about.
        audience: entity_id of the only service provider that may take it.
        acs_url: The only address at which it may be taken.
        in_response_to: ID of the request, or "" if nobody asked.
        sign_on: How the person proved who they are.
        attributes: Names and values, in the operator's order.

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
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def not_before(self) -> datetime:
        """Return from when it may be taken."""
        return self.issued_at - CLOCK_TOLERANCE


def choose_name_id(
    user: DirectoryUser, application: Application, wanted_format: str, fresh: str
) -> NameId | None:
    """Return how this service provider is told who the person is, or None if there is no way.

    Args:
        user: The person.
        application: Says which value and format are usual.
        wanted_format: URI that the request asks for, or "".
        fresh: A random name, for a format whose names live for one session.

    """
    if wanted_format not in {"", application.name_id_format}:
        if wanted_format == TRANSIENT_FORMAT:
            return NameId(fresh, TRANSIENT_FORMAT)
        if wanted_format == PERSISTENT_FORMAT:
            return NameId(_pairwise(user, application), PERSISTENT_FORMAT)
    values = values_at(user.document, application.name_id)
    if not values or "\ufffd" in values[0] or not values[0].isprintable():
        return None
    if wanted_format == EMAIL_FORMAT and "@" not in values[0]:
        return None
    return NameId(values[0], wanted_format or application.name_id_format)


def _pairwise(user: DirectoryUser, application: Application) -> str:
    """Return a name that stays, and that two service providers cannot compare.

    It needs no store and no key: objectGUID is random, and known to nobody whom it would help.
    """
    entity_id = application.service_provider.entity_id
    return hashlib.sha256(f"{entity_id}\n{user.external_id}".encode()).hexdigest()


def build_assertion(  # noqa: PLR0913 - every part of an assertion comes from somewhere else
    user: DirectoryUser,
    application: Application,
    request: AuthnRequest,
    *,
    issuer: str,
    name_id: NameId,
    sign_on: SignOn,
    assertion_id: str,
    now: datetime,
    lifetime: timedelta,
) -> Assertion:
    """Return what is said of the person in answer to the request."""
    return Assertion(
        assertion_id=assertion_id,
        issuer=issuer,
        issued_at=now,
        not_on_or_after=now + lifetime,
        name_id=name_id,
        audience=application.service_provider.entity_id,
        acs_url=request.acs_url,
        in_response_to=request.request_id,
        sign_on=sign_on,
        attributes=tuple(
            (name, values)
            for name, path in application.attributes.items()
            if (values := values_at(user.document, path))
        ),
    )


_FILTERED = re.compile(r'(\w+)\[type eq "([^"]*)"\](?:\.(\w+))?')


def values_at(document: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the values at a SCIM attribute path as text (RFC 7644 section 3.10).

    Of several values with one marked as primary, only that one: `emails.value` is *the* address.

    >>> values_at({"emails": [{"value": "a@x"}, {"value": "b@x", "primary": True}]}, "emails.value")
    ('b@x',)
    >>> values_at({"name": {"givenName": "Ann"}}, "name.givenName")
    ('Ann',)

    """
    for schema in document:
        if schema.startswith("urn:") and path.startswith(f"{schema}:"):
            return values_at(document[schema], path[len(schema) + 1 :])
    filtered = _FILTERED.fullmatch(path)
    if filtered is not None:
        found = [each for each in _listed(document.get(filtered[1])) if _is_type(each, filtered[2])]
        return _to_texts(_below(found, filtered[3] or "value"))
    name, _, rest = path.partition(".")
    found = _primary(_listed(document.get(name)))
    return _to_texts(_below(found, rest) if rest else found)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _primary(values: list[Any]) -> list[Any]:
    primary = [each for each in values if isinstance(each, dict) and each.get("primary") is True]
    return primary or values


def _is_type(value: Any, wanted: str) -> bool:
    return isinstance(value, dict) and value.get("type") == wanted


def _below(values: list[Any], path: str) -> list[Any]:
    for name in path.split("."):
        values = [
            below
            for each in values
            if isinstance(each, dict)
            for below in _primary(_listed(each.get(name)))
        ]
    return values


def _to_texts(values: list[Any]) -> tuple[str, ...]:
    texts = []
    for value in values:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, str | int | float) and value != "":
            texts.append(str(value))
    return tuple(texts)
