"""A login's way over another identity provider: there, and back.

Who answers for somebody is decided twice by the same rules: by the address that was typed, to know
where to send the browser, and by the person's own address, once it is known who they are. So nobody
gets in by the word of a source that does not answer for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.errors import AuthenticationFailed, LoginError, UpstreamRefused
from connector.idp.authenticator.upstream import home_domain, identify
from connector.idp.entry import require_entry
from connector.idp.message.authn_request import from_json
from connector.idp.names import PASSWORD_CLASS, UNSPECIFIED_CLASS
from connector.idp.reason import Reason
from connector.idp.routing import domain_of
from connector.idp.transaction import Step, step_token
from connector.idp.view import AskEmail, SendToSource
from connector.idp.vouched import AD, Declined, Vouched, to_json
from connector.idp.vouched import from_json as read_outcome

if TYPE_CHECKING:
    from datetime import datetime

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.authenticator.password import Claim, MustChange, Verified
    from connector.idp.authenticator.upstream import Received, UpstreamAuthenticator
    from connector.idp.binding import BoundMessage
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.parts import LoginParts
    from connector.idp.session import SsoSession
    from connector.idp.transaction import LoginTransaction
    from connector.idp.upstream.identity_provider import Upstream

# Keys of messages.
NO_SOURCE = "no-source"
UPSTREAM_REFUSED = "upstream-refused"
UPSTREAM_DECLINED = "upstream-declined"
UPSTREAM_ERROR = "upstream-error"
OTHER_PERSON = "other-person"
# After these the same answer would come at once, if the person were not asked there.
_FORCING = frozenset({UPSTREAM_REFUSED, OTHER_PERSON})


def receive(parts: LoginParts, message: BoundMessage, address: str) -> Received:
    """Take in what an upstream answers.

    Raises:
        UpstreamRefused: if it is not to be believed.

    """
    try:
        return _authenticator(parts).receive(message, parts.clock.now())
    except UpstreamRefused as error:
        details = {"message": str(error)}
        parts.record("upstream.refused", error.reason, address=address, details=details)
        raise


def attach(parts: LoginParts, transaction_id: str, outcome: Vouched | Declined) -> None:
    """Give what nobody asked for to a login that has just begun."""
    _authenticator(parts).store.attach(transaction_id, outcome.upstream, to_json(outcome))


def proof_of(transaction: LoginTransaction, session: SsoSession | None = None) -> Vouched:
    """Return how a login verified somebody: by the word of an upstream, or here.

    Args:
        transaction: The login.
        session: The one that it adds a factor to, and that says so then; or None.

    """
    if session is not None:
        return Vouched(
            session.source,
            session.authority,
            session.external_id,
            session.authenticated_at,
            session.context_class,
            session.expires_at,
        )
    at = transaction.verified_at
    if at is None:
        message = f"login {transaction.transaction_id} verified nobody"
        raise ValueError(message)
    outcome = read_outcome(transaction.vouched) if transaction.vouched else None
    if isinstance(outcome, Vouched):
        return replace(outcome, context_class=outcome.context_class or UNSPECIFIED_CLASS)
    # No class says what a passkey is; whoever asks for two factors is told of them.
    is_passkey = transaction.first == "passkey"
    context_class = UNSPECIFIED_CLASS if is_passkey else PASSWORD_CLASS
    return Vouched(AD, "", transaction.external_id, at, context_class)


def answers_for(
    parts: LoginParts, source: str, user: DirectoryUser, application: Application, address: str
) -> bool:
    """Return whether a source is the one that answers for a person there."""
    rule = parts.routes.decide(home_domain(user), application.slug, address)
    return rule.source == source


def still_opens(
    parts: LoginParts, session: SsoSession, application: Application, address: str
) -> bool:
    """Return whether a sign-on is by the source that answers for the person at this application."""
    possible = parts.routes.sources(application.slug, address)
    if session.source not in possible or len(possible) == 1:
        return session.source in possible
    user = parts.directory.user(session.external_id)
    return user is not None and answers_for(parts, session.source, user, application, address)


def may_be_met_elsewhere(
    parts: LoginParts, request: AuthnRequest, application: Application, address: str
) -> bool:
    """Return whether what nobody here can give may be what an upstream can.

    That is a way to authenticate; whether the person really did so, the answer says in the end.
    """
    is_context = request.unmet == Reason.AUTHN_CONTEXT_UNSUPPORTED and request.context_classes
    return bool(is_context and parts.routes.sources(application.slug, address) - {AD})


def own_claim(parts: LoginParts, claim: Claim, application: Application) -> Claim:
    """Return a claim as it is counted: of nobody, if Active Directory does not answer for them."""
    typed = parts.routes.decide(domain_of(claim.name), application.slug, claim.address)
    is_theirs = claim.user is None or answers_for(parts, AD, claim.user, application, claim.address)
    return claim if typed.source == AD and is_theirs else replace(claim, user=None)


def check_password(
    parts: LoginParts, claim: Claim, application: Application, now: datetime
) -> Verified | MustChange:
    """Return that a password is right, of somebody for whom Active Directory answers.

    Whoever belongs to an upstream is refused as a name that nobody has: as slowly, as often, and
    without asking Active Directory.

    Raises:
        AuthenticationFailed: with the reason.

    """
    own = own_claim(parts, claim, application)
    if own is claim:
        return parts.authenticator.authenticate(claim, now)
    try:
        parts.authenticator.authenticate(own, now)
    except AuthenticationFailed as error:
        if error.reason != Reason.UNKNOWN_USER:
            raise
    raise AuthenticationFailed(Reason.OTHER_SOURCE, "an upstream answers for them")


@dataclass(frozen=True, slots=True)
class Detour:
    """One login, where others may answer for the person.

    Attributes:
        parts: Of the identity provider.
        transaction: The login.
        application: Where the person is going.
        address: Where the browser is.

    """

    parts: LoginParts
    transaction: LoginTransaction
    application: Application
    address: str

    def source(self) -> str:
        """Return who checks the person: `AD`, or the name of an upstream.

        Without an address it is an upstream only if it would be for everybody.
        """
        routes, slug = self.parts.routes, self.application.slug
        if not self.transaction.email:
            return routes.only_upstream(slug, self.address) or AD
        return routes.decide(domain_of(self.transaction.email), slug, self.address).source

    def leave(self) -> SendToSource | AskEmail:
        """Send the browser to the upstream that answers for the person; by itself once only.

        Whoever comes back without an answer has gone back, and may want to be somebody else.
        """
        transaction, upstream = self.transaction, self._upstream(self.source())
        domain = domain_of(transaction.email)
        if domain and domain not in upstream.domains:
            self.parts.store.set_email(transaction.transaction_id, "", NO_SOURCE)
            token = step_token(self.parts.secret, transaction, Step.EMAIL)
            return AskEmail(self.application.name, token, error=NO_SOURCE)
        request = from_json(transaction.request)
        errand = _authenticator(self.parts).ask(
            upstream,
            transaction,
            request,
            self.parts.clock.now(),
            is_forced=request.force_authn or transaction.error in _FORCING,
        )
        return SendToSource(
            self.application.name,
            step_token(self.parts.secret, transaction, Step.SOURCE),
            source_name=upstream.name,
            url=errand.url,
            fields=errand.fields,
            email=transaction.email,
            error=transaction.error,
            is_automatic=request.is_passive or not (transaction.sent_to or transaction.error),
        )

    def stay(self) -> LoginTransaction:
        """Return the login as one that waits for no upstream: Active Directory answers by now."""
        if not self.transaction.sent_to:
            return self.transaction
        self.parts.store.set_email(self.transaction.transaction_id, self.transaction.email)
        return replace(self.transaction, sent_to="", vouched=b"", error="")

    def come_back(self) -> str:
        """Find out whom the upstream vouches for, and keep it; or return why nobody is let in."""
        outcome = read_outcome(self.transaction.vouched)
        details = {"upstream": outcome.upstream, "email": self.transaction.email}
        if isinstance(outcome, Declined):
            is_refusal = outcome.reason == Reason.UPSTREAM_AUTHN_FAILED
            error = UPSTREAM_DECLINED if is_refusal else UPSTREAM_ERROR
            return self._refuse(outcome.reason, error, details | {"message": outcome.words})
        details |= {"person": outcome.person}
        try:
            user = self._admit(outcome)
        except LoginError as error:
            key = OTHER_PERSON if error.reason == Reason.OTHER_PERSON else UPSTREAM_REFUSED
            return self._refuse(error.reason, key, details | {"message": str(error)})
        self.parts.keep_identity(
            self.transaction, user.external_id, "upstream", self.application.name, self.address
        )
        return ""

    def _admit(self, vouched: Vouched) -> DirectoryUser:
        """Return whom an upstream vouches for, who may enter.

        Raises:
            AuthenticationFailed: if it is nobody whom it may vouch for here.
            PolicyDenied: if they may not enter.

        """
        user = identify(vouched, self._upstream(vouched.upstream), self.parts.directory)
        if not answers_for(self.parts, vouched.upstream, user, self.application, self.address):
            message = f"{vouched.upstream} does not answer for them there"
            raise AuthenticationFailed(Reason.OTHER_SOURCE, message)
        # On a computer that several people use, the upstream may still know the last of them.
        typed = self.transaction.email.casefold()
        meant = self.parts.directory.find_login(typed) if typed else user
        if meant is None or meant.external_id != user.external_id:
            raise AuthenticationFailed(Reason.OTHER_PERSON, f"{typed} was typed")
        return require_entry(self.parts, user.external_id, self.application)

    def _refuse(self, reason: str, error: str, details: dict[str, str]) -> str:
        _authenticator(self.parts).store.refuse(self.transaction.transaction_id, error)
        self.parts.record(
            "login.failed",
            reason,
            application=self.application.name,
            address=self.address,
            details=details,
        )
        return reason

    def _upstream(self, name: str) -> Upstream:
        found = _authenticator(self.parts).upstreams().by_name(name)
        if found is None:  # its metadata could not be had, or it was taken out meanwhile
            raise UpstreamRefused(Reason.UPSTREAM_UNKNOWN, f"nothing is known of {name}")
        return found


def _authenticator(parts: LoginParts) -> UpstreamAuthenticator:
    if parts.upstream is None:
        raise UpstreamRefused(Reason.UPSTREAM_UNKNOWN, "no upstream is known")
    return parts.upstream
