"""Tables of the directory: who exists. Owner: `connector.directory.store`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class UserRow(SQLModel, table=True):
    """A person; the key is the source's, which survives renames.

    `revision` is that of the directory in which the person, or a group that the person is in
    through whatever nesting, changed last.
    """

    __tablename__ = "directory_user"
    __table_args__ = (
        # Of the leavers only: who is here is most of everybody, and better found by their key.
        Index(
            "ix_directory_user_left_at",
            "left_at",
            sqlite_where=text("left_at IS NOT NULL"),
            postgresql_where=text("left_at IS NOT NULL"),
        ),
    )

    external_id: str = Field(primary_key=True)
    source_digest: bytes
    distinguished_name: str
    name_folded: str = Field(index=True)
    document: bytes
    digest: bytes
    bind_name: str
    is_enabled: bool
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = Field(default=0, index=True)


class LoginNameRow(SQLModel, table=True):
    """A name that signs a person in, casefolded."""

    __tablename__ = "directory_login_name"

    name: str = Field(primary_key=True)
    external_id: str = Field(
        primary_key=True, index=True, foreign_key="directory_user.external_id", ondelete="CASCADE"
    )


class GroupRow(SQLModel, table=True):
    """A group; its members are rows of their own."""

    __tablename__ = "directory_group"

    external_id: str = Field(primary_key=True)
    source_digest: bytes
    distinguished_name: str
    name_folded: str = Field(index=True)
    document: bytes
    digest: bytes


class MemberRow(SQLModel, table=True):
    """A direct member of a group, by name, as the source has it.

    Who stands at that name is looked up when it is asked, so that a person who moved, left or was
    made anew under the same name is never taken for another.
    """

    __tablename__ = "directory_member"
    __table_args__ = (Index("ix_directory_member_name_folded", "name_folded", "group_id"),)

    group_id: str = Field(
        primary_key=True, foreign_key="directory_group.external_id", ondelete="CASCADE"
    )
    name_folded: str = Field(primary_key=True)


class ProblemRow(SQLModel, table=True):
    """An entry that could not be mapped in its present form."""

    __tablename__ = "directory_problem"

    external_id: str = Field(primary_key=True)
    source_digest: bytes
    distinguished_name: str
    attribute_path: str
    problem: str
    seen_at: datetime = Field(sa_type=UtcDateTime)


class WatermarkRow(SQLModel, table=True):
    """Up to where the source was read, and with which mapping; one row.

    `revision` counts the reads that changed anything. `full_read_at` is when the last full read
    that was proven complete began.
    """

    __tablename__ = "directory_watermark"

    id: int = Field(primary_key=True)
    server: str
    invocation_id: str
    highest_usn: int
    read_at: datetime = Field(sa_type=UtcDateTime)
    mapping_fingerprint: str
    cookie: bytes = b""
    revision: int = 0
    full_read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
