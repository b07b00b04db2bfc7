"""The table of the policy in force. Owner: `connector.idp.store.policy_in_force`."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class PolicyInForceRow(SQLModel, table=True):
    """The rules that logins go by, as the daemon last took them up; one row."""

    __tablename__ = "policy_in_force"

    id: int = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)
    rules: bytes
