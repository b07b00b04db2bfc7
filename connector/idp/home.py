"""Our own pages as a place that people sign in to, like an application that nobody has to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.errors import RequestRefused
from connector.idp.application.service_provider import Application, ServiceProvider
from connector.idp.message.authn_request import AuthnRequest
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from connector.idp.parts import LoginParts
    from connector.idp.transaction import LoginTransaction

PORTAL, KEYS, SIGN_INS = "/", "/keys", "/sign-ins"
_PATHS = frozenset({PORTAL, KEYS, SIGN_INS})
_NOBODY = ServiceProvider("", ())


def home(parts: LoginParts) -> Application:
    """Return our own pages; whoever may enter an application may enter them."""
    applications = parts.registry.applications
    return Application(
        name=parts.settings.organization,
        slug="",
        service_provider=_NOBODY,
        groups=frozenset[str]().union(*(each.groups for each in applications)),
        admits_everybody=any(each.admits_everybody for each in applications),
    )


def home_request(path: str) -> AuthnRequest:
    """Return the request that asks for a page of ours, which is in its `relay_state`.

    Raises:
        RequestRefused: if it is none that people sign in for.

    """
    if path not in _PATHS:
        raise RequestRefused(Reason.APPLICATION_UNKNOWN)
    return AuthnRequest("", "", "", "", path)


def application_of(parts: LoginParts, transaction: LoginTransaction) -> Application:
    """Return where the person of a login is going.

    Raises:
        RequestRefused: if it was taken out of the configuration while somebody signed in.

    """
    if not transaction.application:
        return home(parts)
    application = parts.registry.by_slug(transaction.application)
    if application is None:
        raise RequestRefused(Reason.APPLICATION_UNKNOWN)
    return application
