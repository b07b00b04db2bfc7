"""What happens to the factors of a person: kept in the audit, and the person is told."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.mail.notice import (
    BypassCodeUsed,
    DeviceRemembered,
    FactorAdded,
    FactorDisabled,
    FactorRemoved,
    FactorRenamed,
    Occasion,
    RecoveryCodesMade,
    RecoveryCodeUsed,
)

if TYPE_CHECKING:
    from connector.errors import LoginError
    from connector.idp.parts import LoginParts
    from connector.idp.visit import Visit
    from connector.mail.notice import Notice

_EVENTS: Final = MappingProxyType(
    {
        FactorAdded: "factor.added",
        FactorRemoved: "factor.removed",
        FactorRenamed: "factor.renamed",
        FactorDisabled: "factor.disabled",
        RecoveryCodesMade: "recovery_codes.made",
        RecoveryCodeUsed: "recovery_code.used",
        BypassCodeUsed: "bypass_code.used",
        DeviceRemembered: "device.remembered",
    }
)


def occasion(parts: LoginParts, visit: Visit) -> Occasion:
    """Return that something happens now, in the browser that asks."""
    return Occasion(parts.clock.now(), visit.address, visit.user_agent)


def tell_disabled(parts: LoginParts, external_id: str, visit: Visit, error: LoginError) -> None:
    """Tell a person of their factors that stopped to work by a refusal."""
    disabled_ids = getattr(error, "disabled_ids", ())
    if not disabled_ids:
        return
    for each in parts.factors.store.of_person(external_id, parts.clock.now()):
        if each.factor_id in disabled_ids:
            notice = FactorDisabled(occasion(parts, visit), each.kind, each.name)
            tell(parts, external_id, notice)


def tell(parts: LoginParts, external_id: str, notice: Notice) -> None:
    """Keep that something happened to a person, and tell them.

    Args:
        parts: Of the identity provider.
        external_id: To whom.
        notice: What happened.

    """
    said = {each.name: str(getattr(notice, each.name)) for each in fields(notice)}
    del said["occasion"]
    address = notice.occasion.address
    parts.record(_EVENTS[type(notice)], actor=external_id, address=address, details=said)
    user = parts.directory.user(external_id)
    if user is not None:
        parts.notices.tell(user, notice)
