"""What nearly every command needs: the settings and the state database."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from connector.settings import IdpSettings, Settings
    from connector.sync.ports import Parts
    from state.engine import Engine


@dataclass
class CommandContext:
    """The configuration that a command works with, read when first asked for."""

    path: Path
    is_verbose: bool = False
    opened: list[Engine] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; logging follows them from here on."""
        from connector.log import start_logging
        from connector.settings import load_settings

        settings = load_settings(self.path)
        level = "debug" if self.is_verbose else settings.log.level
        start_logging(level, settings.log.format)
        return settings

    @property
    def idp(self) -> IdpSettings:
        """Return the section of the identity provider, or say that it is missing."""
        from connector.errors import ConnectorError

        if self.settings.idp is None:
            message = f"{self.path} has no section [idp]; `connector init` writes one to copy from"
            raise ConnectorError(message)
        return self.settings.idp

    @cached_property
    def engine(self) -> Engine:
        """Return the state database, made if it is new; an older one must be upgraded first."""
        from connector.bootstrap.opening import open_state

        engine = open_state(self.settings)
        self.opened.append(engine)
        return engine

    @cached_property
    def parts(self) -> Parts:
        """Return the parts of a cycle."""
        from connector.bootstrap.cycles import make_parts
        from connector.bootstrap.sign_off import make_sign_off
        from connector.clock import SystemClock

        clock = SystemClock()
        sign_off = make_sign_off(self.settings, self.engine, clock)
        return make_parts(self.settings, self.engine, clock, sign_off)

    def close(self) -> None:
        """Let go of the database."""
        for engine in self.opened:
            engine.dispose()
