"""What `connector check --online` finds."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.bootstrap.applications import feeds_of_applications
from connector.bootstrap.cycles import connect, load_dialects, load_mappings
from connector.bootstrap.duo import check_duo_online
from connector.bootstrap.federation import feeds_of_upstreams, metadata_client
from connector.bootstrap.finding import Finding
from connector.bootstrap.lockout import check_lockout, failures_at_most
from connector.bootstrap.mail import check_mail_online
from connector.clock import SystemClock
from connector.errors import SourceUnavailable
from connector.idp.application.fetching import fetch_one
from connector.source.reader import LdapSource, SourceCheck, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.idp.application.feed import Description, Feed
    from connector.settings import Settings, TargetSettings
    from connector.target.dialect import Dialect

LARGEST_SKEW = timedelta(minutes=2)
EXPIRY_WARNING = timedelta(days=30)


def check_online(settings: Settings) -> list[Finding]:
    """Return what source, targets, Duo and mail server say when asked; nothing is changed there."""
    findings = []
    if settings.source.kind == "ldap":
        findings += _check_source(settings)
    findings += map(_check_target, settings.target, load_dialects(settings))
    return [
        *findings,
        *_check_metadata(settings),
        *check_duo_online(settings, SystemClock()),
        *check_mail_online(settings),
    ]


def _check_metadata(settings: Settings) -> list[Finding]:
    """Return whether the metadata at URLs can be fetched; what comes is kept as a copy."""
    if settings.idp is None:
        return []
    client, now = metadata_client(settings), SystemClock().now()
    feeds: list[Feed[Description]] = []
    feeds += feeds_of_applications(settings)
    feeds += feeds_of_upstreams(settings)
    return [
        Finding("warn", f"{one.kind} {one.name}", f"its metadata: {one.problem}")
        if one.problem
        else Finding("ok", f"{one.kind} {one.name}", "its metadata could be fetched")
        for one in (fetch_one(feed, client, now) for feed in feeds)
    ]


def _check_source(settings: Settings) -> list[Finding]:
    mappings = load_mappings(settings)
    wanted = Wanted(tuple(mappings.user.wanted), tuple(mappings.group.wanted))
    try:
        found = LdapSource(settings.source, wanted, SystemClock()).check()
    except SourceUnavailable as error:
        return [Finding("fail", "source", str(error))]
    findings = [Finding("ok", "source", f"{found.server} answers and lets us in")]
    if not found.is_base_there:
        words = f"the base {settings.source.base} is not there, or not ours to see"
        findings.append(Finding("fail", "source", words))
    if found.clock_skew is not None and abs(found.clock_skew) > LARGEST_SKEW:
        seconds = int(found.clock_skew.total_seconds())
        findings.append(Finding("warn", "source", f"its clock is {seconds} s ahead of ours"))
    ends_at = found.certificate_ends_at
    if ends_at is not None and ends_at - SystemClock().now() < EXPIRY_WARNING:
        words = f"its certificate ends on {ends_at:%Y-%m-%d}"
        findings.append(Finding("warn", "source", words))
    if found.is_base_there:
        findings += _check_changes(found)
    if settings.idp is not None:
        findings += check_lockout(found.policy, settings.idp, failures_at_most(settings))
    return findings


def _check_changes(found: SourceCheck) -> Iterator[Finding]:
    """Yield how soon changes and deletions are noticed."""
    if found.untold:
        words = (
            f"changes cannot be read, so everything always is: the mapping or a filter depends on"
            f" {', '.join(found.untold)}, of which the server tells no change"
        )
        yield Finding("warn", "source", words)
    elif not found.changes_by:
        words = "changes cannot be read, so everything always is: it keeps no account of them"
        yield Finding("warn", "source", words)
    else:
        yield Finding("ok", "source", f"changes are read by {found.changes_by}")
    if not found.sees_deleted:
        words = (
            "deleted entries are hidden from the account: only full reads notice a deletion, and"
            " have no proof of it; see docs/configuration.md, [source]"
        )
        yield Finding("warn", "source", words)


def _check_target(target: TargetSettings, dialect: Dialect) -> Finding:
    with closing(connect(target, dialect)) as connection:
        found = connection.check()
    subject = f"target {target.name}"
    words = found.words.removeprefix(f"{subject}: ")
    return Finding("ok" if found.is_usable else "fail", subject, words)
