"""Whose session a LogoutRequest means: only one that its issuer was told of, under that name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.idp.message.logout_request import LogoutRequest
    from connector.idp.session import Participant


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a request means.

    Attributes:
        participants: What its issuer was told of the sessions that it means; none: they are over,
            or never were.
        is_foreign: It names sessions that its issuer was told under other names only.

    """

    participants: tuple[Participant, ...] = ()
    is_foreign: bool = False

    @property
    def sso_indexes(self) -> frozenset[str]:
        """Return which of our sessions it means."""
        return frozenset(each.sso_index for each in self.participants)

    @property
    def external_id(self) -> str:
        """Return the person; "" for nobody."""
        return self.participants[0].external_id if self.participants else ""


def find_meaning(request: LogoutRequest, told: Iterable[Participant]) -> Meaning:
    """Return what a request means.

    Args:
        request: Of a service provider.
        told: What that service provider was told of sessions with these indexes; or, if the
            request has none, under that name.

    """
    found = tuple(told)
    meant = tuple(each for each in found if request.means(each.name_id, each.name_id_format))
    return Meaning(meant, is_foreign=bool(found) and not meant)


def find_meaning_here(request: LogoutRequest, participants: Iterable[Participant]) -> Meaning:
    """Return what a request means that proves nothing: at most the session of the browser.

    Args:
        request: Unsigned.
        participants: Who was told of that session.

    """
    indexes = request.session_indexes
    return Meaning(
        tuple(
            each
            for each in participants
            if each.entity_id == request.issuer
            and request.means(each.name_id, each.name_id_format)
            and (not indexes or each.session_index in indexes)
        )
    )
