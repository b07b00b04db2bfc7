"""An exchange whose requests carry a token that ends (RFC 6749 section 4.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connector.target.client.exchange import Exchange
from connector.target.mimecast_api.token import Token, parse_token
from connector.target.response import UNAUTHORIZED, Answer, NotSent, Reply, reason_of

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from connector.clock import Clock
    from connector.target.connection import TargetConnection
    from connector.target.request import Request
    from connector.target.retry import ResetUnit, RetryPolicy


class TokenExchange(Exchange):
    """Requests to one target; before the first, and before a token ends, one more for a token."""

    def __init__(
        self,
        connection: TargetConnection,
        policy: RetryPolicy,
        reset_unit: ResetUnit,
        clock: Clock,
        *,
        token_request: Request,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(connection, policy, reset_unit, clock, transport=transport)
        self._token_request = token_request
        self._token_clock = clock
        self._token: Token | None = None
        self._is_renewed = asyncio.Lock()

    async def ask(self, request: Request) -> Reply:
        """Return the reply to a request; once more with a new token if the token is refused.

        A 401 says for certain that nothing was done. Without a token, the request is NotSent.
        """
        token = await self._token_other_than(None)
        if isinstance(token, NotSent):
            return token
        reply = await super().ask(token.on(request))
        if not isinstance(reply, Answer) or reply.status != UNAUTHORIZED:
            return reply
        token = await self._token_other_than(token)
        return token if isinstance(token, NotSent) else await super().ask(token.on(request))

    async def _token_other_than(self, refused: Token | None) -> Token | NotSent:
        """Return a token that is good now; many requests that need a new one share it."""
        async with self._is_renewed:
            token = self._token
            now = self._token_clock.now()
            if token is not None and token is not refused and now < token.use_until:
                return token
            reply = await super().ask(self._token_request)
            made = _token_of(reply, now)
            self._token = made if isinstance(made, Token) else None
            return made


def _token_of(reply: Reply, now: datetime) -> Token | NotSent:
    if not isinstance(reply, Answer):
        return NotSent(f"no token: {reply.reason}")
    if not reply.is_success:
        return NotSent(f"no token: answered {reply.status}: {reason_of(reply)}")
    return parse_token(reply, now) or NotSent("no token: there is none in the answer")
