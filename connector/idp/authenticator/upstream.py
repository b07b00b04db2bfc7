"""Have another identity provider say who somebody is, and find out whom that is here.

An upstream proves what a person is called there. Who that is, is for our own directory to say: one
active person of that name, with an e-mail address in a domain that the upstream may vouch for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from connector.errors import AuthenticationFailed, UpstreamRefused
from connector.idp.application.attribute_path import values_at
from connector.idp.message.context import AskedContext, wants_second_factor
from connector.idp.message.upstream_assertion import Expected
from connector.idp.message.upstream_request import Question, build_errand
from connector.idp.message.upstream_response import issuer_of, parse_response
from connector.idp.reason import Reason
from connector.idp.routing import domain_of
from connector.idp.store.upstreams import Taking
from connector.idp.upstream.identity_provider import key_name
from connector.idp.vouched import Declined, SentRequest, Vouched, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from connector.directory.person import DirectoryUser
    from connector.idp.binding import BoundMessage
    from connector.idp.message.answer import SigningKeys
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.message.upstream_assertion import Answered
    from connector.idp.message.upstream_request import Errand
    from connector.idp.store.upstreams import UpstreamStore
    from connector.idp.transaction import LoginTransaction
    from connector.idp.upstream.identity_provider import Upstream, Upstreams

# How old a Response may be that nobody asked for.
_UNSOLICITED_LIFETIME = timedelta(minutes=5)


class Names(Protocol):
    """Who exists."""

    def find_login(self, name: str) -> DirectoryUser | None:
        """Return whom a casefolded name signs in."""
        ...


@dataclass(frozen=True, slots=True)
class Received:
    """What came of an answer.

    Attributes:
        transaction_id: The login that waited for it; "" if nobody had asked.
        relay_state: What came with an answer that nobody had asked for.
        outcome: What it says.

    """

    transaction_id: str
    relay_state: str
    outcome: Vouched | Declined


@dataclass(frozen=True, slots=True)
class UpstreamAuthenticator:
    """Asks other identity providers, and takes their answers.

    Attributes:
        upstreams: Whom we believe, as of now.
        store: Keeps what was asked and used.
        keys: Sign what we ask.
        decryption_keys: Open what was encrypted for us.
        acs_url: Where we take answers.
        random: Returns that many unpredictable bytes.

    """

    upstreams: Callable[[], Upstreams]
    store: UpstreamStore
    keys: SigningKeys = field(repr=False)
    decryption_keys: Sequence[RSAPrivateKey] = field(repr=False)
    acs_url: str
    random: Callable[[int], bytes]

    def ask(
        self,
        upstream: Upstream,
        transaction: LoginTransaction,
        wanted: AuthnRequest,
        now: datetime,
        *,
        is_forced: bool,
    ) -> Errand:
        """Return what the browser takes to the upstream, for a login that waits from now on.

        Args:
            upstream: Whom to ask.
            transaction: The login.
            wanted: What the application wants; what we cannot give goes on to the upstream.
            now: When.
            is_forced: Whether the person must prove who they are in any case.

        Raises:
            UpstreamRefused: if what is known of the upstream is out of date.

        """
        _require_current(upstream, now)
        sent = SentRequest(
            relay_state=self.random(32).hex(),
            request_id=f"_{self.random(16).hex()}",
            transaction_id=transaction.transaction_id,
            upstream=upstream.name,
            is_forced=is_forced,
            sent_at=now,
            expires_at=transaction.expires_at,
        )
        self.store.add_request(sent)
        asked = AskedContext(wanted.context_classes, wanted.comparison)
        is_beyond_us = wanted.unmet == Reason.AUTHN_CONTEXT_UNSUPPORTED or wants_second_factor(
            asked
        )
        question = Question(
            sent.request_id,
            sent.relay_state,
            force_authn=is_forced,
            is_passive=wanted.is_passive,
            context_classes=wanted.context_classes if is_beyond_us else (),
            comparison=wanted.comparison,
        )
        key = self.keys.key_for(key_name(upstream.slug))
        return build_errand(question, upstream, key, acs_url=self.acs_url, now=now)

    def receive(self, message: BoundMessage, now: datetime) -> Received:
        """Take an answer in, and give it to the login that waits for it.

        Which browser brought it does not matter: whoever is let in must have the login's own.

        Raises:
            UpstreamRefused: if it is not to be believed; then no login has changed.

        """
        sent = self.store.request(message.relay_state, now) if message.relay_state else None
        if sent is None:
            return self._receive_unsolicited(message, now)
        upstream = self.upstreams().by_name(sent.upstream)
        if upstream is None:
            raise UpstreamRefused(Reason.UPSTREAM_UNKNOWN, f"nothing is known of {sent.upstream}")
        _require_current(upstream, now)
        expected = Expected(
            upstream,
            self.acs_url,
            sent.request_id,
            sent.sent_at,
            now,
            fresh_since=sent.sent_at if sent.is_forced else None,
        )
        answer = parse_response(message.document, expected, self.decryption_keys)
        if isinstance(answer, Declined):
            taking = self.store.take(sent, to_json(answer), None, now)
        else:
            use = (answer.vouched.authority, answer.assertion_id, answer.usable_until)
            taking = self.store.take(sent, to_json(answer.vouched), use, now)
        if taking is Taking.REPLAYED:
            raise UpstreamRefused(Reason.ASSERTION_REPLAYED, "was answered before")
        if taking is Taking.TOO_LATE:
            raise UpstreamRefused(Reason.TRANSACTION_ENDED, "the login does not wait for it")
        outcome = answer if isinstance(answer, Declined) else answer.vouched
        return Received(sent.transaction_id, "", outcome)

    def _receive_unsolicited(self, message: BoundMessage, now: datetime) -> Received:
        issuer = issuer_of(message.document)
        upstream = self.upstreams().by_issuer(issuer)
        if upstream is None:
            raise UpstreamRefused(Reason.ISSUER_UNKNOWN, f"no upstream is {issuer!r}"[:1024])
        if not upstream.allows_unsolicited:
            raise UpstreamRefused(Reason.RESPONSE_UNSOLICITED, "nobody asked for it")
        _require_current(upstream, now)
        expected = Expected(upstream, self.acs_url, "", now - _UNSOLICITED_LIFETIME, now)
        answer = parse_response(message.document, expected, self.decryption_keys)
        if isinstance(answer, Declined):
            raise UpstreamRefused(answer.reason, answer.words)
        if not self._use(answer):
            raise UpstreamRefused(Reason.ASSERTION_REPLAYED, "the assertion was used before")
        return Received("", message.relay_state, answer.vouched)

    def _use(self, answer: Answered) -> bool:
        issuer, until = answer.vouched.authority, answer.usable_until
        return self.store.use_assertion(issuer, answer.assertion_id, until)


def _require_current(upstream: Upstream, now: datetime) -> None:
    """Go on if the upstream's metadata has not ended: its keys are believed no longer than that."""
    if upstream.provider.has_ended(now):
        message = f"the metadata of {upstream.name} ended at {upstream.provider.valid_until}"
        raise UpstreamRefused(Reason.UPSTREAM_UNKNOWN, message)


