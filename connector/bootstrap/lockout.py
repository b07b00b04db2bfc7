"""Whether our limits of wrong passwords stay within those of the domain (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.bootstrap.finding import Finding
from connector.idp.authenticator.password import DEVICE_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from connector.settings import IdpSettings
    from connector.source.domain import DomainPolicy

_SUBJECT = "idp"


def check_lockout(
    policy: DomainPolicy | None, idp: IdpSettings, *, remembers: bool = False
) -> Iterator[Finding]:
    """Yield whether somebody who guesses passwords here can lock accounts of the domain.

    Args:
        policy: What the domain says; None if it does not.
        idp: Our limits.
        remembers: Whether devices may be remembered, which have a try of their own.

    """
    if policy is None:
        words = (
            "the directory does not say after how many wrong passwords it locks an account; see to"
            f" it that it is after more than max_failures ({idp.max_failures})"
        )
        yield Finding("warn", _SUBJECT, words)
    elif not policy.lockout_count:
        yield Finding("ok", _SUBJECT, "the domain locks no accounts")
    else:
        yield from _compare(policy, idp, DEVICE_COUNT if remembers else 0)


def _compare(policy: DomainPolicy, idp: IdpSettings, more: int) -> Iterator[Finding]:
    """Yield what is wrong; remembered devices have so many tries more."""
    is_within = True
    besides = f" (and {more} more in remembered devices)" if more else ""
    if idp.max_failures + more >= policy.lockout_count:
        is_within = False
        below = policy.lockout_count - 1 - more
        advice = (
            f"set it to {below} or less" if below > 0 else "raise the domain's lockoutThreshold"
        )
        words = (
            f"max_failures is {idp.max_failures}{besides}, and the domain locks an account at"
            f" {policy.lockout_count}: whoever guesses here can lock others out; {advice}"
        )
        yield Finding("warn", _SUBJECT, words)
    if idp.failure_window < policy.lockout_window:
        is_within = False
        words = (
            f"failure_window is {_minutes(idp.failure_window)}, and the domain counts for"
            f" {_minutes(policy.lockout_window)}: whoever guesses slowly can lock others out; set"
            f" it to {_minutes(policy.lockout_window)} or more"
        )
        yield Finding("warn", _SUBJECT, words)
    if is_within:
        words = (
            f"wrong passwords stay below the domain's lockout: {idp.max_failures} here{besides},"
            f" {policy.lockout_count} there"
        )
        yield Finding("ok", _SUBJECT, words)


def _minutes(time: timedelta) -> str:
    """Return a duration as the configuration has it, rounded up to minutes."""
    return f"{-(-int(time.total_seconds()) // 60)}m"
