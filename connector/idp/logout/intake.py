"""Take in what service providers send: by a browser, which then goes on to a page, or by SOAP."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.logout.ending import Occasion, deliver_first, end_sessions, new_logout
from connector.idp.logout.meaning import find_meaning
from connector.idp.logout.telling import told_event
from connector.idp.logout.wire import answer_by_soap, status_of
from connector.idp.logout_transaction import Cause, DeliveryState, Logout, Origin
from connector.idp.message.incoming import SKEW
from connector.idp.message.logout_request import LogoutRequest, parse_logout_request
from connector.idp.message.logout_response import parse_logout_response
from connector.idp.message.name_id import NameId
from connector.idp.message.soap import read_envelope
from connector.idp.names import MessageKind
from connector.idp.reason import Reason
from connector.idp.store.logouts import Ends, Taken

if TYPE_CHECKING:
    from connector.idp.application.service_provider import Application
    from connector.idp.binding import BoundMessage
    from connector.idp.logout.meaning import Meaning
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout_transaction import Delivery
    from connector.idp.message.logout_response import LogoutResponse


def take_request(parts: LogoutParts, message: BoundMessage, address: str) -> str:
    """Take in a LogoutRequest that a browser brought; return the id of its logout.

    A signed one ends our session at once. One whose issuer has no key proves nothing: it waits
    until the person says yes.

    Raises:
        RequestRefused: if it is not acceptable.

    """
    try:
        request = _parse(parts, message)
        if request.is_signed:
            logout = _end(parts, request, address, has_browser=True)
        else:
            logout = _to_be_asked(parts, request)
            parts.logouts.add(logout, _taken(parts, request))
    except RequestRefused as error:
        _record_refusal(parts, error, address)
        raise
    return logout.logout_id


def take_soap(parts: LogoutParts, content: bytes, address: str) -> bytes:
    """Take in the envelope of a LogoutRequest; return that of its answer.

    Applications that only a browser reaches are not told, which the answer says.

    Raises:
        RequestRefused: if it is not acceptable; there is no answer then.

    """
    try:
        request = _signed(_parse(parts, read_envelope(content, MessageKind.REQUEST)))
        logout = _end(parts, request, address, has_browser=False)
    except RequestRefused as error:
        _record_refusal(parts, error, address)
        raise
    kept = parts.logouts.logout(logout.logout_id, parts.login.clock.now()) or logout
    application, origin = _application(parts, request), kept.origin or _origin(parts, request)
    return answer_by_soap(parts.login, application, origin, status_of(kept))


def take_response(parts: LogoutParts, message: BoundMessage, address: str) -> str:
    """Take in a LogoutResponse that a browser brought; return the id of the logout.

    Raises:
        RequestRefused: if it is not acceptable, or nobody waits for it.

    """
    login = parts.login
    now = login.clock.now()
    try:
        response = parse_logout_response(
            message, login.registry, now=now, endpoints=login.settings.endpoints
        )
        logout, delivery = _awaited(parts, response)
    except RequestRefused as error:
        _record_refusal(parts, error, address)
        raise
    reason, problem = "", ""
    if not response.is_success:
        reason, problem = Reason.APPLICATION_REFUSED, f"it answers {response.status[:200]}"
    event = told_event(logout, delivery, now, reason, problem)
    if response.is_success:
        done = {"state": DeliveryState.SIGNED_OUT, "answered_at": now, "due_at": None}
        parts.logouts.note(delivery.request_id, event, **done)
    else:
        parts.logouts.note(delivery.request_id, event, state=DeliveryState.REFUSED)
    return logout.logout_id


def _awaited(parts: LogoutParts, response: LogoutResponse) -> tuple[Logout, Delivery]:
    """Return what a response answers; its ID is known to that application and browser only."""
    found = parts.logouts.delivery(response.in_response_to)
    if found is None or found[1].entity_id != response.issuer:
        raise RequestRefused(Reason.RESPONSE_UNEXPECTED, "an answer to nothing that was asked")
    return found


def to_json(request: LogoutRequest) -> bytes:
    """Return a request as a row keeps it."""
    return json.dumps(asdict(request)).encode()


def from_json(text: bytes) -> LogoutRequest:
    """Return the request that a row keeps."""
    values = json.loads(text)
    name_id, indexes = NameId(**values.pop("name_id")), tuple(values.pop("session_indexes"))
    return LogoutRequest(name_id=name_id, session_indexes=indexes, **values)


def _parse(parts: LogoutParts, message: BoundMessage) -> LogoutRequest:
    login = parts.login
    return parse_logout_request(
        message, login.registry, now=login.clock.now(), endpoints=login.settings.endpoints
    )


def _signed(request: LogoutRequest) -> LogoutRequest:
    """Return a request of one server to another, where nobody could be asked."""
    if not request.is_signed:
        raise RequestRefused(Reason.SIGNATURE_MISSING, "its issuer has no key to sign by")
    return request


def _end(parts: LogoutParts, request: LogoutRequest, address: str, *, has_browser: bool) -> Logout:
    """End the sessions that a signed request means, and tell who can be told at once."""
    indexes = request.session_indexes
    told = parts.participants.find(request.issuer, request.name_id.value, indexes)
    meaning = find_meaning(request, told)
    logout = _new_logout(parts, request, meaning)
    if meaning.is_foreign:
        parts.logouts.add(logout, _taken(parts, request))
        error = RequestRefused(Reason.PRINCIPAL_UNKNOWN, "the session is somebody else's")
        _record_refusal(parts, error, address)
        return logout
    ended = end_sessions(
        parts,
        logout,
        Ends(meaning.sso_indexes),
        Occasion(address, has_browser=has_browser),
        taken=_taken(parts, request),
        knows=meaning.participants.__contains__,
    )
    deliver_first(parts, [ended], has_browser=has_browser)
    return ended


def _new_logout(
    parts: LogoutParts, request: LogoutRequest, meaning: Meaning | None = None
) -> Logout:
    logout = new_logout(parts, Cause.APPLICATION, meaning.external_id if meaning else "")
    is_refused = meaning is not None and meaning.is_foreign
    return replace(
        logout,
        origin=replace(_origin(parts, request), is_refused=is_refused),
        ended_at=logout.created_at if is_refused else None,
    )


def _to_be_asked(parts: LogoutParts, request: LogoutRequest) -> Logout:
    """Return the logout of a request that proves nothing; it does not wait long for a person."""
    logout = _new_logout(parts, request)
    expires_at = logout.created_at + parts.login.settings.login_lifetime
    return replace(logout, asked_for=to_json(request), expires_at=expires_at)


def _origin(parts: LogoutParts, request: LogoutRequest) -> Origin:
    slug = _application(parts, request).slug
    return Origin(slug, request.request_id, request.binding, request.relay_state)


def _application(parts: LogoutParts, request: LogoutRequest) -> Application:
    """Return an application of the issuer, if it can be one that takes answers."""
    applications = parts.login.registry.of_issuer(request.issuer)
    able = [one for one in applications if one.service_provider.front_slo() is not None]
    return (able or applications)[0]


def _taken(parts: LogoutParts, request: LogoutRequest) -> Taken:
    # Its IssueInstant may be ahead of our clock, and is good for as long again.
    return Taken(request.issuer, request.request_id, parts.login.clock.now() + 3 * SKEW)


def _record_refusal(parts: LogoutParts, error: RequestRefused, address: str) -> None:
    details = {"message": str(error)}
    parts.login.record("logout.refused", error.reason, address=address, details=details)