def identify(vouched: Vouched, upstream: Upstream, directory: Names) -> DirectoryUser:
    """Return whom an upstream vouches for.

    Raises:
        AuthenticationFailed: with the reason, for the audit only.

    """
    folded = vouched.person.strip().casefold()
    # Some letters fold to others of ASCII, and a name there must not become another one here.
    is_plain = vouched.person.isprintable() and vouched.person.isascii() == folded.isascii()
    user = directory.find_login(folded) if is_plain else None
    if user is None or folded not in _names_of(user, upstream.match.equals):
        raise AuthenticationFailed(Reason.UNKNOWN_USER, f"nobody is called {vouched.person!r}")
    if home_domain(user) not in upstream.domains:
        message = f"{upstream.name} may not vouch for {home_domain(user) or 'no domain'}"
        raise AuthenticationFailed(Reason.DOMAIN_NOT_VOUCHED, message)
    return user


def home_domain(user: DirectoryUser) -> str:
    """Return the domain that decides who checks a person: of the primary address, or the name."""
    return domain_of(next(iter([*_addresses(user), str(user.document.get("userName", ""))])))


def _names_of(user: DirectoryUser, equals: str) -> set[str]:
    match equals:
        case "email":
            return {address.casefold() for address in _addresses(user)}
        case "bind":
            return {user.bind_name.casefold()}
        case _:
            return set(user.login_names)


def _addresses(user: DirectoryUser) -> tuple[str, ...]:
    return values_at(user.document, "emails.value")[:1]
