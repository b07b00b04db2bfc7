"""One SCIM 2.0 target, for callers that know nothing of HTTP (step 10)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from connector.clock import SystemClock
from connector.errors import TargetUnavailable
from connector.target.bulk import BulkLimits, bulk_limits, parcels
from connector.target.capability import Capability, merged, parse_capability
from connector.target.claims import Claims
from connector.target.client.background import Background
from connector.target.client.carrier import Begun, Carrier, begin
from connector.target.client.exchange import Exchange
from connector.target.connection import TargetCheck, TargetConnection, within_hints
from connector.target.conversation import Terms, carry_out, resolve
from connector.target.lesson import NO_BULK, NOTHING, Lessons, Memory, learned
from connector.target.lookup import Conversation, Listing, Unanswered, ask, read
from connector.target.outcome import Outcome, Unavailable, Unknown
from connector.target.request import CONFIG_PATH, Request, page_request
from connector.target.response import Answer, NotSent, as_meant, document_of
from connector.target.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    import httpx

    from connector.clock import Clock
    from connector.planner.operation import Operation
    from connector.target.dialect import Dialect

T = TypeVar("T")
# While one is worked on there, the next is on its way.
_BULKS_AT_ONCE: Final = 2


class ScimTarget:
    """A connection to one target; for one caller at a time.

    Nothing is sent before the first call. What is learnt of the target on the way (that it does
    not do PATCH, for one) is kept in its memory, if it is given one.
    """

    def __init__(
        self,
        connection: TargetConnection,
        dialect: Dialect,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Make ready.

        Args:
            connection: How it is reached.
            dialect: How it wants it.
            transport: Instead of the network, for tests.
            policy: How patient to be.
            clock: Tells the time, for Retry-After dates; default: the machine's.
            memory: Keeps what is learnt until the next connection.

        Raises:
            ConfigurationError: if the certificates cannot be read.

        """
        self._connection = within_hints(connection, dialect)
        self._dialect = dialect
        self._memory = memory
        self._lessons: Lessons = memory.load() if memory else NOTHING
        self._unsaved: dict[str, Any] = {}
        self._spoken = learned(dialect, self._lessons)
        self._capability: Capability | None = None
        self._breakdown = ""
        self._exchange = Exchange(
            self._connection,
            policy or RetryPolicy(),
            dialect.pace.reset_unit,
            clock or SystemClock(),
            transport=transport,
        )
        self._carrier = Carrier(self._exchange, at_once=connection.concurrency)
        self._background = Background(f"target {connection.name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._background.run(self._exchange.close())
        self._background.close()

    # -- writing --------------------------------------------------------------------------------

    def send(
        self, operations: Iterable[Operation], target_ids: Mapping[str, str]
    ) -> Generator[tuple[Operation, Outcome], None, None]:
        """Send the operations, several at a time; yield each with its outcome as it comes.

        None is lost: once the target takes nothing any more, the rest come back Unavailable.
        Closing the iterator waits for requests in flight and sends no other.

        Args:
            operations: No two in flight on the same resource. They are taken in the caller's
                thread, one by one, while this iterator is asked for its next pair.
            target_ids: The target's `id` by external_id; may grow meanwhile.

        """
        waiting = iter(operations)
        claims = Claims(target_ids)
        while (first := next(waiting, None)) is not None:
            self._breakdown = self._breakdown or self._find_out()
            # Ends early when the target turns out not to take many at once: then more by one.
            yield from self._send(chain((first,), waiting), claims)

    def _send(
        self, operations: Iterator[Operation], claims: Claims
    ) -> Generator[tuple[Operation, Outcome], None, None]:
        """Send operations, together or by themselves, as long as that is the way to do it."""
        is_single = self._limits() is None

        def begun() -> Iterator[Begun]:
            while (self._limits() is None) is is_single:
                operation = next(operations, None)
                if operation is None:
                    return
                claims.expect(operation)
                yield begin(operation, carry_out(operation, self._terms(claims)))

        crew = self._background.spread(
            parcels(begun(), lambda one: one.size, self._limits),
            self._deliver,
            at_once=self._connection.concurrency if is_single else _BULKS_AT_ONCE,
        )
        try:
            # Not `yield from`: that would close the crew before the waiting is ended.
            while (pair := next(crew, None)) is not None:
                for one, outcome in zip(*pair, strict=True):
                    yield one.operation, outcome
        finally:
            self._background.call(self._exchange.stop)
            crew.close()
            self._background.call(self._exchange.resume)
            self._save()

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        """Ask the target what became of an operation whose outcome is unknown.

        Returns Unknown again if the target cannot say.
        """
        breakdown = self._find_out()
        if breakdown:
            return Unknown(breakdown)
        return self._background.run(
            self._carrier.converse(resolve(operation, self._terms(target_ids)))
        )

    # -- reading --------------------------------------------------------------------------------

    def discover(self) -> Capability:
        """Return what the target announces of itself; a missing or broken announcement is empty.

        Raises:
            TargetUnavailable: if it cannot be reached at all.

        """
        if self._capability is None:
            self._capability = self.hold(_discover())
            self._dialect = merged(self._dialect, self._capability)
            self._spoken = learned(self._dialect, self._lessons)
        return self._capability

    def read(self, resource_type: str, target_id: str) -> Mapping[str, Any] | None:
        """Return one resource, or None if it is not there.

        Raises:
            TargetUnavailable: if the target does not say.

        """
        return self.hold(read(resource_type, target_id))

    def count(self, resource_type: str) -> int:
        """Return how many resources of a type the target holds (RFC 7644 section 3.4.2).

        Raises:
            TargetUnavailable: if the target does not say.

        """
        self.discover()
        document = self.hold(_page(page_request(resource_type, 1, 1)))
        total = document.get("totalResults")
        return total if isinstance(total, int) else len(document.get("Resources") or ())

    def read_all(self, resource_type: str) -> Iterator[Mapping[str, Any]]:
        """Yield every resource of a type, each once, a page at a time.

        Raises:
            TargetUnavailable: if the target does not answer, or, at the end, if it gives the
                same page again and again, so that not all were read.

        """
        self.discover()
        listing = Listing(resource_type, self._spoken.read.page_size)
        while not listing.is_over:
            yield from listing.take(self.hold(_page(listing.request())))
        if listing.missing_count:
            message = f"{listing.missing_count} resources of type {resource_type} cannot be listed"
            raise TargetUnavailable(self._named(message))

    def check(self) -> TargetCheck:
        """Return whether the target can be used, and what it announces; nothing is changed."""
        try:
            capability = self.discover()
            document = self.hold(_page(page_request("User", 1, 1)))
        except TargetUnavailable as error:
            return TargetCheck(is_usable=False, words=str(error), capability=self._capability)
        if not document.keys() & {"Resources", "totalResults"}:
            words = "what it answers is no list of users: is base_url that of the SCIM service?"
            return TargetCheck(is_usable=False, words=words, capability=capability)
        words = f"lists users; changes go by {self._spoken.update.verb.upper()}"
        if not capability.is_announced:
            words += "; it announces nothing of itself, so the dialect file decides"
        return TargetCheck(is_usable=True, words=words, capability=capability)

    # -- how ------------------------------------------------------------------------------------

    def _find_out(self) -> str:
        """Discover before anything is written; return why not, or "" ."""
        try:
            self.discover()
        except TargetUnavailable as error:
            return str(error).removeprefix(self._named(""))
        return ""

    def _terms(self, claims: Claims | Mapping[str, str]) -> Terms:
        claims = claims if isinstance(claims, Claims) else Claims(claims)
        return Terms(self._spoken, claims, self._lessons)

    def _limits(self) -> BulkLimits | None:
        """Return how much goes into one request now; None if all go by themselves."""
        return bulk_limits(self._spoken, self._capability)

    async def _deliver(self, parcel: Sequence[Begun]) -> list[Outcome]:
        if self._breakdown:
            return [Unavailable(self._breakdown)] * len(parcel)
        outcomes = []
        for carried in await self._carrier.carry(parcel, self._learn_bulk):
            self._learn(carried.lessons)
            self._breakdown = self._breakdown or carried.breakdown
            outcomes.append(carried.outcome)
        return outcomes

    def _learn_bulk(self, largest_bytes: int) -> None:
        """Note that the target takes no bulk requests (0), or none that is larger."""
        self._learn({"bulk.max_bytes": largest_bytes} if largest_bytes else NO_BULK)

    def _learn(self, lessons: Lessons) -> None:
        news = {key: one for key, one in lessons.items() if self._lessons.get(key) != one}
        if news:
            self._lessons = {**self._lessons, **news}
            self._unsaved |= news
            self._spoken = learned(self._dialect, self._lessons)

    def _save(self) -> None:
        """Keep what was learnt; in the thread of the caller."""
        news, self._unsaved = self._unsaved, {}
        if news and self._memory is not None:
            self._memory.save(news)

    def hold(self, conversation: Conversation[T]) -> T:
        """Hold a conversation.

        Raises:
            TargetUnavailable: if it got no usable answer.

        """
        try:
            return self._background.run(self._carrier.converse(conversation))
        except Unanswered as unanswered:
            raise TargetUnavailable(self._named(unanswered.reason)) from unanswered

    def _named(self, words: str) -> str:
        return f"target {self._connection.name}: {words}"


def _discover() -> Conversation[Capability]:
    """Ask for ServiceProviderConfig; only a target that cannot be reached at all is an error."""
    reply = as_meant((yield Request("GET", CONFIG_PATH)))
    if isinstance(reply, NotSent):
        raise Unanswered(reply)
    if isinstance(reply, Answer) and reply.is_success:
        return parse_capability(document_of(reply))
    return Capability()


def _page(request: Request) -> Conversation[dict[str, Any]]:
    answer = yield from ask(request)
    if not answer.is_success:
        raise Unanswered(answer)
    return document_of(answer)
