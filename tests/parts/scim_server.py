"""SCIM services to talk to: our simulator in a thread, and scim2-server in its own process."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from connector.demo.scim_service import Behaviour, ScimService, scim_app
from connector.settings.values import Listen
from connector.web.server import Listener, serving
from tests.parts.identity_provider import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "token-of-the-tests"


@dataclass
class ScimEndpoint:
    """A SCIM service, and our own way to look into it.

    Attributes:
        base_url: Of the service, for clients.
        token: What it accepts.

    """

    base_url: str
    token: str = TOKEN

    def ask(self, method: str, path: str, document: Any = None) -> httpx.Response:
        """Ask the service by other means than the client under test."""
        headers = {"authorization": f"Bearer {self.token}"}
        url = self.base_url + path
        return httpx.request(method, url, json=document, headers=headers, timeout=30)

    def users(self) -> list[dict[str, Any]]:
        return self._all("/Users")

    def groups(self) -> list[dict[str, Any]]:
        return self._all("/Groups")

    def named(self, name: str) -> dict[str, Any]:
        """Return the one user or group of that name."""
        (found,) = (
            one
            for one in [*self.users(), *self.groups()]
            if name in (one.get("userName"), one.get("displayName"))
        )
        return found

    def members_of(self, name: str) -> set[str]:
        """Return the ids of a group's members."""
        return {one["value"] for one in self.named(name).get("members") or []}

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", f"{path}?startIndex={len(found) + 1}&count=100").json()
            found += page.get("Resources") or []
            if len(found) >= page["totalResults"]:
                return found


@dataclass
class Simulator(ScimEndpoint):
    """The simulator; `service` holds what it has and what it was asked."""

    service: ScimService = None

    @property
    def requests(self) -> list[tuple[str, str, int]]:
        """Every request so far: method, path, status (0: no answer)."""
        return list(self.service.requests)

    @property
    def writes(self) -> list[tuple[str, str, int]]:
        return [one for one in self.requests if one[0] != "GET"]

    def behave(self, **oddities: Any) -> None:
        """Misbehave from now on; see `Behaviour`."""
        self.service.behave(Behaviour(**oddities))

    def forget_requests(self) -> None:
        self.service.requests.clear()

    def users(self) -> list[dict[str, Any]]:
        return self.service.users()

    def groups(self) -> list[dict[str, Any]]:
        return self.service.groups()


@contextmanager
def running_simulator(**oddities: Any) -> Iterator[Simulator]:
    """Yield the simulator, served in a thread."""
    with running_service(ScimService(Behaviour(**oddities))) as simulator:
        yield simulator


@contextmanager
def running_service(service: ScimService) -> Iterator[Simulator]:
    """Yield a simulator of a service that was made elsewhere."""
    app = scim_app(service, token=TOKEN)
    with serving([Listener(app, Listen("127.0.0.1", 0))]) as server:
        yield Simulator(f"http://{server.addresses[0]}/scim/v2", TOKEN, service)


@contextmanager
def running_scim2_server() -> Iterator[ScimEndpoint]:
    """Yield scim2-server, which we did not write, in its own process."""
    port = free_port()
    command = [sys.executable, "-m", "scim2_server.testserver.cli"]
    command += ["--port", str(port), "--bearer-token", TOKEN]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Serving SCIM on "), "scim2-server did not start"
            yield ScimEndpoint(line.split()[-1])
        finally:
            # Not by SIGINT, which a shell has its background jobs ignore.
            process.terminate()
            process.wait(20)
