"""What a target can do, tried on throw-away resources; conversations without any I/O.

Each step tries one thing and looks at its effect: what a target says of itself is not believed.
Everything made carries the mark in its name, so that `clean_up` finds it even where the answer to
its creation was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from connector.planner.operation import Operation, OperationKind
from connector.target.bulk import replies_of, to_bulk
from connector.target.lesson import NO_BULK, REMOVAL_SEEN, learned
from connector.target.lookup import Conversation, resources_of
from connector.target.patch import member_ids_of
from connector.target.request import page_request, read_request, to_request
from connector.target.response import Answer, created_id, document_of, is_conflict, reason_of
from connector.target.throwaway import Throwaways, key_of, put

if TYPE_CHECKING:
    from connector.target.dialect import Dialect

_PRECONDITION_FAILED: Final = 412
_FORMS: Final[tuple[Literal["path", "value"], ...]] = ("path", "value")
_REMOVALS: Final[tuple[Literal["filter", "list"], ...]] = ("filter", "list")

Step = tuple[str, Callable[[], Conversation[None]]]


class CannotProbe(Exception):
    """A target on which nothing can be tried; the words say why, and what to do.

    It never leaves the program: who runs the probe turns it into a TargetUnavailable.
    """


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was found.

    Attributes:
        subject: What was tried.
        words: What came of it.

    """

    subject: str
    words: str


