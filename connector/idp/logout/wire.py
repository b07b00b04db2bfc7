"""Write the messages of a logout, signed, for the way that they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.binding import to_form_value, to_redirect_url
from connector.idp.logout.view import SendMessage
from connector.idp.logout_transaction import Cause
from connector.idp.message.logout_request import build_logout_request
from connector.idp.message.logout_response import (
    PARTIAL_LOGOUT,
    REQUESTER,
    SUCCESS,
    UNKNOWN_PRINCIPAL,
    build_logout_response,
)
from connector.idp.message.soap import to_envelope
from connector.idp.names import LOGOUT_BY_ADMIN, LOGOUT_BY_USER, Binding, MessageKind
from connector.idp.xmldsig import render, sign_enveloped

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.application.service_provider import Application, SloEndpoint
    from connector.idp.logout_transaction import Delivery, Logout, Origin
    from connector.idp.parts import LoginParts
    from connector.idp.xmldsig import Element, SigningKey

_BY_PERSON = frozenset({Cause.PERSON, Cause.APPLICATION})


def request_by_browser(
    parts: LoginParts, application: Application, logout: Logout, delivery: Delivery
) -> SendMessage | None:
    """Return the request that a browser carries; None if the application takes none that way."""
    endpoint = application.service_provider.front_slo()
    if endpoint is None:
        return None
    request = _request(parts, endpoint.url, logout, delivery)
    return _by_browser(parts, application, endpoint, request, MessageKind.REQUEST)


def request_by_soap(
    parts: LoginParts, application: Application, logout: Logout, delivery: Delivery
) -> tuple[str, bytes] | None:
    """Return where a server takes the request, and its envelope; None if none does."""
    endpoint = application.service_provider.find_slo(Binding.SOAP)
    if endpoint is None:
        return None
    request = _request(parts, endpoint.url, logout, delivery)
    return endpoint.url, to_envelope(sign_enveloped(request, _key(parts, application)))


def answer_by_browser(
    parts: LoginParts, application: Application, origin: Origin, status: tuple[str, ...]
) -> SendMessage | None:
    """Return the answer that a browser carries; None if the application takes none that way."""
    endpoint = application.service_provider.front_slo(origin.binding)
    if endpoint is None:
        return None
    url = endpoint.response_url or endpoint.url
    response = _response(parts, url, origin, status)
    return _by_browser(
        parts, application, endpoint, response, MessageKind.RESPONSE, origin.relay_state
    )


def answer_by_soap(
    parts: LoginParts, application: Application, origin: Origin, status: tuple[str, ...]
) -> bytes:
    """Return the envelope of the answer to a server."""
    response = _response(parts, "", origin, status)
    return to_envelope(sign_enveloped(response, _key(parts, application)))


def status_of(logout: Logout) -> tuple[str, ...]:
    """Return the status codes of an answer.

    The first level speaks of our own session only; the second says if an application is missing
    (Core section 3.7.3.2).
    """
    if logout.origin is not None and logout.origin.is_refused:
        return (REQUESTER, UNKNOWN_PRINCIPAL)
    return (SUCCESS,) if logout.is_complete else (SUCCESS, PARTIAL_LOGOUT)


def new_xml_id(parts: LoginParts) -> str:
    """Return a fresh XML ID of 128 random bits (Core section 1.3.4)."""
    return f"_{parts.random(16).hex()}"


def _request(parts: LoginParts, url: str, logout: Logout, delivery: Delivery) -> Element:
    return build_logout_request(
        delivery,
        issuer=parts.settings.endpoints.entity_id,
        destination=url,
        reason=LOGOUT_BY_USER if logout.cause in _BY_PERSON else LOGOUT_BY_ADMIN,
        now=parts.clock.now(),
    )


def _response(parts: LoginParts, url: str, origin: Origin, status: tuple[str, ...]) -> Element:
    now: datetime = parts.clock.now()
    return build_logout_response(
        response_id=new_xml_id(parts),
        issuer=parts.settings.endpoints.entity_id,
        destination=url,
        in_response_to=origin.request_id,
        status=status,
        now=now,
    )


def _by_browser(
    parts: LoginParts,
    application: Application,
    endpoint: SloEndpoint,
    message: Element,
    kind: MessageKind,
    relay_state: str = "",
) -> SendMessage:
    is_answer = kind is MessageKind.RESPONSE
    url, key = message.attributes["Destination"], _key(parts, application)
    if endpoint.binding == Binding.REDIRECT:
        document = render(message)
        full = to_redirect_url(url, kind, document, relay_state, key)
        return SendMessage(application.name, full, is_answer=is_answer)
    return SendMessage(
        application_name=application.name,
        url=url,
        form_field=kind,
        value=to_form_value(sign_enveloped(message, key)),
        relay_state=relay_state,
        is_answer=is_answer,
    )


def _key(parts: LoginParts, application: Application) -> SigningKey:
    """Return what signs for an application."""
    return parts.answerer.keys.key_for(application.slug)
