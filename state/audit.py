"""Tables of the audit. Owner: `connector.audit`."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class AuditRow(SQLModel, table=True):
    """One event; never changed, and chained to the one before it."""

    __tablename__ = "audit"

    id: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    event: str
    outcome: str
    reason: str
    actor: str = Field(index=True)
    application: str
    address: str
    details: str
    previous_digest: bytes
    digest: bytes


class AuditHeadRow(SQLModel, table=True):
    """The end of the chain, one row: whoever writes an event takes its lock first."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True)
    last_id: int
    digest: bytes
