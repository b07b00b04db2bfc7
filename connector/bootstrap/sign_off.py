"""What a cycle calls when the directory has changed: nobody stays signed on who may not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from connector.audit import Audit, AuditEvent
from connector.bootstrap.applications import make_follower
from connector.bootstrap.logins import make_identity_provider
from connector.directory.store import DirectoryStore
from connector.errors import ConnectorError
from connector.idp.logout.sign_off import SignOff
from connector.idp.store.sign_off_mark import MarkStore
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.bootstrap.applications import ApplicationFiles
    from connector.clock import Clock
    from connector.idp.application.following import Follower
    from connector.settings import Settings
    from state.engine import Engine

_log = structlog.get_logger()

# Cycles may come several times a second, and metadata may have to be fetched.
_PAUSE = timedelta(seconds=30)


def make_sign_off(
    settings: Settings, engine: Engine, clock: Clock, files: ApplicationFiles | None = None
) -> CarefulSignOff | None:
    """Return what looks after those who are signed on; None if nobody signs on here.

    Args:
        settings: What the operator configured.
        engine: The state database.
        clock: Tells the time.
        files: Where applications are followed while the program runs; None if they are not.

    """
    return CarefulSignOff(settings, engine, clock, files) if settings.idp is not None else None


@dataclass
class CarefulSignOff:
    """Keeps the cycle from whatever goes wrong; a `sync.ports.SignOff`.

    The applications are loaded when they are first needed: most commands never come to that, and
    their metadata may have to be fetched.
    """

    settings: Settings
    engine: Engine
    clock: Clock
    files: ApplicationFiles | None = None
    _failure: str = ""
    _failed_at: datetime | None = None

    def after_reading(self, changed_at: Mapping[str, datetime]) -> None:
        """End the sign-ons of whoever may not have them any more."""
        now = self.clock.now()
        if self._failed_at is not None and now - self._failed_at < _PAUSE:
            return
        try:
            sign_off, follower = self._running
            if follower is not None:
                follower.look()
            count = sign_off.run(changed_at)
        except (ConnectorError, StateError) as error:
            self._failed_at = now
            self._fail(str(error))
            return
        self._failure, self._failed_at = "", None
        if count:
            _log.info("sign_off.ended", people=count)

    @cached_property
    def _running(self) -> tuple[SignOff, Follower | None]:
        """Return what looks after people, and what keeps its applications as the files are."""
        provider = make_identity_provider(self.settings, self.engine, self.clock)
        parts = provider.logout.parts
        sign_off = SignOff(parts, DirectoryStore(self.engine), MarkStore(self.engine))
        follower = make_follower(self.files, parts.login.catalogue) if self.files else None
        return sign_off, follower

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
