"""The thread that delivers what is queued, by whichever process; one process of the program has it.

Two daemons on one state may both have one: each message is claimed by one of them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from connector.errors import MailUnavailable
from connector.mail.letter import Deferred, Taken
from state.errors import StateError

if TYPE_CHECKING:
    from connector.clock import Clock
    from connector.mail.letter import GivenUp, Letter, Outcome
    from connector.mail.outbox import Outbox

LOOK_SECONDS = 1.0
# After a failure of the server or the database, twice as long each time.
SHORTEST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 300.0
# What is being said to the server when the program ends is given so long to be finished.
GRACE_SECONDS = 2.0

log = structlog.get_logger()


class Session(Protocol):
    """An open line to the mail server."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        ...

    def __exit__(self, *unused: object) -> None:
        """Close it."""
        ...

    @property
    def is_open(self) -> bool:
        """Return whether another message can be handed over."""
        ...

    def send(self, letter: Letter) -> Outcome:
        """Hand a message over."""
        ...

    def abort(self) -> None:
        """End what is under way; called by another thread."""
        ...


class Server(Protocol):
    """Where messages are handed over."""

    def open(self) -> Session:
        """Return a session; raise MailUnavailable if there can be none now."""
        ...


class Post:
    """Delivers in a thread of its own, from `start` to `stop`."""

    def __init__(self, outbox: Outbox, server: Server, clock: Clock) -> None:
        self._outbox = outbox
        self._server = server
        self._clock = clock
        self._stopping = threading.Event()
        self._session: Session | None = None
        self._failed_count = 0
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="mail", daemon=True)

    def start(self) -> None:
        """Deliver what is due, now and whenever something is."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver no more; what is under way ends in seconds, done or not."""
        self._stopping.set()
        if not self._thread.is_alive():
            return
        self._thread.join(GRACE_SECONDS)
        if self._thread.is_alive() and (session := self._session) is not None:
            session.abort()
        # One that is just being connected ends with the process: nothing was handed over by it.
        self._thread.join(GRACE_SECONDS)

    def look(self) -> float:
        """Deliver what is due; return after how many seconds to look again."""
        try:
            if not self._outbox.is_due(self._clock.now()):
                return LOOK_SECONDS
            for entry in self._outbox.give_up_hopeless(self._clock.now()):
                _log_given_up(entry.external_id, entry.notice, entry.given_up)
            if self._outbox.is_due(self._clock.now()):
                self._deliver()
        except (MailUnavailable, StateError) as error:
            return self._fail(error)
        self._failed_count, self._failure = 0, ""
        return LOOK_SECONDS

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self.look())

    def _deliver(self) -> None:
        """Hand over what is due, one after the other, as long as the server listens."""
        with self._server.open() as session:
            self._session = session
            try:
                while session.is_open and not self._stopping.is_set():
                    letter = self._outbox.claim(self._clock.now())
                    if letter is None:
                        return
                    outcome = session.send(letter)
                    given_up = self._outbox.note(letter.letter_id, outcome, self._clock.now())
                    _log_outcome(letter, outcome, given_up)
            finally:
                self._session = None

    def _fail(self, error: MailUnavailable | StateError) -> float:
        """Keep what went wrong, say it if it is news, and return how long to wait."""
        # Beyond that the doubling only makes large numbers.
        doublings = min(self._failed_count, 10)
        pause = min(SHORTEST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS)
        self._failed_count += 1
        if str(error) != self._failure:
            self._failure = str(error)
            log.warning("mail.failed", reason=self._failure)
        if isinstance(error, MailUnavailable) and not self._stopping.is_set():
            try:
                self._outbox.note_unreachable(self._failure, self._clock.now())
            except StateError as other:
                log.warning("mail.failed", reason=str(other))
        return float(pause)


def _log_outcome(letter: Letter, outcome: Outcome, given_up: GivenUp | None) -> None:
    """Log what became of a message; a server's own words may name the recipient, its code not."""
    person = {"external_id": letter.external_id, "notice": letter.notice}
    match outcome:
        case Taken():
            log.info("mail.sent", **person)
        case _ if given_up is not None:
            _log_given_up(letter.external_id, letter.notice, given_up.value, outcome.code)
        case Deferred(words=words, code=code):
            log.info(
                "mail.postponed", **person, reason=f"the mail server says {code}" if code else words
            )


def _log_given_up(external_id: str, notice: str, reason: str, code: int = 0) -> None:
    said = {"code": code} if code else {}
    log.warning("mail.given_up", external_id=external_id, notice=notice, reason=reason, **said)
