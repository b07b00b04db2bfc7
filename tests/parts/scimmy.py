"""scimmy, a SCIM service of npm that we did not write, in its own process."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.parts.npm import npm_folder
from tests.parts.scim_server import TOKEN, ScimEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("scimmy@1.3.5", "scimmy-routers@1.3.2", "express@4.22.3")
SERVER = Path(__file__).with_name("scimmy_server.mjs")


@dataclass
class ScimmyEndpoint(ScimEndpoint):
    """The service, which counts what would change something."""

    @property
    def write_count(self) -> int:
        return httpx.get(self.base_url.removesuffix("/scim") + "/writes").json()


@contextmanager
def running_scimmy() -> Iterator[ScimmyEndpoint]:
    """Yield the service, empty."""
    node = shutil.which("node")
    assert node, "missing program: node (Debian package nodejs)"
    command = [node, str(SERVER), str(npm_folder(*PACKAGES)), TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip()
            assert port.isdigit(), "scimmy did not start"
            yield ScimmyEndpoint(f"http://127.0.0.1:{port}/scim")
        finally:
            process.terminate()
            process.wait(20)
