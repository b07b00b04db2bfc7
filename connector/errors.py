"""One tree of errors; the second column is the contract with the caller.

::

    ConnectorError
      ConfigurationError      settings or a mapping file is wrong: exit at start, list every fault
      (StateError, in state/)  the state database cannot be used: exit, or end the cycle
      SourceUnavailable       end the cycle, keep state, try at the next
        WatermarkLost         changes cannot be read from there: read in full
      PlanHeld                nothing is sent until an operator approves
        UnsafePlanError       a limit is exceeded; or the limit is raised once
      TargetUnavailable       end the cycle, keep state, try at the next
      ApplicationUnavailable  an application is not told; it is tried again later
      MailUnavailable         the mail server takes nothing now; messages wait for a day
      CycleRunning            another cycle holds the lock: wait, or say who has it
      LoginError              the login ends; carries the SAML status code to answer (Core s3.2.2.2)
        RequestRefused        the request itself is not acceptable
        UpstreamRefused       the answer of another identity provider is not acceptable
        AuthenticationFailed  the person did not prove who they are
          FactorRefused       not by this factor: ask again, or offer another one
        DuoUnavailable        Duo cannot be asked: nobody is let in, or without it, as configured
        PolicyDenied          the person is known, and may not enter here

Exceptions end a cycle or a login; values end one entry (`MappingProblem`, `Rejected`).
Messages carry the values, in lower case, without a full stop and without secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConnectorError(Exception):
    """Anything that this program refuses or cannot do, said in words for an operator."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in one file.

    Attributes:
        file: The file's name as the operator wrote it.
        key: Where in the file, such as "target[0].limits.max_deletes"; "" for the file as a whole.
        problem: What is wrong and what would be right.

    """

    file: str
    key: str
    problem: str

    def __str__(self) -> str:
        """Return one line, such as "connector.toml: source.servers: must name a server"."""
        return ": ".join(part for part in (self.file, self.key, self.problem) if part)


class ConfigurationError(ConnectorError):
    """Settings or a mapping file is wrong; holds every fault found, never only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SourceUnavailable(ConnectorError):
    """The source directory cannot be read, or the reading broke off."""


class WatermarkLost(SourceUnavailable):
    """What changed since a watermark cannot be told; a full read can be made."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What there is too much of in a plan.

    Attributes:
        verb: Such as "delete".
        what: Of what: "resources", "memberships" or "members of one group".
        wanted_count: How many the plan holds.
        spent_count: How many others were done within the day.
        limit_count: How many the limit allows.
        known_count: How many the target is known to hold.
        limit: The limit as configured, such as "5%".
        names: The first of those concerned.

    """

    verb: str
    what: str
    wanted_count: int
    spent_count: int
    limit_count: int
    known_count: int
    limit: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in words, with both numbers and the first names."""
        within = f" after {self.spent_count} within a day" if self.spent_count else ""
        more = self.wanted_count - len(self.names) if self.what == "resources" else 0
        named = f": {', '.join(self.names)}" if self.names else ""
        return (
            f"{self.wanted_count} of {self.known_count} {self.what} to {self.verb}{within},"
            f" limit {self.limit_count} (configured: {self.limit})"
            f"{named}{f' and {more} more' if more > 0 else ''}"
        )


class PlanHeld(ConnectorError):
    """A plan waits for an operator; nothing of it was sent."""

    def __init__(self, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"target {target}: {reason}")


class UnsafePlanError(PlanHeld):
    """A plan exceeds a limit of its target."""

    def __init__(self, target: str, excess: Excess) -> None:
        self.excess = excess
        super().__init__(target, str(excess))


class TargetUnavailable(ConnectorError):
    """A target does not answer, or refuses everything that we send."""


class ApplicationUnavailable(ConnectorError):
    """An application does not answer what one server asks another."""


class MailUnavailable(ConnectorError):
    """The mail server does not answer, or not as it must."""


class CycleRunning(ConnectorError):
    """Another process or thread runs a cycle on the same state."""


class LoginError(ConnectorError):
    """A login that ends without an assertion.

    Attributes:
        reason: A stable word for the audit and the log, such as "wrong-password".
        status: Second-level SAML status code URI (Core section 3.2.2.2) to answer with.

    """

    status = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"

    def __init__(self, reason: str, message: str = "") -> None:
        self.reason = reason
        super().__init__(message or reason)


class RequestRefused(LoginError):
    """The SAML request is not acceptable; nobody is asked for a password."""


class UpstreamRefused(LoginError):
    """The answer of another identity provider is not acceptable; nothing of it is kept."""


class AuthenticationFailed(LoginError):
    """The person did not prove who they are; the browser is told one thing, the audit which."""

    status = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"


class FactorRefused(AuthenticationFailed):
    """A second factor does not prove the person.

    Attributes:
        disabled_ids: Of the factors that stopped to work by this refusal; for the audit and a
            message to their owner.
        owner: external_id of whose they are, if whoever asked could not know; "" otherwise.

    """

    def __init__(
        self, reason: str, message: str = "", disabled_ids: Sequence[str] = (), owner: str = ""
    ) -> None:
        super().__init__(reason, message)
        self.disabled_ids = tuple(disabled_ids)
        self.owner = owner


class DuoUnavailable(LoginError):
    """Duo cannot be asked, or does not answer what was asked.

    Attributes:
        may_pass: Whether the operator wants the person to be let in without Duo's word.

    """

    def __init__(self, reason: str, message: str = "", *, may_pass: bool = False) -> None:
        self.may_pass = may_pass
        super().__init__(reason, message)


class NotProvisioned(LoginError):
    """The person may use this application, and has no usable account there yet."""


class PolicyDenied(LoginError):
    """The person is known and may not use this application."""
