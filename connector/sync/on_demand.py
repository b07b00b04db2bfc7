"""Bring single people in step while they wait, because they are just signing in."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.errors import ConnectorError
from connector.sync.cycle import run_cycle
from connector.sync.ledger import Ledger
from connector.sync.ports import Status
from connector.sync.request import Request
from state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sync.ports import Parts, Progress
    from state.engine import Engine

PATIENCE_SECONDS = 10.0
# More people than that at once wait for each other: cycles go one after another anyway.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """What is ours of a person at a target.

    Attributes:
        is_active: As last written.
        document: The SCIM resource as last written.

    """

    is_active: bool
    document: Mapping[str, Any]


class KnownAccounts:
    """What is ours at the targets, by the ledger; nobody is provisioned."""

    def __init__(self, engine: Engine) -> None:
        self._ledger = Ledger(engine)

    def find(self, target: str, external_id: str) -> HeldAccount | None:
        """Return what is ours of a person at a target."""
        found = self._ledger.account_of(target, external_id)
        return None if found is None else HeldAccount(*found)

    def provision(self, target: str, external_id: str) -> str:
        """Return why that cannot be done."""
        return f"{external_id} is not provisioned at {target} while nobody waits"


class OnDemand:
    """The people of all targets, one at a time; safe to use from several threads."""

    def __init__(self, parts: Parts, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._parts = parts
        self._known = KnownAccounts(parts.engine)
        self._patience_seconds = patience_seconds
        self._crew = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="on-demand")
        self._guard = threading.Lock()
        self._running: dict[tuple[str, str], Future[str]] = {}
        self._stopping = threading.Event()

    def find(self, target: str, external_id: str) -> HeldAccount | None:
        """Return what is ours of a person at a target."""
        return self._known.find(target, external_id)

    def provision(self, target: str, external_id: str) -> str:
        """Run a cycle for one person at one target; return why it did not succeed, or "".

        It is waited for as long as a person would; afterwards it goes on by itself, and whoever
        asks again meanwhile waits for the same one.
        """
        try:
            return self._begin(target, external_id).result(self._patience_seconds)
        except TimeoutError:
            return f"not done within {self._patience_seconds:g} s, and still being worked on"

    def close(self) -> None:
        """Begin nothing any more, and let what runs end between two operations."""
        self._stopping.set()
        self._crew.shutdown(cancel_futures=True)

    def _begin(self, target: str, external_id: str) -> Future[str]:
        key = (target, external_id)
        with self._guard:
            running = self._running.get(key)
            if running is None or running.done():
                running = self._running[key] = self._crew.submit(self._run, target, external_id)
            return running

    def _run(self, target: str, external_id: str) -> str:
        # One request for one person is asked for even of a target that failed lately.
        request = Request("a sign-on", (target,), external_id)
        try:
            report = run_cycle(self._parts, request, _ignore, self._stopping)
        except (ConnectorError, StateError) as error:
            return str(error)
        reasons = [report.reason] if report.read is None else []
        reasons += [part.reason for part in report.targets if part.status is not Status.DONE]
        return "; ".join(filter(None, reasons))


def _ignore(progress: Progress) -> None:
    """Take no note."""
