"""Conversations carried over an exchange: each by itself, or the first requests of many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from connector.target.bulk import (
    is_refused,
    is_too_large,
    is_understood,
    replies_of,
    size_of,
    to_bulk,
)
from connector.target.request import Request
from connector.target.response import Answer, as_meant
from connector.target.retry import RETRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connector.planner.operation import Operation
    from connector.target.client.exchange import Exchange
    from connector.target.conversation import Carried
    from connector.target.lookup import Conversation
    from connector.target.response import Reply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation whose conversation has been begun.

    Attributes:
        operation: What is to be done.
        conversation: All that it may take.
        next: What it asks for first; or how it ended, if there is nothing to ask.

    """

    operation: Operation
    conversation: Conversation[Carried]
    next: Request | Carried

    @property
    def size(self) -> int:
        """Return how many bytes it takes within a bulk request; 0 if it is not to be in one."""
        return size_of(self.next) if isinstance(self.next, Request) and self.is_write else 0

    @property
    def is_write(self) -> bool:
        """Return whether its first request may travel with others."""
        return isinstance(self.next, Request) and self.next.method != "GET"


def begin(operation: Operation, conversation: Conversation[Carried]) -> Begun:
    """Return the operation with its conversation begun."""
    try:
        return Begun(operation, conversation, next(conversation))
    except StopIteration as end:
        return Begun(operation, conversation, end.value)


class Carrier:
    """Sends what conversations ask for."""

    def __init__(self, exchange: Exchange, *, at_once: int) -> None:
        """Make ready.

        Args:
            exchange: Over which.
            at_once: Conversations that go on by themselves after a bulk request, at most.

        """
        self._exchange = exchange
        self._at_once = at_once

    async def converse(self, conversation: Conversation[T]) -> T:
        """Send what a conversation asks, until it returns something."""
        try:
            return await self._go_on(conversation, next(conversation))
        except StopIteration as end:
            made: T = end.value
            return made

    async def carry(
        self, parcel: Sequence[Begun], learn_bulk: Callable[[int], None]
    ) -> list[Carried]:
        """Carry all of these out; return how each ended, in their order.

        Args:
            parcel: Operations on different resources.
            learn_bulk: Is told how many bytes are too many for the target in one request; 0 for
                any, because it takes no bulk requests.

        """
        if len(parcel) == 1:
            return [await self._go_on(parcel[0].conversation, parcel[0].next)]
        requests = [one.next for one in parcel if isinstance(one.next, Request) and one.is_write]
        if len(requests) < 2:
            return await self._each(parcel, [])
        reply = as_meant(await self._exchange.ask(to_bulk(requests)))
        if is_too_large(reply):
            learn_bulk(sum(one.size for one in parcel) // 2)
            middle = len(parcel) // 2
            halves = parcel[:middle], parcel[middle:]
            return [one for half in halves for one in await self.carry(half, learn_bulk)]
        if is_refused(reply):
            learn_bulk(0)
            return await self._each(parcel, [])
        if not is_understood(reply):
            learn_bulk(0)
        return await self._each(parcel, replies_of(requests, reply))

    async def _each(self, parcel: Sequence[Begun], replies: Sequence[Reply]) -> list[Carried]:
        """Let each conversation go on with its own reply, or with its request if there are none."""
        waiting = iter(replies)
        nexts = [
            _answered(one, next(waiting)) if replies and one.is_write else one.next
            for one in parcel
        ]
        turns = asyncio.Semaphore(self._at_once)

        async def end(begun: Begun, then: Request | Carried) -> Carried:
            async with turns:
                return await self._go_on(begun.conversation, then)

        open_ones = [
            end(one, then)
            for one, then in zip(parcel, nexts, strict=True)
            if isinstance(then, Request)
        ]
        later = iter(await asyncio.gather(*open_ones))
        return [next(later) if isinstance(then, Request) else then for then in nexts]

    async def _go_on(self, conversation: Conversation[T], then: Request | T) -> T:
        try:
            while isinstance(then, Request):
                then = conversation.send(await self._exchange.ask(then))
        except StopIteration as end:
            made: T = end.value
            return made
        return then


def _answered(begun: Begun, reply: Reply) -> Request | Carried:
    """Return what a conversation asks for after this reply, or how it ends."""
    if isinstance(reply, Answer) and reply.status in RETRIED:
        # Not done, for certain; by itself it is asked again until it is.
        return begun.next
    try:
        return begun.conversation.send(reply)
    except StopIteration as end:
        ended: Carried = end.value
        return ended
