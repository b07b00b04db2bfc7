"""Duo's Universal Prompt as a second factor: the person goes there, and Duo says what came of it.

Duo decides by its own policy what proves somebody there, a remembered device included. Whether
anybody is let in without Duo while it does not answer is the operator's decision, and holds for
the question only: who brings a code back has Duo's word, or none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import structlog

from connector.errors import DuoUnavailable, FactorRefused
from connector.idp.application.attribute_path import values_at
from connector.idp.authenticator.duo_token import (
    DuoQuestion,
    ExpectedToken,
    sign_question,
    verify_token,
)
from connector.idp.factor import FactorKind, Proof
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.authenticator.duo_client import DuoClient

# Nobody enrols Duo here: it is one and the same for everybody who uses it.
FACTOR_ID: Final = "duo"
_PAUSE_SECONDS: Final = 5.0

_log = structlog.get_logger()


class Outage:
    """Why Duo could not be asked, when somebody last tried; one for each process.

    Everybody waits for an answer in a thread that others need too. So while Duo is silent, one of
    them finds out every few seconds, and the others are told what was found.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Take what counts seconds: to find out may have taken as long as the pause."""
        self._seconds = seconds
        self._last: tuple[float, str, str] | None = None

    def begin(self, reason: str, words: str) -> bool:
        """Remember why Duo cannot be asked; return whether it could before."""
        is_news = self._last is None
        self._last = (self._seconds(), reason, words)
        return is_news

    def end(self) -> bool:
        """Forget it, since Duo answers; return whether it did not before."""
        is_news = self._last is not None
        self._last = None
        return is_news

    def found(self) -> tuple[str, str] | None:
        """Return reason and words if somebody found out a moment ago."""
        last = self._last  # another thread may forget it meanwhile
        if last is None:
            return None
        at, reason, words = last
        return (reason, words) if self._seconds() < at + _PAUSE_SECONDS else None


@dataclass(frozen=True, slots=True)
class DuoFactor:
    """Asks Duo; safe to use from several threads.

    Attributes:
        client: Talks with Duo.
        redirect_uri: Where Duo sends the browser back to.
        user_name: SCIM attribute path of what people are called at Duo.
        fails_open: Whether people are let in without Duo while it does not answer.
        open_for: Names of applications for which that is so in any case.
        outage: Spares everybody but one the waiting while Duo is silent.

    """

    client: DuoClient
    redirect_uri: str
    user_name: str = "userName"
    fails_open: bool = False
    open_for: frozenset[str] = frozenset()
    outage: Outage = field(default_factory=Outage)

    def name_of(self, user: DirectoryUser) -> str:
        """Return what somebody is called at Duo.

        Raises:
            FactorRefused: if the directory does not say it, or says several.

        """
        names = values_at(user.document, self.user_name)
        if len(names) != 1:
            words = f"{len(names)} values at {self.user_name}, where Duo's user name should be"
            raise FactorRefused(Reason.DUO_NAME_MISSING, words)
        return names[0]

    def ask(
        self,
        user_name: str,
        state: str,
        nonce: str,
        now: datetime,
        *,
        application_name: str = "",
        is_forced: bool = False,
    ) -> str:
        """Return where to send the browser, after Duo has said that it is there.

        Args:
            user_name: What the person is called at Duo; see `name_of`.
            state: Comes back with the browser; at least 16 characters of URL-safe base64.
            nonce: Comes back in the token; likewise. The two must be kept, and are good once.
            now: The question is good for four minutes.
            application_name: Where the person is going, for Duo's app and log.
            is_forced: Whether a device that Duo remembers is not enough; then give `check` the
                moment of the question.

        Raises:
            DuoUnavailable: if it cannot be asked; `may_pass` says whether to go on without.

        """
        self._require_health(now, application_name)
        application = self.client.application
        question = DuoQuestion(
            user_name, state, nonce, self.redirect_uri, application_name, is_forced
        )
        query = {
            "response_type": "code",
            "client_id": application.client_id,
            "request": sign_question(application, question, now),
        }
        return f"{application.authorize_url}?{urlencode(query)}"

    def check(
        self,
        code: str,
        nonce: str,
        user_name: str,
        now: datetime,
        external_id: str,
        *,
        fresh_since: datetime | None = None,
    ) -> Proof:
        """Return that the person proved themselves at Duo.

        Args:
            code: As the browser brought it back; see `duo_answer.read_callback`.
            nonce: As it was given to `ask`, for this login.
            user_name: As it was given to `ask`.
            now: The present moment.
            external_id: The person.
            fresh_since: When `ask` was called with `is_forced`.

        Raises:
            FactorRefused: with the reason.
            DuoUnavailable: if Duo does not say what the code stands for; nobody passes then.

        """
        token = self.client.exchange(code, self.redirect_uri, now)
        expected = ExpectedToken(user_name, nonce, fresh_since)
        verify_token(self.client.application, token, expected, now)
        return Proof(FactorKind.DUO, external_id, FACTOR_ID, now)

    def _require_health(self, now: datetime, application_name: str) -> None:
        problem = self.outage.found() or self._find_problem(now)
        if problem is None:
            return
        reason, words = problem
        is_open = self.fails_open or application_name in self.open_for
        # Who does not know us is there: what is wrong is ours, and would stay so unnoticed.
        may_pass = is_open and reason == Reason.DUO_UNAVAILABLE
        raise DuoUnavailable(reason, words, may_pass=may_pass)

    def _find_problem(self, now: datetime) -> tuple[str, str] | None:
        try:
            self.client.check_health(now)
        except DuoUnavailable as error:
            if self.outage.begin(error.reason, str(error)):
                _log.error("duo.failed", reason=error.reason, problem=str(error))
            return error.reason, str(error)
        if self.outage.end():
            _log.info("duo.answered")
        return None
