"""Tables of sign-ons. Owner: `connector.idp.store`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class LoginTransactionRow(SQLModel, table=True):
    """A login in progress: what was asked, and how far the person has come."""

    __tablename__ = "login_transaction"

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    application: str
    request: bytes
    browser_digest: bytes
    email: str
    external_id: str
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_to: str
    vouched: bytes
    first: str
    second: str
    second_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    chosen: str
    enrolling: str
    pending: bytes
    upgrades: bytes
    tries: int
    remember_seconds: int
    is_memory_shared: bool
    is_excused: bool


class SsoSessionRow(SQLModel, table=True):
    """A signed-in browser; of its cookie only the SHA-256 is kept."""

    __tablename__ = "sso_session"

    cookie_digest: bytes = Field(primary_key=True)
    session_index: str
    external_id: str = Field(index=True)
    email: str
    address: str
    authenticated_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    source: str
    context_class: str
    authority: str
    first: str
    second: str
    second_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    remembered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    remembered_for: str
    remembered_by: str
    user_agent: str


class RememberedDeviceRow(SQLModel, table=True):
    """A browser in which a person need not prove a second factor; of its token the SHA-256."""

    __tablename__ = "remembered_device"

    token_digest: bytes = Field(primary_key=True)
    application: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True, index=True)
    kind: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    address: str
    user_agent: str


class UpstreamRequestRow(SQLModel, table=True):
    """What another identity provider was asked for a login, by what comes back with the answer."""

    __tablename__ = "upstream_request"

    relay_state: str = Field(primary_key=True)
    request_id: str
    transaction_id: str
    upstream: str
    is_forced: bool
    sent_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UsedAssertionRow(SQLModel, table=True):
    """An assertion that was taken; the same one is not taken again while anybody would take it."""

    __tablename__ = "used_assertion"

    issuer: str = Field(primary_key=True)
    assertion_id: str = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class UsedRequestRow(SQLModel, table=True):
    """An AuthnRequest that was taken in; the same one is not taken again."""

    __tablename__ = "used_request"

    issuer: str = Field(primary_key=True)
    request_id: str = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class PasswordAttemptRow(SQLModel, table=True):
    """An attempt that was not followed by a success; counted before the password is tried."""

    __tablename__ = "password_attempt"
    __table_args__ = (
        Index("ix_password_attempt_account_at", "account", "at"),
        Index("ix_password_attempt_network_at", "network", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    account: str
    network: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    password_mac: bytes


class SessionParticipantRow(SQLModel, table=True):
    """An application that was told who a session's person is; it is told when that is over."""

    __tablename__ = "session_participant"

    sso_index: str = Field(primary_key=True)
    application: str = Field(primary_key=True)
    entity_id: str
    external_id: str = Field(index=True)
    name_id: str
    name_id_format: str
    session_index: str = Field(index=True)
    told_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class LogoutRow(SQLModel, table=True):
    """A logout: whose sessions ended, why, and who is to be answered."""

    __tablename__ = "logout"

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    external_id: str
    cause: str
    origin: bytes
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    browser_digest: bytes = Field(index=True)
    cookie_digests: bytes
    asked_for: bytes
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LogoutDeliveryRow(SQLModel, table=True):
    """An application that is told of a logout, and what it said."""

    __tablename__ = "logout_delivery"

    request_id: str = Field(primary_key=True)
    logout_id: str = Field(index=True, foreign_key="logout.id", ondelete="CASCADE")
    number: int
    application: str
    application_name: str
    entity_id: str
    external_id: str = Field(index=True)
    name_id: str
    name_id_format: str
    session_index: str
    channel: str
    state: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    tried_count: int
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignOffMarkRow(SQLModel, table=True):
    """Up to which revision of the directory was looked at who may still be signed on; one row."""

    __tablename__ = "sign_off_mark"

    id: int = Field(primary_key=True)
    revision: int
    looked_at: datetime = Field(sa_type=UtcDateTime)
    swept_at: datetime = Field(sa_type=UtcDateTime)
    policy: bytes
