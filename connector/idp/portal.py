"""Who is signed in: SSO sessions as the flow and the portal see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.idp.policy import Allow, may_enter
from connector.idp.transaction import digest_of
from connector.idp.view import SignedIn, Tile

if TYPE_CHECKING:
    from connector.directory.person import DirectoryUser
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession

_EVENTS_LOOKED_AT = 100
_RECENT_AT_MOST = 6


def find_session(parts: LoginParts, sso_cookie: str | None) -> SsoSession | None:
    """Return the session of a cookie if it is alive and the person still active."""
    session = find_live_session(parts, sso_cookie)
    user = parts.directory.user(session.external_id) if session else None
    return session if user is not None and user.is_active(parts.clock.now()) else None


def find_live_session(parts: LoginParts, sso_cookie: str | None) -> SsoSession | None:
    """Return the session of a cookie if it is alive; of whom, and whether active, is not asked."""
    session = parts.store.session(digest_of(sso_cookie)) if sso_cookie else None
    is_alive = session and session.is_alive(parts.clock.now(), parts.settings.sessions)
    return session if is_alive else None


def find_signed_in(parts: LoginParts, sso_cookie: str | None) -> SignedIn | None:
    """Return who is signed in, and what is open to them."""
    session, now = find_live_session(parts, sso_cookie), parts.clock.now()
    standing = parts.directory.standing(session.external_id) if session else None
    if session is None or standing is None or not standing[0].is_active(now):
        return None
    user, groups = standing
    name = str(user.document.get("displayName") or session.email)
    return SignedIn(user.external_id, name, _tiles(parts, user, groups))


def _tiles(parts: LoginParts, user: DirectoryUser, groups: frozenset[str]) -> tuple[Tile, ...]:
    recent = _recent_names(parts, user.external_id)
    open_to_all = [(each, f"/open/{each.slug}") for each in parts.registry.applications] + [
        (each, each.url) for each in parts.settings.links
    ]
    tiles = [
        Tile(each.name, href, each.name in recent)
        for each, href in open_to_all
        if isinstance(may_enter(user, groups, each, parts.clock.now()), Allow)
    ]
    tiles.sort(key=lambda tile: recent.index(tile.name) if tile.is_recent else len(recent))
    return tuple(tiles)


def _recent_names(parts: LoginParts, external_id: str) -> list[str]:
    """Return the names of the applications that a person opened of late, the last first."""
    events = parts.audit.recent(_EVENTS_LOOKED_AT, actor=external_id)
    opened = [each.application for each in events if each.event == "login.succeeded"]
    return [each for each in dict.fromkeys(opened) if each][:_RECENT_AT_MOST]
