"""Tables of second factors, and of what the help desk says of people.

Owners: `connector.idp.store.factors`, `passkeys`, `totp_seeds`, `codes` and `standings`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from state.engine import UtcDateTime


class FactorRow(SQLModel, table=True):
    """What all kinds of factors have in common; what proves one is in the table of its kind.

    `failed_count` is that of failures since the last success. A set of recovery codes is one
    factor, as is each bypass code.
    """

    __tablename__ = "factor"

    id: str = Field(primary_key=True)
    external_id: str = Field(index=True)
    kind: str
    name: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_for: str
    failed_count: int


class PasskeyRow(SQLModel, table=True):
    """A WebAuthn credential; its private key is in the authenticator only.

    The credential's id is one to all people. `transports` are separated by spaces.
    """

    __tablename__ = "factor_passkey"

    factor_id: str = Field(primary_key=True, foreign_key="factor.id", ondelete="CASCADE")
    credential_id: bytes = Field(unique=True)
    public_key: bytes
    sign_count: int = Field(sa_type=BigInteger)
    rp_id: str
    aaguid: str
    transports: str
    is_backup_eligible: bool
    is_backed_up: bool


class TotpSeedRow(SQLModel, table=True):
    """The seed of an authenticator app, sealed; codes up to `last_step` are used up."""

    __tablename__ = "factor_totp_seed"

    factor_id: str = Field(primary_key=True, foreign_key="factor.id", ondelete="CASCADE")
    sealed: bytes
    last_step: int


class CodeRow(SQLModel, table=True):
    """A recovery or bypass code; only an HMAC of it and of its owner is kept."""

    __tablename__ = "factor_code"

    mac: bytes = Field(primary_key=True)
    factor_id: str = Field(index=True, foreign_key="factor.id", ondelete="CASCADE")
    uses_left: int
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UserStandingRow(SQLModel, table=True):
    """A status that the help desk has set; who is simply active has no row."""

    __tablename__ = "user_standing"

    external_id: str = Field(primary_key=True)
    status: str
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    set_by: str
    reason: str
