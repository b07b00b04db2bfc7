"""The daemon as a service manager has it: a process, followed by its log."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import signal
    import subprocess
    from collections.abc import Iterator

PATIENCE = 30


class Service:
    """A running daemon, followed by its log."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self._port = port
        self._told: Queue[dict[str, Any]] = Queue()
        self._kept: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._follow)
        self._reader.start()

    def _follow(self) -> None:
        for line in self.process.stderr:
            self._lines.append(json.loads(line))
            self._told.put(self._lines[-1])

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return all log lines of that event so far, whether or not they were waited for."""
        return [line for line in list(self._lines) if line["event"] == event]

    def events(self) -> list[str]:
        """Return the events of all log lines so far."""
        return [line["event"] for line in list(self._lines)]

    def wait_for(self, event: str) -> dict[str, Any]:
        """Return the next log line of that event; those of others stay to be waited for."""
        for told in self._kept:
            if told["event"] == event:
                self._kept.remove(told)
                return told
        while (told := self._told.get(timeout=PATIENCE))["event"] != event:
            self._kept.append(told)
        return told

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self._port}{path}", timeout=PATIENCE)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.terminate()
        return self.join()

    def join(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@contextmanager
def serving(process: subprocess.Popen[str], port: int = 0) -> Iterator[Service]:
    """Yield a daemon that was started, once it says so; it has ended afterwards."""
    service = Service(process, port)
    try:
        service.wait_for("daemon.started")
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
        service.join()
