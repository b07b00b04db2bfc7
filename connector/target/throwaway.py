"""Resources that are made to try something on, and removed afterwards; without any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.target.lookup import Conversation, Unanswered, is_breakdown, resources_of
from connector.target.request import (
    CORE_SCHEMA,
    Request,
    cased,
    filter_request,
    path_of,
    read_request,
)
from connector.target.response import (
    Answer,
    as_meant,
    created_id,
    document_of,
    is_gone,
)

if TYPE_CHECKING:
    from connector.target.dialect import Dialect

_NAMES: Final = {"User": "userName", "Group": "displayName"}


class Throwaways:
    """What was made, and what may have been.

    Attributes:
        dialect: How the target wants it.
        made: Type and name of what is there because of us, by id.

    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.made: dict[str, tuple[str, str]] = {}
        self._asked_for: list[tuple[str, str]] = []

    def one(self, resource_type: str) -> str:
        """Return the id of the first of a type that we made."""
        return next(one for one, (kind, _) in self.made.items() if kind == resource_type)

    def creation(self, resource_type: str, name: str, **more: Any) -> Request:
        """Return the request that makes something of that name; remember that it may be there."""
        self._asked_for.append((resource_type, name))
        document: dict[str, Any] = {_NAMES[resource_type]: name, "externalId": key_of(name)}
        if resource_type == "User":
            document |= {
                "name": {"givenName": "Probe", "familyName": "Connector"},
                "emails": [{"value": name, "type": "work", "primary": True}],
                "active": True,
            }
        schemas = {"schemas": [CORE_SCHEMA + resource_type]}
        body = schemas | cased(document, resource_type, self.dialect) | more
        return Request("POST", path_of(resource_type), orjson.dumps(body))

    def create(self, resource_type: str, name: str, **more: Any) -> Conversation[Answer]:
        """Make something; return what the target says to it."""
        answer = yield from put(self.creation(resource_type, name, **more))
        self.note_made(resource_type, name, answer)
        return answer

    def note_made(self, resource_type: str, name: str, reply: object) -> None:
        """Remember what a reply says was made."""
        target_id = created_id(reply) if isinstance(reply, Answer) and reply.is_success else None
        if target_id:
            self.made[target_id] = (resource_type, name)

    def read(self, resource_type: str, target_id: str) -> Conversation[dict[str, Any]]:
        """Return a resource as it is; empty if it is not there."""
        return document_of((yield from put(read_request(resource_type, target_id))))

    def filtered(
        self, resource_type: str, attribute: str, value: str
    ) -> Conversation[list[dict[str, Any]]]:
        """Return what a filter finds."""
        answer = yield from put(filter_request(resource_type, attribute, value))
        return resources_of(document_of(answer)) if answer.is_success else []

    def clean_up(self) -> Conversation[list[str]]:
        """Remove everything that was made; return in words what could not be."""
        for resource_type, name in self._asked_for:
            if (resource_type, name) not in self.made.values():
                yield from self._find_lost(resource_type, name)
        left = []
        for target_id, (resource_type, name) in reversed(list(self.made.items())):
            try:
                is_removed = yield from self.remove(target_id)
            except Unanswered:
                is_removed = False
            if not is_removed:
                left.append(f"{resource_type.lower()} {name} ({path_of(resource_type, target_id)})")
        return left

    def _find_lost(self, resource_type: str, name: str) -> Conversation[None]:
        """Learn the id of something whose creation was not answered, if it is there."""
        try:
            found = yield from self.filtered(resource_type, _NAMES[resource_type], name)
        except Unanswered:
            return
        for one in found:
            held = str(one.get(_NAMES[resource_type])).casefold()
            target_id = str(one.get("id", ""))
            if held == name.casefold() and target_id and target_id not in self.made:
                self.made[target_id] = (resource_type, name)

    def remove(self, target_id: str) -> Conversation[bool]:
        """Remove one of them; return whether it is gone."""
        resource_type, _ = self.made[target_id]
        yield from put(Request("DELETE", path_of(resource_type, target_id)))
        is_removed = is_gone((yield from put(read_request(resource_type, target_id))))
        if is_removed:
            del self.made[target_id]
        return is_removed


def put(request: Request) -> Conversation[Answer]:
    """Return any answer to a question or a change; refusals are what a probe is after.

    Raises:
        Unanswered: if none came, or one that says nothing of the request.

    """
    reply = as_meant((yield request))
    if not isinstance(reply, Answer) or is_breakdown(reply):
        raise Unanswered(reply)
    return reply


def key_of(name: str) -> str:
    """Return the externalId of what has this name."""
    return f"probe:{name.casefold()}"
