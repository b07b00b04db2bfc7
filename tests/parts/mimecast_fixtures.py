"""Mimecast's API as a server in a thread, and connections to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.settings.values import Listen
from connector.target.client import ApiAccess, MimecastApiTarget, TargetConnection
from connector.target.dialect import Dialect, load_dialect
from connector.web.server import Listener, serving
from tests.parts.mimecast_api import ApiBehaviour, MimecastApi, mimecast_api_app

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPINGS = Path(__file__).parents[2] / "mappings"
FOLDER = "Directory groups"


@dataclass
class MimecastApiServer:
    """The API, and where it is.

    Attributes:
        base_url: For clients.
        api: What it holds and what it was asked.
        folder_id: Of the folder that groups are kept in.

    """

    base_url: str
    api: MimecastApi
    folder_id: str

    def behave(self, **oddities: Any) -> None:
        self.api.behave(ApiBehaviour(**oddities))

    def connect(self, *, seconds: float = 20, secret: str = "", **more: Any) -> MimecastApiTarget:
        client_id, known = self.api.client
        folder = more.pop("folder", FOLDER)
        connection = TargetConnection(
            "test", self.base_url, "", concurrency=4, timeout=timedelta(seconds=seconds)
        )
        access = ApiAccess(client_id, secret or known, folder)
        return MimecastApiTarget(connection, api_dialect(), access, **more)

    def members_of(self, description: str) -> set[str]:
        (found,) = (
            key for key, one in self.api.folders.items() if one["description"] == description
        )
        return self.api.members[found]

    def groups(self) -> dict[str, set[str]]:
        """Return the members of each group in our folder, by its name."""
        folders = self.api.folders.values()
        return {
            one["description"]: self.api.members[one["id"]]
            for one in folders
            if one["parentId"] == self.folder_id
        }


def api_dialect() -> Dialect:
    """Return the shipped dialect, with pages so small that there are several."""
    dialect = load_dialect("mimecast_api.toml", [MAPPINGS])
    return replace(dialect, read=replace(dialect.read, page_size=3))


@contextmanager
def running_mimecast_api() -> Iterator[MimecastApiServer]:
    """Yield the API, with the folder that our groups are kept in."""
    api = MimecastApi()
    folder_id = api.add_folder(FOLDER)
    with serving([Listener(mimecast_api_app(api), Listen("127.0.0.1", 0))]) as server:
        yield MimecastApiServer(f"http://{server.addresses[0]}", api, folder_id)
