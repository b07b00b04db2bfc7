"""What the dispatcher of logins is made of; `bootstrap` puts it together."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from connector.audit import AuditEvent
from connector.idp.country import NoCountries
from connector.idp.notices import Silent
from connector.idp.routing import Routes
from connector.idp.session import SessionLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.audit import Audit
    from connector.clock import Clock
    from connector.directory.person import DirectoryUser
    from connector.idp.accounts import Accounts
    from connector.idp.application.catalogue import Catalogue
    from connector.idp.application.service_provider import Registry
    from connector.idp.authenticator import PasswordAuthenticator
    from connector.idp.authenticator.factors import Factors
    from connector.idp.authenticator.upstream import UpstreamAuthenticator
    from connector.idp.country import Countries
    from connector.idp.endpoints import IdpEndpoints
    from connector.idp.message.answer import Answerer
    from connector.idp.notices import Notices
    from connector.idp.policy import Policies
    from connector.idp.store.devices import DeviceStore
    from connector.idp.store.sign_ons import SignOnStore
    from connector.idp.store.standings import UserStandings
    from connector.idp.transaction import LoginTransaction


class DirectoryLookup(Protocol):
    """Who exists."""

    def find_login(self, name: str) -> DirectoryUser | None:
        """Return whom a casefolded name signs in."""
        ...

    def user(self, external_id: str) -> DirectoryUser | None:
        """Return the person with this key."""
        ...

    def standing(self, external_id: str) -> tuple[DirectoryUser, frozenset[str]] | None:
        """Return a person, and the casefolded names of all their groups, nested ones included."""
        ...

    def group_names(self, external_id: str) -> tuple[str, ...]:
        """Return the names of all those groups as the source writes them, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """Another site that the portal leads to; nobody is signed in there.

    Attributes:
        name: On the tile.
        url: Where it is.
        groups: Casefolded distinguished names of groups whose members see it, nested included.
        admits_everybody: Whoever is signed in sees it.

    """

    name: str
    url: str
    groups: frozenset[str] = frozenset()
    admits_everybody: bool = False


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """What the operator decided about logins.

    Attributes:
        endpoints: Our own names and addresses.
        organization: What people know us by.
        links: What the portal shows besides applications.
        sessions: How long a sign-on lasts.
        assertion_lifetime: How long an assertion may be used.
        login_lifetime: How long a person may take.

    """

    endpoints: IdpEndpoints
    sessions: SessionLimits = field(default_factory=SessionLimits)
    assertion_lifetime: timedelta = timedelta(minutes=5)
    login_lifetime: timedelta = timedelta(minutes=15)
    organization: str = "Sign-on"
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class LoginParts:
    """The parts of one identity provider; all of them are safe to use from several threads.

    Attributes:
        catalogue: The applications, as they are now.
        directory: Who exists.
        authenticator: Checks passwords.
        factors: Check whatever is proved besides.
        standings: What the help desk says of people.
        devices: Those that are remembered.
        answerer: Writes and signs the answers.
        store: Keeps what has happened.
        audit: Keeps why.
        settings: What the operator decided.
        clock: Tells the time.
        accounts: Those at the targets; None if no application has any.
        secret: Binds forms to their step.
        random: Returns that many unpredictable bytes, as `secrets.token_bytes`.
        routes: Who checks whom.
        upstream: Asks other identity providers; None if there are none.
        notices: Tells people what happened to their sign-on.
        countries: Tells in which country an address is.

    """

    catalogue: Catalogue
    directory: DirectoryLookup
    authenticator: PasswordAuthenticator
    factors: Factors
    standings: UserStandings
    devices: DeviceStore
    answerer: Answerer
    store: SignOnStore
    audit: Audit
    settings: LoginSettings
    clock: Clock
    secret: bytes = field(repr=False)
    random: Callable[[int], bytes]
    routes: Routes = field(default_factory=Routes)
    upstream: UpstreamAuthenticator | None = None
    accounts: Accounts | None = None
    notices: Notices = field(default_factory=Silent)
    countries: Countries = field(default_factory=NoCountries)

    @property
    def registry(self) -> Registry:
        """Return the applications; whoever needs several of them at once asks once."""
        return self.catalogue.registry

    @property
    def policies(self) -> Policies:
        """Return what has to be proved, where and how often."""
        return self.registry.policies

    def new_token(self, size_bytes: int) -> str:
        """Return unpredictable text for a URL or a cookie."""
        return urlsafe_b64encode(self.random(size_bytes)).rstrip(b"=").decode()

    def record(
        self,
        event: str,
        reason: str = "",
        *,
        actor: str = "",
        application: str = "",
        address: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Add an event to the audit; one with a reason is a failure."""
        outcome = "failure" if reason else "success"
        now = self.clock.now()
        self.audit.record(
            AuditEvent(now, event, outcome, reason, actor, application, address, details or {})
        )

    def keep_identity(
        self, transaction: LoginTransaction, person: str, by: str, application: str, address: str
    ) -> None:
        """Keep that somebody has proved in a login who they are, there and in the audit.

        Args:
            transaction: The login.
            person: external_id.
            by: "password", "passkey" or "upstream".
            application: Name of where they are going.
            address: Where the browser is.

        """
        now, details = self.clock.now(), {"proof": by}
        event = AuditEvent(
            now, "identity.proved", "success", "", person, application, address, details
        )
        self.store.set_verified(transaction.transaction_id, by, event)
