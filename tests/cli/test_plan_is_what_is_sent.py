"""`connector plan --json` lists the requests that `connector sync` then sends, in their order."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.operator import FILE_SOURCE

if TYPE_CHECKING:
    from tests.cli.shell import Shell
    from tests.parts.scim_server import Simulator

# One request after the other, so that the order can be compared as well.
TARGET = """\
mapping = "{mapping}"
deprovision = "{deprovision}"
concurrency = 1
[target.limits]
max_deletes = 99
max_disables = 99
max_updates = 99
"""
PUT_DIALECT = '[update]\nverb = "put"\n'


@dataclass(frozen=True)
class Staff:
    """One person of the file."""

    login: str
    title: str = "Clerk"
    family: str = "Berg"
    disabled: bool = False
    groups: tuple[str, ...] = ()

    def lines(self, key: str) -> list[str]:
        return [
            "[[person]]",
            f'login = "{self.login}"',
            f'guid = "{uuid.uuid5(uuid.NAMESPACE_OID, key)}"',
            f'given = "{self.login.title()}"',
            f'family = "{self.family}"',
            f'title = "{self.title}"',
            f"disabled = {str(self.disabled).lower()}",
            f"groups = {list(self.groups)}",
        ]


@dataclass
class Town:
    """People and groups by what they are called for good."""

    people: dict[str, Staff] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        lines = ['domain = "corp.example"']
        for key, person in self.people.items():
            lines += person.lines(key)
        for key, name in self.groups.items():
            guid = uuid.uuid5(uuid.NAMESPACE_OID, f"group {key}")
            lines += ["[[group]]", f'name = "{name}"', f'guid = "{guid}"']
        return "\n".join(lines) + "\n"

    def change(self, key: str, **values: Any) -> None:
        self.people[key] = replace(self.people[key], **values)


@pytest.fixture
def town() -> Town:
    groups = {"sales": "Sales", "staff": "Staff", "idle": "Idle"}
    people = {
        f"p{number}": Staff(f"p{number}", groups=("Sales",) if number % 2 else ("Staff",))
        for number in range(12)
    }
    return Town(people, groups)


def a_mixed_day(town: Town) -> None:
    town.change("p0", title="Captain", groups=("Staff", "Sales"))
    town.change("p1", family="Lund")
    town.change("p2", disabled=True)
    town.change("p3", login="renamed")
    town.change("p4", groups=())
    town.change("p5", groups=("Staff",))
    del town.people["p6"]
    del town.people["p7"]
    town.people["joiner"] = Staff("joiner", groups=("Shop", "Staff"))
    town.groups["sales"] = "Shop"
    for key, person in town.people.items():
        town.change(key, groups=tuple(town_name(group) for group in person.groups))


def town_name(group: str) -> str:
    return "Shop" if group == "Sales" else group


def planned(plan: list[dict[str, Any]], target: Simulator) -> list[tuple[str, str]]:
    """The requests of a plan; ids that were not known before are those that there are now."""
    ids = {one["externalId"]: one["id"] for one in [*target.users(), *target.groups()]}
    return [
        (operation["method"], operation["path"].replace("{id}", ids[operation["external_id"]]))
        if "{id}" in operation["path"]
        else (operation["method"], operation["path"])
        for part in plan
        for operation in part["operations"]
    ]


def compare(shell: Shell, target: Simulator, *options: str, expect: int = 0) -> int:
    """Plan, sync, and compare; return how many requests it was."""
    plan = shell.say("plan", "--json", *options)
    assert plan.code == 0, plan.errors
    target.forget_requests()

    sync = shell.say("sync", *options)

    assert sync.code == expect, sync.errors
    assert [(method, path) for method, path, _ in target.writes] == planned(plan.values, target)
    return len(target.writes)


@pytest.mark.parametrize(
    ("mapping", "deprovision"),
    [
        ("scim.toml", "disable"),
        ("scim.toml", "delete"),
        ("mimecast.toml", "disable"),
        ("put.toml", "delete"),
    ],
)
def test_a_first_load_and_a_mixed_day(
    shell: Shell, mimecast: Simulator, town: Town, mapping: str, deprovision: str
):
    (shell.folder / "mappings").mkdir()
    (shell.folder / "mappings" / "put.toml").write_text(PUT_DIALECT)
    more = TARGET.format(mapping=mapping, deprovision=deprovision)
    shell.configure(FILE_SOURCE.format(file="company.toml"), shell.write_target(mimecast, more))
    shell.company(town.text())
    assert compare(shell, mimecast) == 12 + 3 + 2
    assert compare(shell, mimecast) == 0

    a_mixed_day(town)
    shell.company(town.text())

    assert compare(shell, mimecast) >= 8
    assert compare(shell, mimecast) == 0


def test_one_person_alone(shell: Shell, mimecast: Simulator, town: Town):
    more = TARGET.format(mapping="scim.toml", deprovision="disable")
    shell.configure(FILE_SOURCE.format(file="company.toml"), shell.write_target(mimecast, more))
    shell.company(town.text())
    shell.say("sync")
    a_mixed_day(town)
    shell.company(town.text())

    assert compare(shell, mimecast, "--user", "p0@corp.example") == 2
    assert compare(shell, mimecast) >= 8


def test_a_held_plan_lists_what_would_be_sent_and_nothing_is(
    shell: Shell, mimecast: Simulator, town: Town
):
    more = TARGET.format(mapping="scim.toml", deprovision="delete").replace("99", "0", 1)
    shell.configure(FILE_SOURCE.format(file="company.toml"), shell.write_target(mimecast, more))
    shell.company(town.text())
    shell.say("sync")
    del town.people["p0"]
    shell.company(town.text())
    plan = shell.say("plan", "--json")
    mimecast.forget_requests()

    assert shell.say("sync").code == 3

    assert plan.code == 3
    assert "1 of 15 resources to delete, limit 0" in plan.values[0]["held"]
    assert [one["method"] for one in plan.values[0]["operations"]].count("DELETE") == 1
    assert mimecast.writes == []
    assert compare(shell, mimecast, "--allow-deletes", "1") == 2
