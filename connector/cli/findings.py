"""What `connector check` finds without any connection: everything that is wrong, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.bootstrap.applications import load_registry
from connector.bootstrap.cycles import load_dialects, load_mappings
from connector.bootstrap.duo import check_duo
from connector.bootstrap.federation import load_federation
from connector.bootstrap.finding import Finding
from connector.bootstrap.keys import check_keys
from connector.bootstrap.mail import check_mail
from connector.bootstrap.opening import find_state, mapping_folders
from connector.bootstrap.passkeys import check_passkeys
from connector.bootstrap.policies import load_policies, rules_of
from connector.bootstrap.policy_check import lint_policies
from connector.clock import SystemClock
from connector.errors import ConfigurationError
from connector.idp.application.attribute_set import load_attribute_sets
from connector.idp.country import open_countries
from connector.idp.upstream.lint import lint
from connector.mapping.examples import check_examples
from connector.sync.leaving import check_leave
from connector.sync.schedule import parse_cron
from state.errors import StateError

if TYPE_CHECKING:
    from connector.errors import Fault
    from connector.settings import Settings, TargetSettings


def check_offline(settings: Settings) -> list[Finding]:
    """Return what is right and wrong with the configuration, without any connection.

    Raises:
        ConfigurationError: with every fault of the schedule and of the mapping, dialect and
            metadata files.

    """
    faults: list[Fault] = []
    findings: list[Finding] = []
    looks = (
        _check_schedule,
        _check_mappings,
        _check_dialects,
        _check_leave,
        _check_applications,
        _check_policies,
        _check_countries,
        _check_state,
        _check_federation,
        check_duo,
        _check_mail,
    )
    for look in looks:
        try:
            findings += look(settings)
        except ConfigurationError as error:
            faults += error.faults
    if faults:
        # One file may serve two targets.
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return findings


def _check_schedule(settings: Settings) -> list[Finding]:
    if settings.schedule.cron:
        parse_cron(settings.schedule.cron)
    return [Finding("ok", "configuration", "every key is known and has a usable value")]


def _check_mappings(settings: Settings) -> list[Finding]:
    mappings = load_mappings(settings)
    faults = [*check_examples(mappings.user), *check_examples(mappings.group)]
    return [Finding("fail", "mapping", str(fault)) for fault in faults]


def _check_dialects(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    for target, dialect in zip(settings.target, load_dialects(settings), strict=True):
        findings.append(_scope_finding(target))
        if target.deprovision != "disable" and not dialect.write.delete:
            words = f'{target.mapping} says that it deletes nothing: set deprovision to "disable"'
            findings.append(Finding("warn", f"target {target.name}", words))
    return findings


def _check_leave(settings: Settings) -> list[Finding]:
    check_leave(settings.target, load_mappings(settings).user, load_dialects(settings))
    return []


def _check_applications(settings: Settings) -> list[Finding]:
    if settings.idp is None:
        return []
    loaded = load_registry(settings, SystemClock())
    sets = load_attribute_sets(mapping_folders(settings))
    findings = [Finding("fail", "attributes", str(fault)) for fault in sets.failures()]
    findings += [Finding("warn", "application", note) for note in loaded.notes]
    for application in loaded.registry.applications:
        nobody = not application.groups and not application.admits_everybody
        words = "nobody may sign in: name groups" if nobody else "its metadata is usable"
        level = "warn" if nobody else "ok"
        findings.append(Finding(level, f"application {application.name}", words))
    return findings


def _check_policies(settings: Settings) -> list[Finding]:
    if settings.idp is None:
        return []
    # Whether or not the applications can be read.
    load_policies(settings)
    findings = [Finding("warn", *odd) for odd in lint_policies(rules_of(settings))]
    return findings or [Finding("ok", "policy", "it makes sense at every application")]


def _check_countries(settings: Settings) -> list[Finding]:
    if settings.idp is not None:
        open_countries(settings.idp.countries_file)
    return []


def _check_state(settings: Settings) -> list[Finding]:
    if settings.idp is None:
        return []
    try:
        engine = find_state(settings)
    except StateError as error:
        return [Finding("fail", "state", str(error))]
    try:
        keys = check_keys(settings.idp, engine, SystemClock().now())
        return keys + check_passkeys(settings.idp, engine)
    finally:
        if engine is not None:
            engine.dispose()


def _check_federation(settings: Settings) -> list[Finding]:
    if settings.idp is None:
        return []
    upstreams, routes, notes = load_federation(settings, SystemClock())
    findings = [Finding("warn", "upstream", note) for note in notes]
    for upstream in upstreams.upstreams:
        words = f"its metadata is usable; it may vouch for {', '.join(sorted(upstream.domains))}"
        findings.append(Finding("ok", f"upstream {upstream.name}", words))
    strange = lint(routes, upstreams)
    return [*findings, *(Finding("warn", subject, words) for subject, words in strange)]


def _check_mail(settings: Settings) -> list[Finding]:
    return check_mail(settings, asks_for_factors=settings.policy is not None)


def _scope_finding(target: TargetSettings) -> Finding:
    subject = f"target {target.name}"
    if not target.groups:
        return Finding("warn", subject, 'nobody is in scope: name groups, or "*" for everybody')
    return Finding("ok", subject, f"dialect {target.mapping} is usable")
