"""What happens to the factors of a person: kept in the audit, and the person is told."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.idp.parts import LoginParts
    from connector.idp.visit import Visit


class Happening(StrEnum):
    """The events of the audit."""

    FACTOR_ADDED = "factor.added"
    FACTOR_RENAMED = "factor.renamed"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_DISABLED = "factor.disabled"
    CODES_ISSUED = "recovery_codes.issued"
    RECOVERY_CODE_USED = "recovery_code.used"
    BYPASS_CODE_USED = "bypass_code.used"
    DEVICE_REMEMBERED = "device.remembered"
    DEVICE_FORGOTTEN = "device.forgotten"


def tell(
    parts: LoginParts, what: Happening, external_id: str, visit: Visit, **details: str
) -> None:
    """Keep that something happened, and tell the person.

    Args:
        parts: Of the identity provider.
        what: What happened.
        external_id: To whom.
        visit: From where.
        details: What else the audit keeps, such as `kind` and `name`.

    """
    parts.record(what, actor=external_id, address=visit.address, details=details)
