"""What every kind of target does with its thread: hold a conversation, and deliver operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable

    from connector.planner.operation import Operation
    from connector.target.client.background import Background
    from connector.target.client.exchange import Exchange
    from connector.target.lookup import Conversation
    from connector.target.outcome import Outcome
    from connector.target.request import Request
    from connector.target.response import Reply

T = TypeVar("T")


async def converse(conversation: Conversation[T], ask: Callable[[Request], Awaitable[Reply]]) -> T:
    """Send what a conversation asks, until it returns something."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(await ask(request))
    except StopIteration as end:
        made: T = end.value
        return made


def delivered(
    operations: Iterable[Operation],
    deliver: Callable[[Operation], Awaitable[Outcome]],
    line: tuple[Background, Exchange],
    *,
    at_once: int,
) -> Generator[tuple[Operation, Outcome], None, None]:
    """Deliver operations, several at a time; yield each with its outcome as it comes.

    Closing the iterator waits for requests in flight and sends no other.
    """
    background, exchange = line
    crew = background.spread(operations, deliver, at_once=at_once)
    try:
        # Not `yield from`: that would close the crew before the waiting is ended.
        while (pair := next(crew, None)) is not None:
            yield pair
    finally:
        background.call(exchange.stop)
        crew.close()
        background.call(exchange.resume)
