"""After each reading of the source: nobody stays signed on who may not be.

It is looked at who has a session, or may have one at an application, and who is active now; nothing
depends on having seen somebody leave. As long as nothing was missed, those are looked at whom a
change concerned; everybody now and then, and when it changed who may enter where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from connector.idp.logout.back_channel import deliver_due
from connector.idp.logout.ending import Occasion, deliver_first, end_sessions, new_logout
from connector.idp.logout_transaction import Cause
from connector.idp.policy import Deny, may_enter
from connector.idp.store.logouts import Ends
from connector.idp.store.sign_off_mark import Mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from connector.directory.person import DirectoryUser, GroupHead, UserHead
    from connector.directory.store import ReadMark
    from connector.idp.application.service_provider import Application, Registry
    from connector.idp.logout.parts import LogoutParts
    from connector.idp.logout_transaction import Logout
    from connector.idp.store.sign_off_mark import MarkStore

# An answer that crossed with a change is caught by the next look at everybody.
SWEPT_EVERY = timedelta(minutes=5)


class Directory(Protocol):
    """Who exists, and whom a change concerned; `directory.store.DirectoryStore`."""

    def read_mark(self) -> ReadMark | None:
        """Return up to where the source was read; None if it never was."""
        ...

    def concerned_since(self, revision: int, since: datetime, until: datetime) -> frozenset[str]:
        """Return who changed after a revision, or whose account ended between two moments."""
        ...

    def user_heads(self, external_ids: Collection[str] | None = None) -> Iterator[UserHead]:
        """Yield these people, leavers included, as heads."""
        ...

    def users(self, external_ids: Collection[str]) -> Mapping[str, DirectoryUser]:
        """Return the people with these keys, leavers included, by key."""
        ...

    def group_heads(self) -> list[GroupHead]:
        """Return all groups as heads."""
        ...

    def people_within(self, group_ids: Collection[str]) -> frozenset[str]:
        """Return the keys of all people in these groups, nested ones included."""
        ...

    def standing(self, external_id: str) -> tuple[DirectoryUser, frozenset[str]] | None:
        """Return a person and the casefolded names of all their groups, as of one moment."""
        ...


@dataclass(frozen=True, slots=True)
class SignOff:
    """Ends the sign-ons of whoever may not have them any more.

    Attributes:
        parts: Of single logout.
        directory: Who exists.
        marks: Up to where was looked.
        few: So many people are sooner asked for one by one than all members of their groups.
        many: More than so many are sooner found among all people than looked up.

    """

    parts: LogoutParts
    directory: Directory
    marks: MarkStore
    few: int = 200
    many: int = 5_000

    def run(self, changed_at: Mapping[str, datetime]) -> int:
        """End them, tell the applications that servers reach, and tell again whom it is time to.

        Args:
            changed_at: When the source says that those changed whom it has just told, by
                external_id; for the measure only.

        Returns:
            How many people lost something.

        """
        now = self.parts.login.clock.now()
        read = self.directory.read_mark()
        before, policy = self.marks.read(), fingerprint_of(self.parts.login.registry)
        is_same = before is not None and before.policy == policy
        swept_at = before.swept_at if before is not None and is_same else now - SWEPT_EVERY
        is_sweep = now - swept_at >= SWEPT_EVERY
        judged = self._judged(before if is_same else None, now)
        looked_at = self.parts.participants.holders() if is_sweep else judged
        logouts = list(self._end_inactive(looked_at, now, changed_at))
        judged -= {each.external_id for each in logouts}
        logouts += self._end_denied(judged, now, changed_at)
        revision = read.revision if read else 0
        self.marks.write(Mark(revision, now, now if is_sweep else swept_at, policy))
        deliver_first(self.parts, logouts)
        deliver_due(self.parts)
        return len({each.external_id for each in logouts})

    def _judged(self, before: Mark | None, now: datetime) -> frozenset[str]:
        """Return who has a sign-on, and whether they may enter is to be asked again."""
        if before is None:
            return self.parts.participants.holders()
        concerned = self.directory.concerned_since(before.revision, before.looked_at, now)
        return self.parts.participants.holders(concerned)

    def _end_inactive(
        self, external_ids: Collection[str], now: datetime, changed_at: Mapping[str, datetime]
    ) -> Iterator[Logout]:
        """End everything of those who are disabled, have left, or are not known any more."""
        heads = self.directory.user_heads(None if len(external_ids) > self.many else external_ids)
        active = {head.external_id for head in heads if _is_active(head, now)}
        inactive = sorted(set(external_ids) - active)
        known = self.directory.users(inactive)
        for external_id in inactive:
            logout = new_logout(self.parts, Cause.LEAVER, external_id)
            when = changed_at.get(external_id) or _read_at(known.get(external_id))
            logout = replace(logout, changed_at=when)
            yield end_sessions(self.parts, logout, Ends(external_id=external_id), Occasion())

    def _end_denied(
        self, external_ids: frozenset[str], now: datetime, changed_at: Mapping[str, datetime]
    ) -> Iterator[Logout]:
        """End at each application what somebody has there who may not enter it any more."""
        for application in self.parts.login.registry.applications:
            if application.admits_everybody:
                continue
            holders = self.parts.participants.holders_at(application.slug, external_ids)
            for external_id in sorted(holders - self._members(application, holders)):
                standing = self.directory.standing(external_id)
                if standing and isinstance(may_enter(*standing, application, now), Deny):
                    logout = new_logout(self.parts, Cause.POLICY, external_id)
                    logout = replace(logout, changed_at=changed_at.get(external_id) or now)
                    ends = Ends(external_id=external_id, application=application.slug)
                    yield end_sessions(self.parts, logout, ends, Occasion())

    def _members(self, application: Application, holders: frozenset[str]) -> frozenset[str]:
        """Return who is in a group of the application, if it is worth while to ask for all."""
        if len(holders) <= self.few:
            return frozenset()
        groups = {
            head.external_id
            for head in self.directory.group_heads()
            if head.name_folded in application.groups
        }
        return self.directory.people_within(groups)


def fingerprint_of(registry: Registry) -> bytes:
    """Return what changes when it does which groups may enter where."""
    policies = [
        (one.slug, one.admits_everybody, sorted(one.groups)) for one in registry.applications
    ]
    return sha256(repr(sorted(policies)).encode()).digest()


def _is_active(head: UserHead, now: datetime) -> bool:
    is_expired = head.expires_at is not None and head.expires_at <= now
    return head.left_at is None and head.is_enabled and not is_expired


def _read_at(user: DirectoryUser | None) -> datetime | None:
    """Return when it was read that somebody left or changed, or when their account came to its end.

    None for somebody who is not known any more.
    """
    if user is None:
        return None
    has_ended = user.is_enabled and user.left_at is None
    return (user.expires_at if has_ended else user.left_at) or user.changed_at
