"""Remember a device, so that its person is not asked for a second factor each time.

It stands for the second factor only, never for the first, and each use gives it a new token: who
copies one has it until the owner comes next, and then the copy is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from connector.idp.happening import occasion, tell
from connector.idp.store.devices import RememberedDevice
from connector.idp.transaction import digest_of
from connector.idp.view import DeviceCookie
from connector.mail.notice import DeviceRemembered

if TYPE_CHECKING:
    from connector.idp.factor import FactorKind
    from connector.idp.parts import LoginParts
    from connector.idp.visit import Visit

# Browsers keep no cookie longer; how long it counts is kept here.
_KEPT_FOR: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Remembering:
    """What is to be remembered of a device at the end of a login.

    Attributes:
        application: Slug of where it counts; "" for everywhere.
        lifetime: How long.

    """

    application: str
    lifetime: timedelta


def remember(
    parts: LoginParts, external_id: str, kind: FactorKind, visit: Visit, wanted: Remembering
) -> DeviceCookie:
    """Remember the device by the factor that was proved in it; return its new cookie."""
    now = parts.clock.now()
    cookie = renew(parts, external_id, visit) or _new_cookie(parts)
    parts.devices.remember(
        RememberedDevice(
            token_digest=digest_of(cookie.value),
            application=wanted.application,
            external_id=external_id,
            kind=kind,
            created_at=now,
            used_at=now,
            expires_at=now + wanted.lifetime,
            address=visit.address,
            user_agent=visit.user_agent,
        )
    )
    until = now + wanted.lifetime
    tell(parts, external_id, DeviceRemembered(occasion(parts, visit), until))
    return cookie


def renew(parts: LoginParts, external_id: str, visit: Visit) -> DeviceCookie | None:
    """Return a fresh cookie of a device, which stands for all that the old one stood for.

    What a browser brings is never kept as it is: somebody may have put it there. None if it stands
    for nothing, or another login in the same browser has given it a fresh one meanwhile.
    """
    if not visit.device:
        return None
    cookie, now = _new_cookie(parts), parts.clock.now()
    digests = digest_of(visit.device), digest_of(cookie.value)
    return cookie if parts.devices.rotate(digests[0], external_id, digests[1], now) else None


def _new_cookie(parts: LoginParts) -> DeviceCookie:
    return DeviceCookie(parts.new_token(32), _KEPT_FOR)
