"""A company, a target in memory, and the cycles between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from connector.planner.safety import Limits
from connector.planner.view import AttributeView
from connector.settings.values import Limit
from connector.sync.cycle import preview_cycle, run_cycle
from connector.sync.ports import Parts, TargetPort
from connector.sync.request import Request
from state.engine import writing
from tests.parts.company import Company, map_company_entry
from tests.parts.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.clock import FixedClock
    from connector.mapping.resource import MappedResource, MappingProblem
    from connector.source.entry import SourceEntry


class Bench:
    """A company, a target, and the cycles between them."""

    def __init__(self, engine: Engine, clock: FixedClock, folder: Path) -> None:
        self.engine, self.clock, self.folder = engine, clock, folder
        self.company = Company(clock)
        self.shelf = Shelf()
        self.stop = Event()
        self.rules, self.title = "rules-1", ""
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
            self._map_entry,
            self.rules,
            self.engine,
            (TargetPort(**self.port),),
            self.clock,
            self.folder / "cycle.lock",
        )

    def _map_entry(self, entry: SourceEntry) -> MappedResource | MappingProblem:
        titled = (
            dict(entry.attributes) | {"title": (self.title,)} if self.title else entry.attributes
        )
        return map_company_entry(replace(entry, attributes=titled))

    def break_ledger(self) -> None:
        """From now on nothing can be written down, as on a full disk."""
        with writing(self.engine) as connection:
            connection.exec_driver_sql("ALTER TABLE target_link RENAME TO out_of_reach")

    def mend_ledger(self) -> None:
        with writing(self.engine) as connection:
            connection.exec_driver_sql("ALTER TABLE out_of_reach RENAME TO target_link")

    def cycle(self, **asked: object):
        self.shelf.sent.clear()
        return run_cycle(self.parts(), Request("test", **asked), lambda progress: None, self.stop)

    def preview(self):
        return preview_cycle(self.parts(), Request("test"), lambda progress: None)

    def sent(self) -> list[tuple[str, str]]:
        return [(operation.kind.value, operation.name) for operation in self.shelf.sent]
