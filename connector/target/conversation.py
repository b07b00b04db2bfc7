"""All requests that one operation may take, as conversations without any I/O.

::

    write answered             then
    -------------------------  ------------------------------------------------------------
    409 to a creation          look it up, make it equal by one change: adopted
    404, 500 to a creation     look it up: it may have been done
    404 to a change            ask once more: gone, and Rejected(404)
    404, 500 to a deletion     ask once more: gone, and Applied
    405, 501 to a PATCH        read, change, PUT; and so from then on
    400, 501 to a removal      the other form of removing members; and so from then on
    403                        may we read at all? if not, nothing more is sent
    nothing                    Unknown; `resolve` asks what became of it
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from connector.planner.drift import differences
from connector.planner.left import is_within
from connector.planner.operation import Operation, OperationKind
from connector.target.lesson import (
    NOTHING,
    PUT,
    REMOVAL_BY_FILTER,
    REMOVAL_BY_LIST,
    REMOVAL_PROVEN,
    REMOVAL_SEEN,
    Lessons,
    learned,
)
from connector.target.lookup import Conversation, Unanswered, find, is_breakdown, read
from connector.target.outcome import Applied, Outcome, Rejected, Unavailable, Unknown
from connector.target.patch import flattened, member_ids_of
from connector.target.request import Request, cased, page_request, resolved, to_request
from connector.target.response import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    SERVER_ERROR,
    UNAUTHORIZED,
    Answer,
    Reply,
    as_meant,
    document_of,
    is_conflict,
    is_gone,
    reason_of,
    refuses_patch,
    to_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.target.claims import Claims
    from connector.target.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Terms:
    """What a conversation goes by.

    Attributes:
        dialect: How the target wants it, lessons included.
        claims: Whose resource is whose.
        lessons: What was learnt before.

    """

    dialect: Dialect
    claims: Claims
    lessons: Lessons = field(default_factory=dict)

    @property
    def target_ids(self) -> Mapping[str, str]:
        """Return the target's `id` by external_id."""
        return self.claims.target_ids


@dataclass(frozen=True, slots=True)
class Carried:
    """How a conversation ended.

    Attributes:
        outcome: What became of the operation.
        lessons: What was learnt by it.
        breakdown: Why every other operation would fare the same; "" if it would not.

    """

    outcome: Outcome
    lessons: Lessons = field(default_factory=dict)
    breakdown: str = ""


_HELD_BY_ANOTHER: Final = "the name is held by another resource of ours"
_OTHER_REMOVAL: Final = {"filter": REMOVAL_BY_LIST, "list": REMOVAL_BY_FILTER}


def carry_out(operation: Operation, terms: Terms) -> Conversation[Carried]:
    """Carry one operation out, whatever it takes."""
    try:
        match operation.kind:
            case OperationKind.CREATE:
                return (yield from _create(operation, terms))
            case OperationKind.DELETE:
                return Carried((yield from _delete(operation, terms)))
            case _:
                return (yield from _update(operation, terms))
    except Unanswered as unanswered:
        breakdown = unanswered.reason if unanswered.is_breakdown else ""
        return Carried(Unavailable(unanswered.reason), breakdown=breakdown)


