"""Mimecast's API 2.0 as one target, for callers that know nothing of HTTP (step 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from connector.clock import SystemClock
from connector.errors import TargetUnavailable
from connector.target.claims import Claims
from connector.target.client.background import Background
from connector.target.client.converse import converse, delivered
from connector.target.client.token_exchange import TokenExchange
from connector.target.connection import TargetCheck, within_hints
from connector.target.lookup import Unanswered
from connector.target.mimecast_api.conversation import Terms, carry_out, resolve
from connector.target.mimecast_api.lookup import (
    Pages,
    Row,
    find_user,
    folder_pages,
    groups_in,
    read_members,
    to_group,
    to_user,
    user_pages,
)
from connector.target.mimecast_api.token import token_request
from connector.target.outcome import Outcome, Unavailable
from connector.target.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    import httpx

    from connector.clock import Clock
    from connector.planner.operation import Operation
    from connector.target.connection import ApiAccess, TargetConnection
    from connector.target.dialect import Dialect
    from connector.target.lookup import Conversation

T = TypeVar("T")


class MimecastApiTarget:
    """A connection to Mimecast's API 2.0; for one caller at a time.

    Nothing is sent before the first call.
    """

    def __init__(
        self,
        connection: TargetConnection,
        dialect: Dialect,
        access: ApiAccess,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make ready.

        Args:
            connection: How it is reached.
            dialect: How many resources a page has, and how fast it may be asked; no more of it.
            access: Whom it knows us as, and where our groups are.
            transport: Instead of the network, for tests.
            policy: How patient to be.
            clock: Tells when a token ends; default: the machine's.

        Raises:
            ConfigurationError: if the certificates cannot be read.

        """
        self._connection = within_hints(connection, dialect)
        self._folder = access.folder
        self._page_size = dialect.read.page_size
        self._breakdown = ""
        self._exchange = TokenExchange(
            self._connection,
            policy or RetryPolicy(),
            dialect.pace.reset_unit,
            clock or SystemClock(),
            token_request=token_request(access.client_id, access.client_secret),
            transport=transport,
        )
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
        self._breakdown = ""
        terms = self._terms(target_ids)

        async def deliver(operation: Operation) -> Outcome:
            return await self._deliver(operation, terms)

        def expected() -> Iterator[Operation]:
            for operation in operations:
                terms.claims.expect(operation)
                yield operation

        line = (self._background, self._exchange)
        return delivered(expected(), deliver, line, at_once=self._connection.concurrency)

    def resolve(self, operation: Operation, target_ids: Mapping[str, str]) -> Outcome:
        """Ask the target what became of an operation whose outcome is unknown.

        Returns Unknown again if the target cannot say.
        """
        conversation = resolve(operation, self._terms(target_ids))
        return self._background.run(converse(conversation, self._exchange.ask))

    # -- reading --------------------------------------------------------------------------------

    def read(self, resource_type: str, target_id: str) -> Mapping[str, Any] | None:
        """Return one resource, or None if it is not there.

        Raises:
            TargetUnavailable: if the target does not say.

        """
        if resource_type == "User":
            return self._hold(find_user(target_id, self._page_size))
        for row in self._hold(self._group_rows()):
            if str(row.get("id")) == target_id:
                return to_group(row, self._members(target_id))
        return None

    def read_all(self, resource_type: str) -> Iterator[Mapping[str, Any]]:
        """Yield every resource of a type; people a page at a time.

        Raises:
            TargetUnavailable: if the target does not answer, or not to the end of the list.

        """
        if resource_type == "User":
            yield from self._users()
            return
        for row in self._hold(self._group_rows()):
            yield to_group(row, self._members(str(row.get("id"))))

    def count(self, resource_type: str) -> int:
        """Return how many resources of a type the target holds, ours or not.

        Raises:
            TargetUnavailable: if the target does not say.

        """
        if resource_type == "User":
            return sum(1 for _ in self._users())
        return len(self._hold(self._group_rows()))

    def check(self) -> TargetCheck:
        """Return whether the target can be used; nothing is changed."""
        try:
            self._hold(user_pages(1).next())
            self._hold(self._group_rows())
        except TargetUnavailable as error:
            return TargetCheck(is_usable=False, words=str(error))
        return TargetCheck(is_usable=True, words="gives us a token, lists users and groups")

    # -- how ------------------------------------------------------------------------------------

    def _terms(self, target_ids: Mapping[str, str]) -> Terms:
        return Terms(Claims(target_ids), self._page_size, self._folder)

    async def _deliver(self, operation: Operation, terms: Terms) -> Outcome:
        if self._breakdown:
            return Unavailable(self._breakdown)
        try:
            return await converse(carry_out(operation, terms), self._exchange.ask)
        except Unanswered as unanswered:
            if unanswered.is_breakdown:
                self._breakdown = unanswered.reason
            return Unavailable(unanswered.reason)

    def _members(self, group_id: str) -> tuple[str, ...]:
        return self._hold(read_members(group_id, self._page_size))

    def _users(self) -> Iterator[Row]:
        pages: Pages = user_pages(self._page_size)
        while not pages.is_over:
            rows = self._hold(pages.next())
            yield from (user for row in rows if (user := to_user(row)) is not None)

    def _group_rows(self) -> Conversation[list[Row]]:
        folders = yield from folder_pages(self._page_size).rest()
        return groups_in(folders, self._folder)

    def _hold(self, conversation: Conversation[T]) -> T:
        """Hold a conversation.

        Raises:
            TargetUnavailable: if it got no usable answer.

        """
        try:
            return self._background.run(converse(conversation, self._exchange.ask))
        except Unanswered as unanswered:
            message = f"target {self._connection.name}: {unanswered.reason}"
            raise TargetUnavailable(message) from unanswered
