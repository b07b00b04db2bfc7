"""What can be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from connector.idp.factor import FactorKind
    from connector.idp.reason import Reason


@dataclass(frozen=True, slots=True)
class Allow:
    """The person may enter.

    Attributes:
        enrol: Kinds of factors; whoever has none of them is to enrol one first, although none is
            asked for here. Empty: nobody has to.

    """

    enrol: tuple[FactorKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Deny:
    """The person may not enter.

    Attributes:
        reason: Why.
        point: What of the policy says so, as in the configuration, such as "networks.refuse";
            "status" for the help desk, "" for account and groups.

    """

    reason: Reason
    point: str = ""


@dataclass(frozen=True, slots=True)
class SignInAgain:
    """The person may enter after signing in anew.

    Attributes:
        reason: Why this sign-on does not do; `PASSWORD_WANTED`: not by a passkey alone.
        point: What of the policy says so.

    """

    reason: Reason
    point: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """The person may enter after proving a second factor.

    Attributes:
        kinds: Of which kinds it may be, the strongest first; at least one.
        remember_for: For how long the browser may then be remembered; None: not to be offered.
        is_shared: What is remembered holds for all applications that share.

    """

    kinds: tuple[FactorKind, ...]
    remember_for: timedelta | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """The person is asked for one of these.

    Attributes:
        kinds: That they have and that count, the strongest first; at least one.

    """

    kinds: tuple[FactorKind, ...]


@dataclass(frozen=True, slots=True)
class Enrol:
    """The person has to enrol one of these.

    Attributes:
        kinds: That people can enrol and that count, the strongest first; at least one.
        after: What they have already, though it does not do here: one of it is to be proved before,
            or whoever knows the password could add a key. Empty: they have nothing.

    """

    kinds: tuple[FactorKind, ...]
    after: tuple[FactorKind, ...] = ()
