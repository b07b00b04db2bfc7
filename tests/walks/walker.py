"""One cycle with every step written down: entry, resource, operation, request, outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from connector.mapping.load import load_mapping, shipped_folder
from connector.mapping.mapper import map_entry
from connector.packed import values_of
from connector.planner.safety import Limits
from connector.settings.values import Limit
from connector.source.entry import EntryKind
from connector.source.file import FileSource
from connector.sync.cycle import run_cycle
from connector.sync.ports import Parts, TargetPort
from connector.sync.request import Request
from connector.target.client import ScimTarget
from connector.target.connection import TargetConnection
from connector.target.dialect import load_dialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.clock import FixedClock
    from connector.mapping.resource import MappedResource, MappingProblem
    from connector.planner.operation import Operation
    from connector.source.entry import SourceEntry
    from connector.sync.cycle import CycleReport
    from connector.target.outcome import Outcome

# Fingerprints say nothing to a reader, and change with everything.
DIGESTS = {"digest", "desired_digest"}
FOLDERS = (shipped_folder(),)


@dataclass
class Walker:
    """A file as the source, our shipped mappings, and a target that numbers what it is given."""

    engine: Engine
    clock: FixedClock
    folder: Path
    steps: list[tuple[str, str]] = field(default_factory=list)
    given: int = 0

    def __post_init__(self) -> None:
        self._mappings = {
            kind: load_mapping(f"active_directory.{kind.value}.toml", FOLDERS) for kind in EntryKind
        }
        self._dialect = load_dialect("mimecast.toml", FOLDERS)

    def write(self, company: str) -> None:
        (self.folder / "company.toml").write_text(company, encoding="utf-8")

    def cycle(self) -> CycleReport:
        """Run one; `steps` are those of this one."""
        self.steps.clear()
        return run_cycle(self._parts(), Request("walk"), lambda progress: None, Event())

    def _parts(self) -> Parts:
        limit = Limit(count=99)
        port = TargetPort(
            name="mimecast",
            connect=self._connect,
            groups="*",
            push_groups="scope",
            mode="sync",
            deprovision="disable",
            grace=timedelta(days=30),
            limits=Limits(limit, limit, limit),
            view=self._dialect.view(),
        )
        source = FileSource(self.folder / "company.toml", self.clock)
        lock = self.folder / "cycle.lock"
        return Parts(source, self._map, "shipped", self.engine, (port,), self.clock, lock)

    def _map(self, entry: SourceEntry) -> MappedResource | MappingProblem:
        resource = map_entry(entry, self._mappings[entry.kind])
        self._note("entry", asdict(entry))
        self._note("resource", asdict(resource))
        return resource

    def _connect(self) -> RecordingTarget:
        connection = TargetConnection("mimecast", "https://scim.example/v2", "secret", 1)
        transport = httpx.MockTransport(self._answer)
        return RecordingTarget(ScimTarget(connection, self._dialect, transport=transport), self)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = f"\n{pretty(orjson.loads(request.content))}" if request.content else ""
        self.steps.append(("request", f"{request.method} {request.url.path}{body}"))
        if request.method == "POST":
            self.given += 1
            return httpx.Response(201, json={"id": f"target-{self.given}"})
        # Members are gone when they are looked for; a config there is none.
        is_config = request.url.path.endswith("Config")
        return httpx.Response(404 if is_config else 200, json={"id": "x"})

    def _note(self, title: str, values: Any) -> None:
        self.steps.append((title, pretty(values)))


@dataclass
class RecordingTarget:
    """The target as the cycle knows it, with everything that passes written down."""

    inner: ScimTarget
    walker: Walker

    def send(
        self, operations: Sequence[Operation], target_ids: Mapping[str, str]
    ) -> Iterator[tuple[Operation, Outcome]]:
        for operation in operations:
            self.walker._note("operation", asdict(operation))
            for pair in self.inner.send([operation], target_ids):
                outcome = pair[1]
                words = f"{type(outcome).__name__} {pretty(asdict(outcome))}"
                self.walker.steps.append(("outcome", words))
                yield pair

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        return self.inner.resolve(operation, target_ids)

    def count(self, resource_type: str) -> int:
        return self.inner.count(resource_type)

    def close(self) -> None:
        self.inner.close()


def pretty(values: Any) -> str:
    """JSON over several lines, without what is empty and without fingerprints."""
    return json.dumps(_legible(values), indent=1, ensure_ascii=False, default=str)


def _legible(values: Any) -> Any:
    if isinstance(values, Mapping):
        kept = {
            key: _legible(value) for key, value in values_of(values).items() if key not in DIGESTS
        }
        return {key: value for key, value in kept.items() if value not in ("", None, [], {}, ())}
    if isinstance(values, (list, tuple)):
        return [_legible(value) for value in values]
    if isinstance(values, (set, frozenset)):
        return sorted(values)
    return values
