"""All requests that one operation may take at Mimecast, as conversations without any I/O.

::

    write answered             then
    -------------------------  ------------------------------------------------------------
    a failure to a creation    is it there? made equal and adopted; or else Rejected
    a failure to a change      is it there? if not, Rejected(404)
    a failure to a membership  as wanted all the same? Applied
    a failure to a deletion    is it there? if not, Applied
    nothing                    Unknown; `resolve` asks what became of it

Failures have codes that nobody lists, so what is there decides, and not the code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from connector.planner.left import is_within
from connector.planner.operation import Operation, OperationKind
from connector.target.lookup import Conversation, Unanswered, is_breakdown
from connector.target.mimecast_api.lookup import (
    Row,
    find_user,
    folder_pages,
    groups_in,
    parent_of,
    read_members,
    to_user,
    user_pages,
)
from connector.target.mimecast_api.wire import as_meant, call, id_of
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown
from connector.target.request import resolved
from connector.target.response import (
    CONFLICT,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    Answer,
    to_outcome,
)

if TYPE_CHECKING:
    from connector.target.claims import Claims
    from connector.target.request import Request
    from connector.target.response import Reply

_HELD_BY_ANOTHER: Final = "the name is held by another resource of ours"
_RENAMED: Final = (
    "Mimecast never changes an address: make the new one the person's there, then take the old "
    "one away, or keep the old address as userName by the mapping"
)
_UNDELETABLE: Final = 'Mimecast\'s API deletes no people: set deprovision to "disable"'


@dataclass(slots=True)
class Seen:
    """What was there when it was first asked for; read once while operations are sent.

    Attributes:
        users: By address in lower case; None if not read yet.
        folders: All folders of groups; None if not read yet.

    """

    users: dict[str, Row] | None = None
    folders: list[Row] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a conversation goes by.

    Attributes:
        claims: Whose resource is whose.
        page_size: Of lists.
        folder: Description of the folder that groups are kept in; "" for the top of the tree.
        seen: What was there.

    """

    claims: Claims
    page_size: int
    folder: str
    seen: Seen = field(default_factory=Seen)


