"""Who is signed in: SSO sessions as the flow and the portal see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.policy import Allow, decide
from connector.idp.transaction import digest_of
from connector.idp.view import SignedIn

if TYPE_CHECKING:
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession


def find_session(parts: LoginParts, sso_cookie: str | None) -> SsoSession | None:
    """Return the session of a cookie if it is alive and the person still active."""
    now = parts.clock.now()
    session = parts.store.session(digest_of(sso_cookie)) if sso_cookie else None
    if session is None or not session.is_alive(now, parts.settings.sessions):
        return None
    user = parts.directory.user(session.external_id)
    return session if user is not None and user.is_active(now) else None


def find_signed_in(parts: LoginParts, sso_cookie: str | None) -> SignedIn | None:
    """Return who is signed in, and what is open to them."""
    session = find_session(parts, sso_cookie)
    user = parts.directory.user(session.external_id) if session else None
    if session is None or user is None:
        return None
    groups, now = parts.directory.groups_of(user.external_id), parts.clock.now()
    allowed = tuple(
        (application.name, application.slug)
        for application in parts.registry.applications
        if isinstance(decide(user, groups, application, now), Allow)
    )
    name = str(user.document.get("displayName") or session.email)
    return SignedIn(user.external_id, name, allowed)
