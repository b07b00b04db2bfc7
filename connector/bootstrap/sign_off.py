"""What a cycle calls when the directory has changed: nobody stays signed on who may not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from connector.audit import Audit, AuditEvent
from connector.bootstrap.logins import make_identity_provider
from connector.directory.store import DirectoryStore
from connector.errors import ConnectorError
from connector.idp.logout.sign_off import SignOff
from connector.idp.store.sign_off_mark import MarkStore
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.clock import Clock
    from connector.settings import Settings
    from state.engine import Engine

_log = structlog.get_logger()

# Cycles may come several times a second, and metadata may have to be fetched.
_PAUSE = timedelta(seconds=30)


def make_sign_off(settings: Settings, engine: Engine, clock: Clock) -> CarefulSignOff | None:
    """Return what looks after those who are signed on; None if nobody signs on here."""
    return CarefulSignOff(settings, engine, clock) if settings.idp is not None else None


@dataclass
class CarefulSignOff:
    """Keeps the cycle from whatever goes wrong; a `sync.ports.SignOff`.

    The applications are loaded when they are first needed: most commands never come to that, and
    their metadata may have to be fetched.
    """

    settings: Settings
    engine: Engine
    clock: Clock
    _failure: str = ""
    _failed_at: datetime | None = None

    def after_reading(self, changed_at: Mapping[str, datetime]) -> None:
        """End the sign-ons of whoever may not have them any more."""
        now = self.clock.now()
        if self._failed_at is not None and now - self._failed_at < _PAUSE:
            return
        try:
            count = self._sign_off.run(changed_at)
        except (ConnectorError, StateError) as error:
            self._failed_at = now
            self._fail(str(error))
            return
        self._failure, self._failed_at = "", None
        if count:
            _log.info("sign_off.ended", people=count)

    @cached_property
    def _sign_off(self) -> SignOff:
        provider = make_identity_provider(self.settings, self.engine, self.clock)
        return SignOff(provider.logout.parts, DirectoryStore(self.engine), MarkStore(self.engine))

    def _fail(self, reason: str) -> None:
        """Say what went wrong; the same thing only once."""
        if reason == self._failure:
            return
        self._failure = reason
        _log.error("sign_off.failed", reason=reason)
        event = AuditEvent(
            self.clock.now(), "sign_off.failed", "failure", details={"message": reason}
        )
        try:
            Audit(self.engine).record(event)
        except StateError as error:
            _log.error("sign_off.failed", reason=str(error))
