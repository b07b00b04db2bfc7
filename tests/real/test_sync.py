"""A real Active Directory to a SCIM service that we did not write, and back to look."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.in_step import (
    assert_target_equals_directory,
    memberships_of,
    people_of,
    search,
)
from tests.parts.ldap_proxy import CuttingProxy
from tests.parts.nursery import Nursery
from tests.parts.operator import FILE_SOURCE, Operator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.samba import Samba
    from tests.parts.scim_server import ScimEndpoint, Simulator

pytestmark = pytest.mark.real

USERS, GROUPS = 1000, 50
SEEDED_GROUPS = "(cn=group*)"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_a_thousand_people_and_what_then_happens_to_them(
    samba: Samba, scim2_server: ScimEndpoint, operator: Operator
):
    """The target equals the directory; a second cycle writes nothing; changes take a request each."""
    samba.reset(users=USERS, groups=GROUPS)
    source = (
        operator.write_source(samba)
        + f'group_filter = "(&(objectCategory=group){SEEDED_GROUPS})"\n'
    )
    limits = "[target.limits]\nmax_group_removals = 30\n"
    operator.configure(source, operator.write_target(scim2_server, limits))

    first = operator.run_json("sync")
    assert first["status"] == "done", first
    assert len(people_of(scim2_server)) == USERS
    assert_target_equals_directory(samba, scim2_server)

    second = operator.run_json("sync")
    assert second["targets"][0]["counts"] == {}

    change_the_domain(samba)
    plan = operator.run_json("plan")[0]
    third = operator.run_json("sync")
    assert third["status"] == "done", third
    assert_target_equals_directory(samba, scim2_server)
    assert third["targets"][0]["counts"] == {"applied": len(plan["operations"])}
    for kind in ("User", "Group"):
        touched = [one["external_id"] for one in plan["operations"] if one["resource_type"] == kind]
        assert len(touched) == len(set(touched))
    assert plan["counts"] == {"change": 10 + 3 + changed_groups(plan), "disable": 10}


def changed_groups(plan: dict[str, Any]) -> int:
    return sum(one["resource_type"] == "Group" for one in plan["operations"])


def change_the_domain(samba: Samba) -> None:
    """10 changed, 5 disabled, 5 deleted, 3 renamed, a group renamed, 20 memberships moved, an OU renamed."""
    people = samba.people
    names = [name for name, _ in search(samba, "(sAMAccountName=user*)", ["cn"])]
    names.sort(key=lambda name: name.rpartition(" ")[2] + name)
    for name in names[:10]:
        people.modify(name, title="Captain")
    for name in names[10:15]:
        people.disable(name)
    for name in names[15:20]:
        people.delete(name)
    for number, name in enumerate(names[20:23]):
        new = people.rename(name, f"Renamed {number}")
        people.modify(
            new,
            sn="Renamed",
            mail=f"renamed{number}@corp.example",
            userPrincipalName=f"renamed{number}@ad.test",
        )
    groups = [name for name, _ in search(samba, "(&(objectClass=group)(cn=group*))", ["cn"])]
    people.modify(groups[7], sAMAccountName="group-renamed")
    people.rename(groups[7], "group-renamed")
    members = [one for one in people.values(groups[3], "member") if "OU=People" in one][:20]
    for member in members:
        people.remove_members(groups[3], member)
        if member not in people.values(groups[4], "member"):
            people.add_members(groups[4], member)
    people.rename(f"OU=Team05,OU=People,{samba.base}", "Team05 renamed")


def test_a_connection_cut_in_any_page_fails_loudly_and_takes_nobody_away(
    samba: Samba, mimecast: Simulator, operator: Operator, tmp_path: Path
):
    """Whatever page it is; the next cycle is right."""
    samba.reset(users=120, groups=12)
    folder = tmp_path / "line"
    folder.mkdir()
    line = CuttingProxy(folder, samba.address, samba.ca_file)
    source = operator.write_source(samba)
    source = source.replace(samba.url, line.url).replace(str(samba.ca_file), str(line.ca_file))
    operator.configure(source + "page_size = 25\n", operator.write_target(mimecast))
    line.mend()
    assert operator.run_json("sync")["status"] == "done"
    pages, before = line.page_count, operator.run_json("status")["directory"]
    assert pages > 6
    samba.people.delete(samba.people.find("user000007"))
    mimecast.forget_requests()

    for page in range(1, pages + 1):
        line.cut_in_page(page, after_entries=5)
        report = operator.run_json("sync", "--full", expect=1)
        assert report["status"] == "failed"
        assert report["reason"]
        assert operator.run_json("status")["directory"] == before
    assert mimecast.requests == []

    line.mend()
    assert operator.run_json("sync")["status"] == "done"
    line.close()
    (gone,) = (one for one in mimecast.users() if not one["active"])
    assert gone["userName"] == "user000007@corp.example"


@pytest.mark.parametrize(
    ("kills", "at_least"), [(15, 25), pytest.param(50, 50, marks=pytest.mark.long)]
)
def test_a_first_load_killed_at_many_moments_ends_right(
    mimecast: Simulator, operator: Operator, kills: int, at_least: int
):
    """None is lost, none is there twice; fifty moments are of `make test-long`, fifteen of each run."""
    people = 2000
    (operator.folder / "company.toml").write_text(a_company_of(people))
    source = FILE_SOURCE.format(file="company.toml")
    operator.configure(source, operator.write_target(mimecast, "rate = 200"))
    operator.run("status")
    chance = random.Random(50)
    nursery = Nursery(operator.folder)
    for _ in range(kills):
        asked, more = len(mimecast.requests), chance.randint(1, 150)
        nursery.start("sync")
        while len(mimecast.requests) < asked + more:  # look-ups of the last one's doubts included
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.005))
        assert nursery.kill()
    nursery.close()
    assert at_least < len(mimecast.users()) < people  # all kills came while it was being written

    operator.configure(source, operator.write_target(mimecast))
    assert operator.run_json("sync")["status"] == "done"
    assert len(people_of(mimecast)) == people
    assert {name: len(held) for name, held in memberships_of(mimecast).items()} == {
        f"Group {number}": people // GROUPS for number in range(GROUPS)
    }
    mimecast.forget_requests()
    operator.run("sync")
    assert mimecast.writes == []


def a_company_of(people: int) -> str:
    """Return a source's file with so many people in so many groups."""
    lines = ['domain = "corp.example"']
    lines += [f'[[person]]\nlogin = "p{n}"\ngiven = "P"\nfamily = "N{n}"' for n in range(people)]
    for number in range(GROUPS):
        members = [f"p{n}" for n in range(number, people, GROUPS)]
        lines.append(f'[[group]]\nname = "Group {number}"\nmembers = {members}')
    return "\n".join(lines)