class Probe:
    """One probe of one target.

    Attributes:
        lessons: What the dialect file ought to say.
        remarks: The same and more, for people.

    """

    def __init__(self, dialect: Dialect, mark: str, domain: str, *, has_bulk: bool) -> None:
        """Begin with what is thought of the target.

        Args:
            dialect: As configured.
            mark: Random; in the name of everything that is made.
            domain: Of user names and e-mail addresses.
            has_bulk: Whether the target announces bulk requests.

        """
        self._dialect = dialect
        self._things = Throwaways(dialect)
        self._mark = mark
        self._domain = domain
        self._has_bulk = has_bulk
        self.lessons: dict[str, Any] = {}
        self.remarks: list[Remark] = []

    def steps(self) -> tuple[Step, ...]:
        """Return what is tried, in order, each with its name."""
        return (
            ("users", self._try_users),
            ("names", self._try_names),
            ("filters", self._try_filters),
            ("changes", self._try_changes),
            ("disabling", self._try_disabling),
            ("groups", self._try_groups),
            ("bulk requests", self._try_bulk),
            ("pages", self._try_pages),
            ("versions", self._try_versions),
            ("deletion", self._try_deletion),
        )

    @property
    def dialect(self) -> Dialect:
        """Return the dialect with what was learnt so far."""
        return learned(self._dialect, self.lessons)

    def clean_up(self) -> Conversation[list[str]]:
        """Remove everything that was made; return in words what could not be."""
        return self._things.clean_up()

    # -- users ----------------------------------------------------------------------------------

    def _name(self, part: str) -> str:
        return f"Connector-Probe-{self._mark}-{part}@{self._domain}"

    def _try_users(self) -> Conversation[None]:
        answer = yield from self._things.create("User", self._name("a"))
        if not answer.is_success:
            reason = f"a test user is refused ({answer.status}: {reason_of(answer)})"
            advice = "may the token create users, and does the target take the domain"
            message = f"{reason}: {advice} {self._domain}? Another one: --domain"
            raise CannotProbe(message)
        user = yield from self._things.read("User", self._things.one("User"))
        name, held = self._name("a"), user.get("userName")
        if held == name.lower():
            self.lessons["user.letter_case"] = "lower"
            self._things.dialect = self.dialect
        self._remark("users", f"can be created; the name is kept as {_kept(name, held)}")
        key = "is kept" if user.get("externalId") == key_of(name) else "is not kept"
        self._remark("externalId", key)

    def _try_names(self) -> Conversation[None]:
        again = yield from self._things.create("User", self._name("a"))
        if again.is_success:
            self._remark("a name that is taken", "is given to a second user, too")
        else:
            if not is_conflict(again, self._dialect):
                known = self._dialect.write.conflict_statuses
                self.lessons["write.conflict_statuses"] = sorted({*known, again.status})
            self._remark("a name that is taken", f"is refused with {again.status}")
        other = yield from self._things.create("User", self._name("a").upper())
        words = "is another name" if other.is_success else "is the same name"
        self._remark("a name in other case", words)

    # -- filters --------------------------------------------------------------------------------

    def _try_filters(self) -> Conversation[None]:
        name = self._name("a")
        true = []
        for attribute, value in (("externalId", key_of(name)), ("userName", name)):
            is_true = yield from self._is_truthful("User", attribute, value)
            words = "tells the truth" if is_true else "is not to be believed"
            self._remark(f"filter {attribute} eq", words)
            true += [attribute] if is_true else []
        configured = self._dialect.read.reliable_filters
        # Groups have not been made yet; what the file says of them stays.
        kept = [one for one in configured if one == "displayName"]
        self.lessons["read.reliable_filters"] = [*true, *kept]

    def _is_truthful(self, resource_type: str, attribute: str, value: str) -> Conversation[bool]:
        """Return whether a filter finds what is there, and nothing where nothing is."""
        found = yield from self._things.filtered(resource_type, attribute, value)
        absent = yield from self._things.filtered(resource_type, attribute, f"{value}-nobody")
        wanted = {str(value).casefold()}
        return {str(one.get(attribute)).casefold() for one in found} == wanted and not absent

    # -- changes --------------------------------------------------------------------------------

    def _try_changes(self) -> Conversation[None]:
        configured = self._dialect.update.form
        forms = sorted(_FORMS, key=lambda form: form != configured)
        for form in forms:
            update = replace(self._dialect.update, verb="patch", form=form)
            name = f"Probe {form}"
            dialect = replace(self._dialect, update=update)
            if (yield from self._changes(dialect, {"displayName": name})):
                self.lessons |= {"update.verb": "patch", "update.form": form}
                self._remark("PATCH", f'is taken in the form "{form}"')
                return
        self._remark("PATCH", "is refused, or has no effect")
        put = learned(self._dialect, {"update.verb": "put"})
        if (yield from self._changes(put, {"displayName": "Probe put"})):
            self.lessons["update.verb"] = "put"
            self._remark("PUT", "is taken")
        else:
            self._remark("PUT", "is refused, or has no effect")

    def _try_disabling(self) -> Conversation[None]:
        for booleans in ("json", "text"):
            update = replace(self.dialect.update, booleans=booleans)
            if (yield from self._changes(replace(self.dialect, update=update), {"active": False})):
                self.lessons["update.booleans"] = booleans
                self._remark("active", f'is set by booleans as "{booleans}"')
                return
        self._remark("active", "cannot be set to false")

    def _changes(self, dialect: Dialect, changes: dict[str, Any]) -> Conversation[bool]:
        """Change the test user; return whether it then is so."""
        target_id = self._things.one("User")
        operation = Operation(
            OperationKind.UPDATE, "User", "", "", target_id=target_id, changes=changes
        )
        is_put = dialect.update.verb == "put"
        current = (yield from self._things.read("User", target_id)) if is_put else None
        answer = yield from put(to_request(operation, dialect, {}, current))
        if not answer.is_success:
            return False
        user = yield from self._things.read("User", target_id)
        return all(user.get(path) == value for path, value in changes.items())

    # -- groups ---------------------------------------------------------------------------------

    def _try_groups(self) -> Conversation[None]:
        name, user = f"connector-probe-{self._mark}", self._things.one("User")
        answer = yield from self._things.create("Group", name, members=[{"value": user}])
        if not answer.is_success:
            self._remark("groups", f"are refused ({answer.status}: {reason_of(answer)})")
            return
        group = self._things.one("Group")
        takes_members = yield from self._holds(group, user)
        self.lessons["members.in_create"] = takes_members
        words = "counts" if takes_members else "is ignored: members are added afterwards"
        self._remark("a member in the POST of a group", words)
        if (yield from self._is_truthful("Group", "displayName", name)):
            true = {*self.lessons["read.reliable_filters"], "displayName"}
            self.lessons["read.reliable_filters"] = sorted(true)
        yield from self._try_removal(group, user)

    def _try_removal(self, group: str, user: str) -> Conversation[None]:
        if self.dialect.update.verb == "put":
            self._remark("members", "go by PUT, with the whole group")
            return
        configured = self._dialect.members.removal
        for removal in sorted(_REMOVALS, key=lambda one: one != configured):
            if not (yield from self._holds(group, user)):
                yield from self._move(group, members_added=("u",))
            if not (yield from self._holds(group, user)):
                self._remark("members", "cannot be added by PATCH")
                return
            yield from self._move(group, removal=removal, members_removed=("u",))
            if not (yield from self._holds(group, user)):
                self.lessons |= {"members.removal": removal, REMOVAL_SEEN: True}
                self._remark("members", f'are removed by "{removal}"')
                return
        self._remark("members", "are not removed by PATCH in either form")

    def _move(self, group: str, *, removal: str = "filter", **changes: Any) -> Conversation[Answer]:
        operation = Operation(OperationKind.UPDATE, "Group", "", "", target_id=group, **changes)
        dialect = learned(self.dialect, {"members.removal": removal})
        return (yield from put(to_request(operation, dialect, {"u": self._things.one("User")})))

    def _holds(self, group: str, user: str) -> Conversation[bool]:
        return user in member_ids_of((yield from self._things.read("Group", group)))

    # -- many at once ---------------------------------------------------------------------------

    def _try_bulk(self) -> Conversation[None]:
        if not self._has_bulk:
            self._remark("bulk requests", "are not announced")
            return
        names = [self._name("c"), self._name("d")]
        requests = [self._things.creation("User", name) for name in names]
        replies = replies_of(requests, (yield from put(to_bulk(requests))))
        for name, reply in zip(names, replies, strict=True):
            self._things.note_made("User", name, reply)
        if all(isinstance(one, Answer) and one.is_success and created_id(one) for one in replies):
            self.lessons["bulk.use"] = "announced"
            self._remark("bulk requests", "are taken")
        else:
            self.lessons |= NO_BULK
            self._remark("bulk requests", "are announced and not taken")

    # -- reading --------------------------------------------------------------------------------

    def _try_pages(self) -> Conversation[None]:
        if sum(kind == "User" for kind, _ in self._things.made.values()) < 2:
            yield from self._things.create("User", self._name("b"))
        first, _ = yield from self._page(1, 1)
        second, _ = yield from self._page(2, 1)
        if len(first) != 1:
            self._remark("pages", f"have {len(first)} resources, though 1 was asked for")
        elif [one.get("id") for one in first] == [one.get("id") for one in second]:
            self._remark("pages", "are all the first one: startIndex is ignored")
        else:
            self._remark("pages", "are as they are asked for")
        asked_count = self._dialect.read.page_size
        page, total = yield from self._page(1, asked_count)
        if 1 < len(page) < min(asked_count, total):
            self.lessons["read.page_size"] = len(page)
            self._remark("a large page", f"has {len(page)} resources")

    def _page(self, start: int, count: int) -> Conversation[tuple[list[dict[str, Any]], int]]:
        document = document_of((yield from put(page_request("User", start, count))))
        total = document.get("totalResults")
        return resources_of(document), total if isinstance(total, int) else 0

    def _try_versions(self) -> Conversation[None]:
        target_id = self._things.one("User")
        answer = yield from put(read_request("User", target_id))
        meta = document_of(answer).get("meta")
        version = answer.headers.get("etag") or (isinstance(meta, dict) and meta.get("version"))
        if not version:
            self._remark("versions", "are not told")
            return
        operation = Operation(
            OperationKind.UPDATE, "User", "", "", target_id=target_id, changes={"active": True}
        )
        current = document_of(answer) if self.dialect.update.verb == "put" else None
        request = to_request(operation, self.dialect, {}, current)
        stale = replace(request, headers=(("if-match", 'W/"connector-probe"'),))
        is_heeded = (yield from put(stale)).status == _PRECONDITION_FAILED
        words = "are told and heeded" if is_heeded else "are told, and If-Match is ignored"
        self._remark("versions", words)

    # -- the end --------------------------------------------------------------------------------

    def _try_deletion(self) -> Conversation[None]:
        target_id = self._things.one("User")
        is_gone_now = yield from self._things.remove(target_id)
        self.lessons["write.delete"] = is_gone_now
        words = "is done" if is_gone_now else "is refused, or has no effect"
        self._remark("deletion of a user", words)

    def _remark(self, subject: str, words: str) -> None:
        self.remarks.append(Remark(subject, words))


def _kept(name: str, held: object) -> str:
    if held == name:
        return "it was given"
    return "lower case" if held == name.lower() else "something else"
