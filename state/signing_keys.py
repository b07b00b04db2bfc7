"""Tables of signing keys. Owner: `connector.idp.store.signing_keys`."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class SigningKeyRow(SQLModel, table=True):
    """A signing key; its private half is sealed, and erased when it is retired."""

    __tablename__ = "signing_key"

    fingerprint: str = Field(primary_key=True)
    state: str
    algorithm: str
    certificate: bytes
    sealed: bytes
    staged_at: datetime = Field(sa_type=UtcDateTime)
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    signed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class KeyRingRow(SQLModel, table=True):
    """One row: the number that grows with every change, and the sealed key of other secrets."""

    __tablename__ = "key_ring"

    id: int = Field(primary_key=True)
    version: int
    data_key: bytes


class ApplicationKeyRow(SQLModel, table=True):
    """An application that does not follow the active key."""

    __tablename__ = "application_key"

    application: str = Field(primary_key=True)
    fingerprint: str


class MetadataFetchRow(SQLModel, table=True):
    """A certificate that an application was shown by its metadata URL."""

    __tablename__ = "metadata_fetch"

    application: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    address: str
