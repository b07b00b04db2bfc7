"""SSO sessions: a signed-in browser, for a limited time, and who was told of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.idp.names import PASSWORD_CLASS
from connector.idp.vouched import AD


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a sign-on lasts.

    Attributes:
        lifetime: When it ends at the latest.
        idle: When it ends without use.

    """

    lifetime: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SsoSession:
    """A signed-in browser.

    Attributes:
        cookie_digest: SHA-256 of the cookie; the cookie itself is nowhere but in the browser.
        session_index: What service providers are told; useless as a cookie.
        external_id: The person.
        email: As typed when signing in, for pages.
        address: Where the browser was.
        authenticated_at: When they proved who they are.
        used_at: When it last let somebody in.
        expires_at: When it ends at the latest.
        source: Who checked them: `AD`, or the name of an upstream.
        context_class: URI of how they proved it.
        authority: entity_id of the upstream; "" if it was us.
        first: How they proved who they are: "password", "passkey" or "upstream".
        second: Kind of the second factor that they proved besides; "" for none.
        second_at: When, or None.
        remembered_at: When a second factor was proved that this device was to be remembered by;
            None if it was not.
        remembered_for: For which application, by its slug; "" for all.
        remembered_by: Kind of that factor.
        user_agent: What the browser says that it is.

    """

    cookie_digest: bytes
    session_index: str
    external_id: str
    email: str
    address: str
    authenticated_at: datetime
    used_at: datetime
    expires_at: datetime
    source: str = AD
    context_class: str = PASSWORD_CLASS
    authority: str = ""
    first: str = "password"
    second: str = ""
    second_at: datetime | None = None
    remembered_at: datetime | None = None
    remembered_for: str = ""
    remembered_by: str = ""
    user_agent: str = ""

    def is_alive(self, now: datetime, limits: SessionLimits) -> bool:
        """Return whether it still lets somebody in; both limits are checked here, at each use."""
        return now < self.expires_at and now < self.used_at + limits.idle


@dataclass(frozen=True, slots=True)
class Participant:
    """An application that was told who a session's person is (Core section 3.7).

    Attributes:
        sso_index: `session_index` of the SSO session that it belongs to now.
        application: Its slug.
        entity_id: Of its service provider.
        external_id: The person.
        name_id: As it was told.
        name_id_format: URI, likewise.
        session_index: Likewise; not `sso_index` if the person has signed in anew since.
        told_at: When last.
        expires_at: When it is forgotten.

    """

    sso_index: str
    application: str
    entity_id: str
    external_id: str
    name_id: str
    name_id_format: str
    session_index: str
    told_at: datetime
    expires_at: datetime


# An application's own session may outlast ours; so long it can still be told that it is over.
REMEMBERED_FOR = timedelta(hours=24)


def remembered_until(told_at: datetime, session: SsoSession) -> datetime:
    """Return until when it is known that an application was told."""
    return max(told_at + REMEMBERED_FOR, session.expires_at)
