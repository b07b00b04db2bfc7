"""`report factors`: how far people have come with enrolling a second factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.context import CommandContext
from connector.cli.named import find_application
from connector.cli.person import name_of
from connector.cli.show import AsJson, counted, print_json, print_table, print_text
from connector.errors import ConnectorError
from connector.idp.factor import FactorKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.directory.store import DirectoryStore
    from connector.idp.coverage import Coverage
    from connector.settings import ApplicationSettings

_NAMED = 20
# Duo keeps its own list of who has what.
_COLUMNS = {
    FactorKind.PASSKEY: "#passkey",
    FactorKind.TOTP: "#app",
    FactorKind.RECOVERY_CODE: "#recovery",
    FactorKind.BYPASS_CODE: "#bypass",
}


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this file."""
    reports = typer.Typer(no_args_is_help=True, help="How far things have come.")
    reports.callback()(_keep_group)
    reports.command("factors")(report_factors)
    app.add_typer(reports, name="report")


def _keep_group() -> None:
    """Have `report` be a group even while it holds one command only."""


def report_factors(
    context: typer.Context,
    group: Annotated[
        str, typer.Option("--group", help="Only members of this group, by distinguished name.")
    ] = "",
    app: Annotated[
        str, typer.Option("--app", help="Only people who may use this application.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> int:
    """Tell who has enrolled which second factors, and who has none.

    People of the directory who are active. Enrolled is whoever has a passkey or an authenticator
    app that works; codes alone do not count, and Duo keeps its own list. Below the total: each
    application, and each group that an application names.

    Example: connector report factors --app "Mimecast Personal Portal"
    """
    from connector.clock import SystemClock
    from connector.directory.store import DirectoryStore
    from connector.idp.coverage import measure
    from connector.idp.store.factors import FactorStore

    command: CommandContext = context.obj
    now, directory = SystemClock().now(), DirectoryStore(command.engine)
    kinds = FactorStore(command.engine).kinds_by_person(now)
    crowd = _Crowd(directory, _active_ids(directory, now), _ids_of_groups(directory))
    people = crowd.everybody
    if group:
        people &= crowd.of_group(group)
    applications = [find_application(command, app)] if app else list(command.settings.application)
    if app:
        people &= crowd.of_application(applications[0])
    total = measure("", people, kinds)
    of_applications = [
        measure(one.name, people & crowd.of_application(one), kinds) for one in applications
    ]
    of_groups = [
        measure(name, people & crowd.within([name]), kinds) for name in _groups_of(applications)
    ]
    if as_json:
        values = {
            "applications": [_values(one) for one in of_applications],
            "groups": [_values(one) for one in of_groups],
        }
        print_json(_values(total) | values | {"without": _without(directory, total)})
    else:
        _print(directory, total, of_applications, of_groups)
    return 0


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Who is active, and who of them is where.

    Attributes:
        directory: Tells who is in which group.
        everybody: external_ids of all who are active.
        group_ids: external_id of each group by its casefolded name.

    """

    directory: DirectoryStore
    everybody: frozenset[str]
    group_ids: Mapping[str, str]

    def of_group(self, name: str) -> frozenset[str]:
        """Return who is in a group, through whatever nesting."""
        if name.strip().casefold() not in self.group_ids:
            message = f"no group of the directory is called {name}"
            raise ConnectorError(message)
        return self.within([name.strip()])

    def of_application(self, application: ApplicationSettings) -> frozenset[str]:
        """Return who may use an application."""
        if isinstance(application.groups, str):
            return self.everybody
        return self.within(application.groups)

    def within(self, names: Iterable[str]) -> frozenset[str]:
        """Return who is in any of these groups; those that are gone hold nobody."""
        named = [self.group_ids.get(name.casefold()) for name in names]
        return self.everybody & self.directory.people_within([one for one in named if one])


def _active_ids(directory: DirectoryStore, now: Any) -> frozenset[str]:
    return frozenset(head.external_id for head in directory.user_heads() if head.is_active(now))


def _ids_of_groups(directory: DirectoryStore) -> dict[str, str]:
    return {name_folded: group_id for group_id, name_folded, _ in directory.group_heads()}


def _groups_of(applications: Iterable[ApplicationSettings]) -> list[str]:
    """Return the groups that applications name, each once, in their order."""
    named = (name for one in applications if one.groups != "*" for name in one.groups)
    return list({name.casefold(): name for name in named}.values())


def _without(directory: DirectoryStore, coverage: Coverage) -> list[dict[str, str]]:
    people = directory.users(coverage.without)
    return [{"user": one, "name": name_of(people[one])} for one in coverage.without]


def _values(coverage: Coverage) -> dict[str, Any]:
    return {
        "name": coverage.name,
        "people": coverage.people_count,
        "enrolled": coverage.enrolled_count,
        "percent": coverage.percent,
        "kinds": {kind.value: coverage.count_by_kind[kind] for kind in _COLUMNS},
    }


def _print(
    directory: DirectoryStore,
    total: Coverage,
    applications: list[Coverage],
    groups: list[Coverage],
) -> None:
    people = counted(total.people_count, "person", "people")
    print_text(f"{people}, {total.enrolled_count} enrolled ({total.percent} %).")
    print_text("")
    columns = ("#people", "#enrolled", "#%", *_COLUMNS.values())
    rows = [("everybody", *_row(total)), *((one.name, *_row(one)) for one in applications)]
    print_table(("application", *columns), rows)
    if groups:
        print_text("")
        print_table(("group", *columns), [(one.name, *_row(one)) for one in groups])
    if total.without:
        print_text("")
        first = directory.users(total.without[:_NAMED])
        print_text(f"Without: {', '.join(sorted(map(name_of, first.values())))}")
        more = len(total.without) - _NAMED
        if more > 0:
            print_text(f"and {counted(more, 'other')}; all of them: --json")


def _row(coverage: Coverage) -> tuple[object, ...]:
    return (
        coverage.people_count,
        coverage.enrolled_count,
        coverage.percent,
        *(coverage.count_by_kind[kind] for kind in _COLUMNS),
    )
