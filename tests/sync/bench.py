"""A company, a target in memory, and the cycles between them."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from connector.planner.safety import Limits
from connector.planner.view import AttributeView
from connector.settings.values import Limit
from connector.sync.cycle import Request, preview_cycle, run_cycle
from connector.sync.ports import Parts, TargetPort
from tests.parts.company import Company, map_company_entry
from tests.parts.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.clock import FixedClock


class Bench:
    """A company, a target, and the cycles between them."""

    def __init__(self, engine: Engine, clock: FixedClock, folder: Path) -> None:
        self.engine, self.clock, self.folder = engine, clock, folder
        self.company = Company(clock)
        self.shelf = Shelf()
        self.stop = Event()
        self.port = {
            "name": "shelf",
            "connect": lambda: self.shelf,
            "groups": "*",
            "push_groups": "scope",
            "mode": "sync",
            "deprovision": "disable",
            "grace": timedelta(days=30),
            "limits": Limits(Limit(count=20), Limit(count=20), Limit(count=100)),
            "view": AttributeView(),
        }

    def parts(self) -> Parts:
        return Parts(
            self.company,
            map_company_entry,
            "rules-1",
            self.engine,
            (TargetPort(**self.port),),
            self.clock,
            self.folder / "cycle.lock",
        )

    def cycle(self, **asked: object):
        self.shelf.sent.clear()
        return run_cycle(self.parts(), Request("test", **asked), lambda progress: None, self.stop)

    def preview(self):
        return preview_cycle(self.parts(), Request("test"), lambda progress: None)

    def sent(self) -> list[tuple[str, str]]:
        return [(operation.kind.value, operation.name) for operation in self.shelf.sent]