def carry_out(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    """Carry one operation out, whatever it takes.

    Raises:
        Unanswered: if nothing was done because the target does not answer.

    """
    is_group = operation.resource_type == "Group"
    match operation.kind:
        case OperationKind.CREATE:
            return (yield from (_create_group if is_group else _create_user)(operation, terms))
        case OperationKind.DELETE:
            return (yield from _delete(operation, terms))
        case _:
            return (yield from (_change_group if is_group else _change_user)(operation, terms))


def resolve(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    """Find out what became of an operation that nobody knows the outcome of."""
    try:
        match operation.kind, operation.resource_type:
            case OperationKind.CREATE, "Group":
                named = yield from _named_groups(operation, terms)
                # Of several, the creation sent again says that somebody has to choose.
                is_made = len(named) == 1
                return Applied(str(named[0]["id"])) if is_made else Unavailable("it is not there")
            case OperationKind.CREATE, _:
                user = yield from find_user(_address_of(operation), terms.page_size)
                is_free = user and not terms.claims.is_of_another(user, operation.external_id)
                return Applied(user["id"]) if user and is_free else Unavailable("it is not there")
            case OperationKind.DELETE, "Group":
                is_there = yield from _has_group(operation.target_id or "", terms)
                left = Unavailable("it is still there")
                return left if is_there else Applied(operation.target_id or "")
    except Unanswered as unanswered:
        return Unknown(unanswered.reason)
    return Unavailable("its answer was lost; to be sent again")


def _write(request: Request) -> Conversation[Reply]:
    """Send a change; return the reply, and be it none.

    Raises:
        Unanswered: if the target takes nothing from us at present, this included.

    """
    reply = as_meant((yield request))
    if is_breakdown(reply):
        raise Unanswered(reply)
    return reply


def _address_of(operation: Operation) -> str:
    return str(operation.document.get("userName") or operation.name)


def _has_failed(reply: Reply) -> bool:
    """Return whether the target says that it did not do it."""
    return isinstance(reply, Answer) and not reply.is_success


# -- people --------------------------------------------------------------------------------------


def _create_user(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    address = _address_of(operation)
    fields = {"emailAddress": address}
    if name := operation.document.get("displayName"):
        fields["name"] = name
    # Two of ours with one address: the second must not be told that it is adopted.
    if not terms.claims.claim(address.lower(), operation.external_id):
        return Rejected(CONFLICT, _HELD_BY_ANOTHER)
    reply = yield from _write(call("user/create-user", **fields))
    if _has_failed(reply):
        return (yield from _adopt_user(operation, terms, reply))
    if isinstance(reply, Answer):
        return Applied(address.lower())
    return to_outcome(operation, reply)


def _adopt_user(operation: Operation, terms: Terms, failure: Reply) -> Conversation[Outcome]:
    address = _address_of(operation).lower()
    found = (yield from _users(terms)).get(address)
    if found is None:
        return to_outcome(operation, failure)
    wanted = operation.document.get("displayName") or found.get("displayName")
    if is_within("displayName", operation.left):
        wanted = found.get("displayName")
    fields: dict[str, Any] = {}
    if wanted != found.get("displayName"):
        fields["name"] = wanted
    if not found["active"]:
        fields["accountDisabled"] = False
    if fields:
        reply = yield from _write(call("user/update-user", emailAddress=address, **fields))
        outcome = _settled(operation, reply, address)
        if not isinstance(outcome, Applied):
            return outcome
    return Applied(address, was_adopted=True)


def _change_user(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    address = operation.target_id or ""
    renamed = operation.changes.get("userName")
    if isinstance(renamed, str) and renamed.casefold() != address.casefold():
        return Rejected(NOT_IMPLEMENTED, _RENAMED)
    fields: dict[str, Any] = {}
    if "displayName" in operation.changes:
        fields["name"] = operation.changes["displayName"] or ""
    if isinstance(is_active := operation.changes.get("active"), bool):
        fields["accountDisabled"] = not is_active
    if not fields:
        return Applied(address)
    reply = yield from _write(call("user/update-user", emailAddress=address, **fields))
    if _has_failed(reply) and address.lower() not in (yield from _users(terms)):
        return Rejected(NOT_FOUND, "gone at the target")
    return _settled(operation, reply, address)


def _users(terms: Terms) -> Conversation[dict[str, Row]]:
    if terms.seen.users is None:
        rows = yield from user_pages(terms.page_size).rest()
        users = [user for row in rows if (user := to_user(row)) is not None]
        terms.seen.users = {user["id"]: user for user in users}
    return terms.seen.users


def _settled(operation: Operation, reply: Reply, target_id: str) -> Outcome:
    """Return what a reply says; Applied needs no more than success."""
    if isinstance(reply, Answer) and reply.is_success:
        return Applied(target_id)
    return to_outcome(operation, reply)


# -- groups --------------------------------------------------------------------------------------


def _folders(terms: Terms) -> Conversation[list[Row]]:
    if terms.seen.folders is None:
        terms.seen.folders = yield from folder_pages(terms.page_size).rest()
    return terms.seen.folders


def _named_groups(operation: Operation, terms: Terms) -> Conversation[list[Row]]:
    """Return the folders of that name that are nobody else's."""
    groups = groups_in((yield from _folders(terms)), terms.folder)
    return [
        one
        for one in groups
        if str(one.get("description", "")).casefold() == operation.name.casefold()
        and not terms.claims.is_of_another(one, operation.external_id)
    ]


def _has_group(group_id: str, terms: Terms) -> Conversation[bool]:
    """Return whether a folder is there now."""
    terms.seen.folders = None
    return any(str(one.get("id")) == group_id for one in (yield from _folders(terms)))


def _create_group(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    # Whether the API minds two of one name is not known, so we look first.
    named = yield from _named_groups(operation, terms)
    if len(named) > 1:
        return Rejected(CONFLICT, f"{len(named)} groups of that name are there already")
    if named:
        return (yield from _adopt_group(operation, terms, named[0]))
    fields = {"description": operation.name}
    if parent_id := parent_of((yield from _folders(terms)), terms.folder):
        fields["parentId"] = parent_id
    reply = yield from _write(call("directory/create-group", **fields))
    if not isinstance(reply, Answer) or not reply.is_success:
        return to_outcome(operation, reply)
    group_id = id_of(reply)
    if not group_id:
        return Unknown("answered without an id")
    terms.claims.claim(group_id, operation.external_id)
    return (yield from _filled(operation, terms, Applied(group_id)))


def _adopt_group(operation: Operation, terms: Terms, found: Row) -> Conversation[Outcome]:
    group_id = str(found.get("id", ""))
    if not terms.claims.claim(group_id, operation.external_id):
        return Rejected(CONFLICT, _HELD_BY_ANOTHER)
    members = yield from read_members(group_id, terms.page_size)
    if found.get("description") != operation.name:
        request = call("directory/update-group", id=group_id, description=operation.name)
        outcome = _settled(operation, (yield from _write(request)), group_id)
        if not isinstance(outcome, Applied):
            return outcome
    adopted = Applied(group_id, was_adopted=True, member_ids=members)
    return (yield from _filled(operation, terms, adopted))


def _filled(operation: Operation, terms: Terms, made: Applied) -> Conversation[Outcome]:
    """Add the first members; the group is there, whatever becomes of them."""
    added = resolved(operation.members_added, terms.claims.target_ids)
    missing = [one for one in added if one not in made.member_ids]
    yield from _move_members(made.target_id, (missing, []), terms)
    return made


def _change_group(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    group_id = operation.target_id or ""
    name = operation.changes.get("displayName")
    if name is not None:
        reply = yield from _write(call("directory/update-group", id=group_id, description=name))
        if _has_failed(reply):
            return (yield from _why_not(operation, terms, reply))
        if not isinstance(reply, Answer):
            return to_outcome(operation, reply)
    ids = terms.claims.target_ids
    moves = (resolved(operation.members_added, ids), resolved(operation.members_removed, ids))
    failure = yield from _move_members(group_id, moves, terms)
    if failure is None:
        return Applied(group_id)
    if _has_failed(failure):
        return (yield from _why_not(operation, terms, failure))
    return to_outcome(operation, failure)


def _why_not(operation: Operation, terms: Terms, failure: Reply) -> Conversation[Outcome]:
    if not (yield from _has_group(operation.target_id or "", terms)):
        return Rejected(NOT_FOUND, "gone at the target")
    return to_outcome(operation, failure)


def _move_members(
    group_id: str, moves: tuple[list[str], list[str]], terms: Terms
) -> Conversation[Reply | None]:
    """Take members out and put members in, one a request; return a failure that counts, or None.

    Somebody may be in it already, or out of it: then there is nothing to complain of.
    """
    added, removed = moves
    failure: Reply | None = None
    for path, addresses in (("remove", removed), ("add", added)):
        for address in addresses:
            request = call(f"directory/{path}-group-member", id=group_id, emailAddress=address)
            reply = yield from _write(request)
            if not isinstance(reply, Answer):
                return reply
            failure = reply if _has_failed(reply) else failure
    if failure is None:
        return None
    try:
        held = set((yield from read_members(group_id, terms.page_size)))
    except Unanswered as unanswered:
        if unanswered.is_breakdown:
            raise
        return failure
    is_as_wanted = held.issuperset(added) and held.isdisjoint(removed)
    return None if is_as_wanted else failure


def _delete(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    if operation.resource_type != "Group":
        return Rejected(NOT_IMPLEMENTED, _UNDELETABLE)
    group_id = operation.target_id or ""
    reply = yield from _write(call("directory/delete-group", id=group_id))
    if _has_failed(reply) and not (yield from _has_group(group_id, terms)):
        return Applied(group_id)
    return _settled(operation, reply, group_id)
