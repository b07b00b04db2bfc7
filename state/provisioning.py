"""Tables of the ledger: what was planned, sent and answered. Owner: `connector.sync.ledger`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime

# What indexes of operations are made for; a statement finds them by the same words only.
NO_CREATION = text("kind <> 'create'")
UNSETTLED = text("length(digest) < 16")
IN_DOUBT = text("status IN ('sent', 'unknown')")


class CycleRow(SQLModel, table=True):
    """One cycle over all its targets."""

    __tablename__ = "cycle"

    id: int | None = Field(default=None, primary_key=True)
    trigger: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: str
    reason: str
    users_count: int
    groups_count: int
    problems_count: int


class CycleTargetRow(SQLModel, table=True):
    """What one cycle did at one target."""

    __tablename__ = "cycle_target"

    cycle_id: int = Field(primary_key=True, foreign_key="cycle.id", ondelete="CASCADE")
    target: str = Field(primary_key=True)
    status: str
    reason: str
    planned_count: int
    applied_count: int
    failed_count: int
    unchanged_count: int


class OperationRow(SQLModel, table=True):
    """One operation of a plan; in the ledger before its request is sent.

    `identity` is the digest of what it does and to what, by which a held plan is sent as it was
    shown. What an operator has approved does not count against the limits of the day.
    """

    __tablename__ = "operation"
    __table_args__ = (
        Index("ix_operation_cycle_id_target", "cycle_id", "target"),
        Index("ix_operation_in_doubt", "target", sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT),
        Index("ix_operation_external_id", "external_id"),
        # What the limits of a day ask for, and nothing else has to be read: not of creations,
        # which a first load has by the hundred thousand.
        Index(
            "ix_operation_within_a_day",
            "target",
            "kind",
            "answered_at",
            "status",
            "is_approved",
            "resource_type",
            "external_id",
            "removed_count",
            sqlite_where=NO_CREATION,
            postgresql_where=NO_CREATION,
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", ondelete="CASCADE")
    target: str
    kind: str
    resource_type: str
    external_id: str
    name: str
    detail: bytes
    status: str
    reason: str
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    identity: bytes = b""
    removed_count: int = 0
    is_approved: bool = False


class LinkRow(SQLModel, table=True):
    """A resource at a target that is ours: made or adopted by us. Nothing else is ever touched."""

    __tablename__ = "target_link"
    __table_args__ = (
        Index("ix_target_link_target_target_id", "target", "target_id"),
        Index("ix_target_link_target_name_folded", "target", "name_folded"),
        Index(
            "ix_target_link_unsettled",
            "target",
            "digest",
            sqlite_where=UNSETTLED,
            postgresql_where=UNSETTLED,
        ),
    )

    target: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    target_id: str
    name: str
    name_folded: str = ""
    is_active: bool
    document: bytes
    digest: bytes
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    cycle_id: int


class LinkMemberRow(SQLModel, table=True):
    """A member that the target's group is known to hold."""

    __tablename__ = "target_link_member"
    __table_args__ = (
        Index("ix_target_link_member_target_member_id", "target", "member_id", "group_id"),
    )

    target: str = Field(primary_key=True)
    group_id: str = Field(primary_key=True)
    member_id: str = Field(primary_key=True)


class HoldRow(SQLModel, table=True):
    """A plan that a guard holds back; its operations are in the ledger with status "held"."""

    __tablename__ = "plan_hold"
    __table_args__ = (Index("ix_plan_hold_target_status", "target", "status"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", ondelete="CASCADE")
    target: str
    reason: str
    status: str
    opened_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str = ""


class PauseRow(SQLModel, table=True):
    """A target that failed, and until when scheduled cycles leave it alone."""

    __tablename__ = "target_pause"

    target: str = Field(primary_key=True)
    failed_count: int
    reason: str
    until_at: datetime = Field(sa_type=UtcDateTime)


class SetbackRow(SQLModel, table=True):
    """A resource whose last operation was refused.

    `retry_at` is None for a conflict: it waits until what is wanted changes, or somebody asks.
    """

    __tablename__ = "setback"

    target: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    name: str
    identity: bytes
    reason: str
    refused_count: int
    since_at: datetime = Field(sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SettledRow(SQLModel, table=True):
    """Up to which revision of the directory a target is in step, but for its setbacks.

    `fingerprint` is of how the target is kept; what was settled under another one says nothing.
    `whole_at` is when everything was last compared, not only what had changed.
    """

    __tablename__ = "target_settled"

    target: str = Field(primary_key=True)
    revision: int
    fingerprint: bytes
    settled_at: datetime = Field(sa_type=UtcDateTime)
    whole_at: datetime = Field(sa_type=UtcDateTime)


class LessonRow(SQLModel, table=True):
    """What was learnt of a target, under the key of its dialect file; the value is JSON."""

    __tablename__ = "target_lesson"

    target: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    value: str
    learnt_at: datetime = Field(sa_type=UtcDateTime)
    learnt_by: str


class ComparisonRow(SQLModel, table=True):
    """The last comparison of a target with what was written there.

    `reason` is why the last try failed, "" if it did not; what else is there is of `compared_at`,
    the last one that came to its end. `digest` is of everything found, by which news is told.
    """

    __tablename__ = "target_comparison"

    target: str = Field(primary_key=True)
    tried_at: datetime = Field(sa_type=UtcDateTime)
    reason: str
    compared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    is_repair: bool
    compared_count: int
    foreign_count: int
    left_count: int
    found_count: int
    digest: bytes


class FindingRow(SQLModel, table=True):
    """One attribute of a resource of ours that the last comparison found changed; values are JSON.

    `written_at` and `cycle_id` are of our last write that was applied, if it is on record.
    """

    __tablename__ = "target_finding"

    target: str = Field(primary_key=True)
    resource_type: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    name: str
    ours: str
    theirs: str
    seen_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: str
    written_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cycle_id: int | None = None