def resolve(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    """Find out what became of an operation that nobody knows the outcome of."""
    try:
        match operation.kind:
            case OperationKind.CREATE:
                found = yield from _find_own(operation, terms)
                return Applied(str(found["id"])) if found else Unavailable("it is not there")
            case OperationKind.DELETE if operation.target_id:
                there = yield from read(operation.resource_type, operation.target_id)
                return Unavailable("it is still there") if there else Applied(operation.target_id)
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
    if isinstance(reply, Answer) and reply.status == FORBIDDEN:
        # One protected account, or a token that may do nothing? A harmless question tells.
        probe = as_meant((yield page_request("User", 1, 1)))
        if isinstance(probe, Answer) and probe.status in {UNAUTHORIZED, FORBIDDEN}:
            unanswered = Unanswered(probe)
            unanswered.is_breakdown = True
            raise unanswered
    return reply


# -- creation ------------------------------------------------------------------------------------


def _create(operation: Operation, terms: Terms) -> Conversation[Carried]:
    reply = yield from _write(to_request(operation, terms.dialect, terms.target_ids))
    if is_conflict(reply, terms.dialect):
        return (yield from _adopt(operation, terms))
    outcome = to_outcome(operation, reply)
    if not isinstance(outcome, Applied):
        return Carried((yield from _look_after(operation, terms, reply, outcome)))
    if not terms.claims.claim(outcome.target_id, operation.external_id):
        return Carried(Rejected(CONFLICT, _HELD_BY_ANOTHER))
    if isinstance(reply, Answer) and operation.members_added:
        return (yield from _add_missing(operation, terms, outcome, document_of(reply)))
    return Carried(outcome)


def _look_after(
    operation: Operation, terms: Terms, reply: Reply, outcome: Outcome
) -> Conversation[Outcome]:
    """Return Applied if a creation has been done although its answer does not say so.

    Seen: 500 after the commit, and success without an id. Nor does 404 refuse anything: under a new
    name, the creation would be sent once more and meet no conflict.
    """
    is_doubtful = isinstance(reply, Answer) and reply.status in {SERVER_ERROR, NOT_FOUND}
    if not isinstance(reply, Answer) or not (reply.is_success or is_doubtful):
        return outcome
    try:
        found = yield from _find_own(operation, terms)
    except Unanswered as unanswered:
        return Unknown(unanswered.reason)
    return Applied(str(found["id"])) if found else outcome


def _find_own(operation: Operation, terms: Terms) -> Conversation[dict[str, Any] | None]:
    """Return the resource that this creation has made, or None.

    One of the same name with another externalId is not it, nor is one with none that holds other
    values: sent again, the creation meets a conflict, which leads to its adoption.
    """
    wanted = cased(operation.document, operation.resource_type, terms.dialect)
    candidates = yield from find(operation, terms.dialect, is_there=False)
    for found in candidates:
        key = found.get("externalId")
        is_own = key == operation.external_id or (not key and not any(differences(wanted, found)))
        if is_own and not terms.claims.is_of_another(found, operation.external_id):
            return found
    return None


def _adopt(operation: Operation, terms: Terms) -> Conversation[Carried]:
    candidates = yield from find(operation, terms.dialect, is_there=True)
    if len(candidates) != 1:
        reason = "the target says that it is there already, and it cannot be found"
        if candidates:
            reason = f"{len(candidates)} of that name are there already"
        return Carried(Rejected(CONFLICT, reason))
    found = candidates[0]
    target_id = str(found.get("id", ""))
    is_taken = terms.claims.is_of_another(found, operation.external_id)
    if is_taken or not target_id or not terms.claims.claim(target_id, operation.external_id):
        return Carried(Rejected(CONFLICT, _HELD_BY_ANOTHER))
    return (yield from _equalise(operation, terms, target_id, found))


def _equalise(
    operation: Operation, terms: Terms, target_id: str, found: Mapping[str, Any]
) -> Conversation[Carried]:
    """Make what was found equal to what is wanted, by one change of what differs."""
    document = cased(operation.document, operation.resource_type, terms.dialect)
    wanted = flattened(document) | {"externalId": operation.external_id}
    held = flattened(found)
    changes = {
        path: value
        for path, value in wanted.items()
        if held.get(path) != value and not is_within(path, operation.left)
    }
    adopted = Applied(target_id, was_adopted=True, member_ids=member_ids_of(found))
    if not changes and not operation.members_added:
        return Carried(adopted)
    update = replace(
        operation, kind=OperationKind.UPDATE, target_id=target_id, changes=changes, previous=held
    )
    carried = yield from _update(update, terms)
    if isinstance(carried.outcome, Applied):
        return replace(carried, outcome=adopted)
    return carried


def _add_missing(
    operation: Operation, terms: Terms, outcome: Applied, created: Mapping[str, Any]
) -> Conversation[Carried]:
    """Add the members that the creation of their group left out."""
    held = set(member_ids_of(created))
    missing = tuple(key for key in operation.members_added if terms.target_ids.get(key) not in held)
    if not resolved(missing, terms.target_ids):
        return Carried(outcome)
    update = replace(
        operation,
        kind=OperationKind.UPDATE,
        target_id=outcome.target_id,
        members_added=missing,
        changes={},
    )
    carried = yield from _update(update, terms)
    # The group is there, whatever became of its members: the next cycle must know its id.
    return replace(carried, outcome=outcome) if carried.breakdown == "" else carried


# -- change --------------------------------------------------------------------------------------


def _update(operation: Operation, terms: Terms) -> Conversation[Carried]:
    if terms.dialect.update.verb == "put":
        return Carried((yield from _replace(operation, terms)))
    reply = yield from _write(to_request(operation, terms.dialect, terms.target_ids))
    if is_gone(reply):
        return Carried((yield from _confirm_gone(operation, reply)))
    if operation.members_removed and _refuses_form(reply):
        return (yield from _remove_otherwise(operation, terms, reply))
    if refuses_patch(reply):
        return (yield from _fall_back(operation, terms))
    outcome = to_outcome(operation, reply)
    is_proven = bool(terms.lessons.get(REMOVAL_SEEN)) or not operation.members_removed
    if isinstance(outcome, Applied) and not is_proven:
        return (yield from _prove_removal(operation, terms, outcome))
    return Carried(outcome)


def _refuses_form(reply: Reply) -> bool:
    return isinstance(reply, Answer) and reply.status in {BAD_REQUEST, NOT_IMPLEMENTED}


def _fall_back(operation: Operation, terms: Terms) -> Conversation[Carried]:
    outcome = yield from _replace(operation, terms)
    return Carried(outcome, PUT if isinstance(outcome, Applied) else NOTHING)


def _replace(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    """Read the resource, change it, and put it back as a whole."""
    target_id = operation.target_id or ""
    current = yield from read(operation.resource_type, target_id)
    if current is None:
        return Rejected(NOT_FOUND, "gone at the target")
    request = to_request(operation, terms.dialect, terms.target_ids, current)
    reply = yield from _write(request)
    if is_gone(reply):
        return (yield from _confirm_gone(operation, reply))
    return to_outcome(operation, reply)


def _confirm_gone(operation: Operation, reply: Reply) -> Conversation[Outcome]:
    """Return Rejected(404) only if the resource itself is gone, and not a member of it."""
    there = yield from read(operation.resource_type, operation.target_id or "")
    if there is None:
        return Rejected(NOT_FOUND, "gone at the target")
    reason = reason_of(reply, operation) if isinstance(reply, Answer) else ""
    return Rejected(BAD_REQUEST, f"answered 404 although it is there: {reason}")


# -- removal of members --------------------------------------------------------------------------


def _remove_otherwise(operation: Operation, terms: Terms, refusal: Reply) -> Conversation[Carried]:
    """Send the change again with members removed in the other form, or else by PUT."""
    lesson = _OTHER_REMOVAL[terms.dialect.members.removal]
    other = learned(terms.dialect, lesson)
    reply = yield from _write(to_request(operation, other, terms.target_ids))
    outcome = to_outcome(operation, reply)
    if isinstance(outcome, Rejected):
        if refuses_patch(refusal) or refuses_patch(reply):
            return (yield from _fall_back(operation, terms))
        # Neither form is to its taste, so the form was not the reason.
        return Carried(to_outcome(operation, refusal))
    return Carried(outcome, lesson)


def _prove_removal(operation: Operation, terms: Terms, outcome: Applied) -> Conversation[Carried]:
    """See whether the first removal had an effect: some targets accept a form and ignore it."""
    try:
        if not (yield from _still_held(operation, terms)):
            return Carried(outcome, REMOVAL_PROVEN)
        lesson = _OTHER_REMOVAL[terms.dialect.members.removal]
        other = learned(terms.dialect, lesson)
        again = replace(operation, changes={}, members_added=())
        yield from _write(to_request(again, other, terms.target_ids))
        if not (yield from _still_held(operation, terms)):
            return Carried(outcome, {**lesson, **REMOVAL_PROVEN})
        carried = yield from _fall_back(again, terms)
        if isinstance(carried.outcome, Applied) and (yield from _still_held(operation, terms)):
            return Carried(Rejected(NOT_IMPLEMENTED, "members stay although they were removed"))
    except Unanswered:
        # The target said that it did it; the next removal is looked at again.
        return Carried(outcome)
    return carried


def _still_held(operation: Operation, terms: Terms) -> Conversation[bool]:
    group = yield from read(operation.resource_type, operation.target_id or "")
    held = set(member_ids_of(group or {}))
    return not held.isdisjoint(resolved(operation.members_removed, terms.target_ids))


# -- deletion ------------------------------------------------------------------------------------


def _delete(operation: Operation, terms: Terms) -> Conversation[Outcome]:
    if not terms.dialect.write.delete:
        reason = 'this target deletes nothing: set deprovision to "disable"'
        return Rejected(NOT_IMPLEMENTED, reason)
    reply = yield from _write(to_request(operation, terms.dialect, terms.target_ids))
    is_doubtful = is_gone(reply) or (isinstance(reply, Answer) and reply.status == SERVER_ERROR)
    if not is_doubtful:
        return to_outcome(operation, reply)
    there = yield from read(operation.resource_type, operation.target_id or "")
    if there is None:
        return Applied(operation.target_id or "")
    outcome = to_outcome(operation, reply)
    is_not_found = isinstance(outcome, Rejected) and outcome.status == NOT_FOUND
    return Rejected(BAD_REQUEST, "answered 404 although it is there") if is_not_found else outcome
