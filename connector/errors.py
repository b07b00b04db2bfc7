"""One tree of errors; the second column is the contract with the caller.

::

    ConnectorError
      ConfigurationError      settings or a mapping file is wrong: exit at start, list every fault
      (StateError, in state/)  the state database cannot be used: exit, or end the cycle
      SourceUnavailable       end the cycle, keep state, try at the next
      UnsafePlanError         nothing is sent; an operator approves, or raises the limit once
      TargetUnavailable       end the cycle, keep state, try at the next
      CycleRunning            another cycle holds the lock: wait, or say who has it
      LoginError              the login ends; carries the SAML status code to answer (Core s3.2.2.2)
        RequestRefused        the request itself is not acceptable
        AuthenticationFailed  the person did not prove who they are
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


class UnsafePlanError(ConnectorError):
    """A plan exceeds a limit of its target; nothing of it was sent.

    Attributes:
        target: Name of the target.
        verb: What there is too much of, such as "delete".
        wanted_count: How many the plan holds.
        limit_count: How many the limit allows.
        known_count: How many resources, or memberships, the target is known to hold.
        limit: The limit as configured, such as "5%".

    """

    def __init__(
        self,
        target: str,
        verb: str,
        *,
        counts: tuple[int, int, int],
        limit: str,
        what: str = "resources",
    ) -> None:
        self.target = target
        self.verb = verb
        self.wanted_count, self.limit_count, self.known_count = counts
        self.limit = limit
        super().__init__(
            f"target {target}: {self.wanted_count} of {self.known_count} {what} to {verb},"
            f" limit {self.limit_count} (configured: {limit})"
        )


class TargetUnavailable(ConnectorError):
    """A target does not answer, or refuses everything that we send."""


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


class AuthenticationFailed(LoginError):
    """The person did not prove who they are; the browser is told one thing, the audit which."""

    status = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"


class PolicyDenied(LoginError):
    """The person is known and may not use this application."""
