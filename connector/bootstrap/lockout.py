"""Whether our limits of wrong passwords stay within those of the domain (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.bootstrap.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from connector.settings import IdpSettings, Settings
    from connector.source.domain import DomainPolicy

_SUBJECT = "idp"


def failures_at_most(settings: Settings) -> int:
    """Return how many wrong passwords of one account the domain may come to see.

    Whoever comes from a browser that was remembered has one more than others.
    """
    layers = [settings.policy]
    for application in settings.application:
        layers += [application.policy, *application.group_policy]
    is_one_more = any(each is not None and each.remembered_devices != "off" for each in layers)
    return (settings.idp.max_failures if settings.idp else 0) + is_one_more


def check_lockout(policy: DomainPolicy | None, idp: IdpSettings, at_most: int) -> Iterator[Finding]:
    """Yield whether somebody who guesses passwords here can lock accounts of the domain.

    Args:
        policy: What the domain says; None if it does not.
        idp: Our limits.
        at_most: See `failures_at_most`.

    """
    if policy is None:
        words = (
            "the directory does not say after how many wrong passwords it locks an account; see to"
            f" it that it is after more than max_failures ({idp.max_failures}{_own(idp, at_most)})"
        )
        yield Finding("warn", _SUBJECT, words)
    elif not policy.lockout_count:
        yield Finding("ok", _SUBJECT, "the domain locks no accounts")
    else:
        yield from _compare(policy, idp, at_most)


def _compare(policy: DomainPolicy, idp: IdpSettings, at_most: int) -> Iterator[Finding]:
    is_within = True
    if at_most >= policy.lockout_count:
        is_within = False
        below = policy.lockout_count - 1 - (at_most - idp.max_failures)
        advice = (
            f"set it to {below} or less" if below > 0 else "raise the domain's lockoutThreshold"
        )
        words = (
            f"max_failures is {idp.max_failures}{_own(idp, at_most)}, and the domain locks an"
            f" account at {policy.lockout_count}: whoever guesses here can lock others out;"
            f" {advice}"
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
            f"wrong passwords stay below the domain's lockout: {at_most} here,"
            f" {policy.lockout_count} there"
        )
        yield Finding("ok", _SUBJECT, words)


def _own(idp: IdpSettings, at_most: int) -> str:
    """Return in words what an owner has besides."""
    return ", with one more in a remembered browser" if at_most > idp.max_failures else ""


def _minutes(time: timedelta) -> str:
    """Return a duration as the configuration has it, rounded up to minutes."""
    return f"{-(-int(time.total_seconds()) // 60)}m"
