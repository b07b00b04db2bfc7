"""What is known of a person, a browser and a sign-on when it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from connector.idp.standing import Status

if TYPE_CHECKING:
    from datetime import datetime

    from connector.idp.factor import FactorKind
    from connector.idp.network import Address
    from connector.idp.reason import Reason


class FirstFactor(StrEnum):
    """How somebody said who they are."""

    PASSWORD = "password"
    PASSKEY = "passkey"  # the device verified the person, so it counts for both
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known when it is decided.

    Attributes:
        now: The moment.
        status: What the help desk says of the person.
        barred: Why account or groups keep the person out, as `may_enter` says; None: they do not.
        address: Where the browser is, by `network.parse_address`; None if that is not known.
        country: ISO 3166-1 code of where that is; "" if not known.
        user_agent: What the browser says of itself.
        first: How the person said who they are.
        first_at: When; of use for a passkey, which may be too long ago to count for both.
        second: The kind of factor that was proved beside, or None.
        second_at: When.
        is_in_session: These proofs are of a sign-on that goes on. False while signing in: then what
            was proved was proved in this very login, as new as can be.
        session_began_at: When that sign-on began.
        session_used_at: When it last let the person in anywhere.
        remembered_at: When a factor was proved in this browser, that was then remembered for the
            application; None if it is not, or the person has been reset since.
        remembered_by: Of which kind it was, if that is known.

    """

    now: datetime
    status: Status = Status.ACTIVE
    barred: Reason | None = None
    address: Address | None = None
    country: str = ""
    user_agent: str = ""
    first: FirstFactor = FirstFactor.PASSWORD
    first_at: datetime | None = None
    second: FactorKind | None = None
    second_at: datetime | None = None
    is_in_session: bool = False
    session_began_at: datetime | None = None
    session_used_at: datetime | None = None
    remembered_at: datetime | None = None
    remembered_by: FactorKind | None = None
