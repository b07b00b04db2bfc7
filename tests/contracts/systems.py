"""Systems to keep in step, each under the same handful of questions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import load_dialect
from tests.parts.mimecast_fixtures import MimecastApiServer, api_dialect, running_mimecast_api
from tests.parts.scim_server import running_scim2_server, running_simulator
from tests.parts.scimmy import running_scimmy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.planner.view import AttributeView
    from connector.sync.ports import Target
    from tests.parts.scim_server import ScimEndpoint

MAPPINGS = Path(__file__).parents[2] / "mappings"
# Name: the dialect file, and how the simulator behaves.
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "true to the RFCs": ("scim.toml", {}),
    "PUT only, and mute": ("scim.toml", {"patch": 501, "has_config": False}),
    "removal by list, names to the letter": (
        "scim.toml",
        {"member_removal": "list", "is_case_exact": True},
    ),
    "filters that lie, pages of two": (
        "mimecast.toml",
        {"finds_by_external_id": False, "default_page_size": 2},
    ),
    "members not in a creation, errors as text": (
        "scim.toml",
        {"heeds_members_in_create": False, "has_text_errors": True, "can_delete": False},
    ),
    "answers without a body, throttled": (
        "mimecast.toml",
        {"patch": 204, "requests_per_second": 20, "retry_after": "milliseconds"},
    ),
}


class System(Protocol):
    """One system, as a test sees it."""

    view: AttributeView
    takes_renames: bool

    def connect(self) -> Target:
        """Connect to it as the product does."""
        ...

    def put_strangers(self) -> None:
        """Put in stan, who is nobody of ours, his group, and anna, who is ours to take over."""
        ...

    def people(self) -> dict[str, tuple[bool, str]]:
        """Return whether they are active, and their display names, by user name."""
        ...

    def groups(self) -> dict[str, set[str]]:
        """Return user names of members by the name of the group."""
        ...

    def traces(self) -> object:
        """Return what would be another after any write."""
        ...


class ScimSystem:
    """A SCIM service."""

    takes_renames = True

    def __init__(self, service: ScimEndpoint, dialect: str, *, members_in_create: bool = False):
        self.service = service
        loaded = load_dialect(dialect, [MAPPINGS])
        members = replace(loaded.members, in_create=members_in_create)
        self.dialect = replace(loaded, members=members)
        self.view = self.dialect.view()

    def connect(self) -> Target:
        connection = TargetConnection(
            "test", self.service.base_url, self.service.token, 4, None, timedelta(seconds=20)
        )
        return ScimTarget(connection, self.dialect)

    def put_strangers(self) -> None:
        core = "urn:ietf:params:scim:schemas:core:2.0:"
        stan, _ = (
            self.service.ask(
                "POST",
                "/Users",
                {
                    "schemas": [f"{core}User"],
                    "userName": f"{name}@corp.example",
                    "displayName": f"{name} by hand",
                    "active": name == "stan",
                },
            ).json()
            for name in ("stan", "anna")
        )
        club = {"schemas": [f"{core}Group"], "displayName": "club"}
        made = self.service.ask("POST", "/Groups", club).json()
        add = {"op": "add", "path": "members", "value": [{"value": stan["id"]}]}
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [add]}
        if self.service.ask("PATCH", f"/Groups/{made['id']}", body).status_code >= 400:
            whole = club | {"members": [{"value": stan["id"]}]}
            assert self.service.ask("PUT", f"/Groups/{made['id']}", whole).status_code == 200

    def people(self) -> dict[str, tuple[bool, str]]:
        return {
            one["userName"]: (one.get("active") is not False, one.get("displayName", ""))
            for one in self.service.users()
        }

    def groups(self) -> dict[str, set[str]]:
        names = {one["id"]: one["userName"] for one in self.service.users()}
        return {
            one["displayName"]: {names[member["value"]] for member in one.get("members") or []}
            for one in self.service.groups()
        }

    def traces(self) -> object:
        counter = getattr(self.service, "service", self.service)
        count = getattr(counter, "write_count", 0)
        return count, sorted(map(repr, [*self.service.users(), *self.service.groups()]))


class ApiSystem:
    """Mimecast's API 2.0."""

    takes_renames = False

    def __init__(self, server: MimecastApiServer) -> None:
        self.server = server
        self.view = api_dialect().view()

    def connect(self) -> Target:
        return self.server.connect()

    def put_strangers(self) -> None:
        api = self.server.api
        api.add_user("stan@corp.example", "stan by hand")
        api.add_user("anna@corp.example", "anna by hand", disabled=True)
        api.members[api.add_folder("club", self.server.folder_id)] = {"stan@corp.example"}
        # Of our group's name, and elsewhere: not ours.
        api.members[api.add_folder("staff")] = {"stan@corp.example"}

    def people(self) -> dict[str, tuple[bool, str]]:
        users = self.server.api.users.values()
        return {one["emailAddress"]: (not one["disabled"], one["name"]) for one in users}

    def groups(self) -> dict[str, set[str]]:
        return self.server.groups()

    def traces(self) -> object:
        return self.server.api.write_count


SYSTEMS = ("mimecast-api", *DIALECTS, "scim2-server", "scimmy")


@contextmanager
def running(name: str) -> Iterator[System]:
    """Yield one of the systems, empty."""
    if name == "mimecast-api":
        with running_mimecast_api() as server:
            yield ApiSystem(server)
    elif name in DIALECTS:
        dialect, oddities = DIALECTS[name]
        with running_simulator(**oddities) as simulator:
            ignores = not oddities.get("heeds_members_in_create", True)
            yield ScimSystem(simulator, dialect, members_in_create=ignores)
    else:
        start = {"scim2-server": running_scim2_server, "scimmy": running_scimmy}[name]
        with start() as service:
            yield ScimSystem(service, "scim.toml")
