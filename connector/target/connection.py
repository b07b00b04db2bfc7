"""How a target is reached, and what was found there: values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from connector.settings import TargetSettings
    from connector.target.capability import Capability
    from connector.target.dialect import Dialect


@dataclass(frozen=True, slots=True)
class TargetConnection:
    """How a target is reached.

    Attributes:
        name: As configured.
        base_url: Where its SCIM service is, without a final slash.
        token: Bearer token of every request; "" if requests bring their own. Never in a repr.
        concurrency: Requests in flight at most.
        rate: Requests a second at most; None for no limit of ours.
        timeout: How long one answer may take.
        ca_file: Certificates that the target's must lead to; None for the system's.

    """

    name: str
    base_url: str
    token: str = field(repr=False)
    concurrency: int = 8
    rate: float | None = None
    timeout: timedelta = timedelta(seconds=30)
    ca_file: Path | None = None


def connection_of(settings: TargetSettings) -> TargetConnection:
    """Return how a configured target is reached."""
    return TargetConnection(
        name=settings.name,
        base_url=settings.base_url.rstrip("/"),
        token=settings.token.reveal() if settings.token else "",
        concurrency=settings.concurrency,
        rate=settings.rate,
        timeout=settings.timeout,
        ca_file=settings.ca_file,
    )


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Whom Mimecast's API knows us as, and where our groups are.

    Attributes:
        client_id: Of the API application.
        client_secret: Of the API application; never in a repr.
        folder: Description of the folder that groups are kept in; "" for the top of the tree.

    """

    client_id: str
    client_secret: str = field(repr=False)
    folder: str = ""


def api_access_of(settings: TargetSettings) -> ApiAccess:
    """Return whom a configured target of Mimecast's API knows us as."""
    secret = settings.client_secret
    return ApiAccess(settings.client_id, secret.reveal() if secret else "", settings.folder)


def within_hints(connection: TargetConnection, dialect: Dialect) -> TargetConnection:
    """Return the connection as slow as the dialect knows that the target wants it.

    A configured rate is the operator's word and stands; concurrency only shrinks.
    """
    hint = dialect.pace.concurrency or connection.concurrency
    rate = dialect.pace.rate if connection.rate is None else connection.rate
    return replace(connection, concurrency=min(connection.concurrency, hint), rate=rate)


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """What `connector check --online` learns of a target.

    Attributes:
        is_usable: Whether it can be reached, takes our token and lists users.
        words: What was found, in words.
        capability: What it announces; None if it could not be asked.

    """

    is_usable: bool
    words: str
    capability: Capability | None = None
