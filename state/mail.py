"""Tables of messages to people. Owner: `connector.mail.outbox`."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class MailOutboxRow(SQLModel, table=True):
    """A message that waits to be sent, or was given up; of those only what it was stays."""

    __tablename__ = "mail_outbox"

    id: str = Field(primary_key=True)
    external_id: str
    notice: str
    recipient: str
    message: bytes
    queued_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    tried_count: int
    in_doubt_count: int
    given_up: str
    problem: str
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MailTallyRow(SQLModel, table=True):
    """How many messages were queued, sent and given up since the database was made."""

    __tablename__ = "mail_tally"

    outcome: str = Field(primary_key=True)
    count: int
