"""Whoever may not be signed on any more is not, as soon as the directory says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from connector.directory.person import GroupHead, UserHead
from connector.directory.store import ReadMark
from connector.idp.application.catalogue import Catalogue
from connector.idp.application.service_provider import Registry
from connector.idp.logout.sign_off import SWEPT_EVERY, SignOff
from connector.idp.logout.status import find_sign_ons
from connector.idp.logout_transaction import DeliveryState
from connector.idp.policy import may_enter
from connector.idp.store.sign_off_mark import MarkStore
from tests.idp.bench import NOW, PeopleInMemory
from tests.idp.logout_bench import ALL, MAIL, SOAP_URLS, LogoutBench, make_logout_bench

STAFF = frozenset({"cn=staff,dc=corp,dc=example"})
# Mail is for the staff only; everybody may enter the others.
APPLICATIONS = (*(one for one in ALL if one is not MAIL), replace(
    MAIL, admits_everybody=False, groups=STAFF
))  # fmt: skip


@dataclass
class Revised:
    """A directory in memory that counts its changes, as the real one does.

    Attributes:
        concerned: Revision in which each person, or a group of theirs, changed.
        asked_for: Whom somebody wanted to know of, one after the other.

    """

    people: PeopleInMemory
    revision: int = 1
    concerned: dict[str, int] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)

    def change(self, external_id: str, **changes) -> None:
        self.revision += 1
        self.concerned[external_id] = self.revision
        user = self.people.people[external_id]
        self.people.people[external_id] = replace(user, **changes)

    def move(self, external_id: str, *groups: str) -> None:
        self.change(external_id)
        self.people.groups[external_id] = frozenset(groups)

    def read_mark(self) -> ReadMark:
        return ReadMark("dc1", "", 0, NOW, "", b"", self.revision, NOW)

    def concerned_since(self, revision, since, until) -> frozenset[str]:
        ends = {
            key
            for key, user in self.people.people.items()
            if user.expires_at is not None and since <= user.expires_at <= until
        }
        return frozenset(ends | {key for key, at in self.concerned.items() if at > revision})

    def user_heads(self, external_ids=None):
        for key in list(self.people.people) if external_ids is None else external_ids:
            self.asked_for.append(key)
            user = self.people.people.get(key)
            if user is not None:
                yield UserHead(key, b"", user.is_enabled, user.expires_at, user.left_at)

    def users(self, external_ids):
        return {key: user for key in external_ids if (user := self.people.people.get(key))}

    def group_heads(self):
        names = {name for groups in self.people.groups.values() for name in groups}
        return [GroupHead(f"id of {name}", name, b"") for name in sorted(names)]

    def people_within(self, group_ids):
        names = {one.removeprefix("id of ") for one in group_ids}
        return frozenset(key for key, groups in self.people.groups.items() if names & groups)

    def standing(self, external_id):
        return self.people.standing(external_id)


@dataclass
class World:
    person: LogoutBench
    directory: Revised
    sign_off: SignOff

    def cycle(self, changed_at=None) -> int:
        return self.sign_off.run(changed_at or {})


@pytest.fixture(params=[(200, 5000), (0, 0)], ids=["few", "many"])
def world(engine, clock, request) -> World:
    """An identity provider whose people are looked up one by one, or all together."""
    person = make_logout_bench(engine, clock, *APPLICATIONS)
    directory = Revised(person.bench.people)
    sign_off = SignOff(person.parts, directory, MarkStore(engine), *request.param)
    world = World(person, directory, sign_off)
    assert world.cycle() == 0
    return world


def outcomes(person: LogoutBench) -> dict[str, DeliveryState]:
    found = find_sign_ons(person.parts, "ann-1").deliveries
    return {delivery.application: delivery.state for _, delivery in found}


@pytest.mark.parametrize(
    "change",
    [
        {"is_enabled": False},
        {"left_at": NOW},
        {"expires_at": NOW},
    ],
    ids=["disabled", "left", "expired"],
)
def test_whoever_is_not_active_any_more_is_out_of_everything(world, change):
    person = world.person.sign_in("mail", "intranet")
    elsewhere = person.another_browser().sign_in("both")

    world.directory.change("ann-1", **change)

    assert world.cycle() == 1
    assert person.bench.parts.store.sessions_of("ann-1") == ()
    assert elsewhere.participants() == {}
    assert outcomes(person) == {
        "mail": DeliveryState.SIGNED_OUT,
        "both": DeliveryState.SIGNED_OUT,
        "intranet": DeliveryState.UNTOLD,
    }


def test_whoever_is_not_known_any_more_is_out_as_well(world, clock):
    person = world.person.sign_in("mail")

    del person.bench.people.people["ann-1"]
    clock.moment += SWEPT_EVERY

    assert world.cycle() == 1
    assert person.participants() == {}


def test_an_account_that_ends_by_itself_needs_no_change_in_the_source(world, clock):
    person = world.person.sign_in("mail")
    user = person.bench.people.people["ann-1"]
    person.bench.people.people["ann-1"] = replace(user, expires_at=NOW + timedelta(minutes=1))
    assert world.cycle() == 0

    clock.moment += timedelta(minutes=1)

    assert world.cycle() == 1
    (ended,) = person.events("session.ended")
    assert ended.details["changed_at"] == (NOW + timedelta(minutes=1)).isoformat()
    assert ended.details["seconds"] == "0.00"


def test_nothing_depends_on_having_seen_somebody_leave(world, clock):
    """The process was killed after the directory was committed; or an answer crossed with it."""
    person = world.person.sign_in("mail")
    user = person.bench.people.people["ann-1"]
    person.bench.people.people["ann-1"] = replace(user, is_enabled=False)
    assert world.cycle() == 0

    clock.moment += SWEPT_EVERY

    assert world.cycle() == 1
    assert person.participants() == {}


def test_a_look_that_was_missed_is_made_up_for_by_the_next(world, engine):
    person = world.person.sign_in("mail")
    before = MarkStore(engine).read()
    world.directory.change("ann-1", is_enabled=False)
    world.directory.change("bob-2")

    assert before.revision < world.directory.revision - 1
    assert world.cycle() == 1
    assert person.participants() == {}


def test_only_those_are_looked_at_whom_a_change_concerned(world):
    world.person.sign_in("mail")
    world.directory.asked_for.clear()

    world.directory.change("bob-2")
    world.cycle()

    assert world.directory.asked_for == []


def test_who_may_not_enter_one_application_any_more_is_out_of_that_one(world):
    person = world.person.sign_in("mail", "intranet")

    world.directory.move("ann-1", "cn=guests")

    assert world.cycle() == 1
    assert set(person.participants()) == {"intranet"}
    assert outcomes(person) == {"mail": DeliveryState.SIGNED_OUT}
    # They are somebody's sign-on still, and it lets them into what is open to them.
    assert person.is_signed_in()
    (ended,) = person.events("session.ended")
    assert (ended.details["cause"], ended.details["applications"]) == ("policy", "mail")


def test_a_change_of_the_configuration_is_a_change_of_who_may_enter(world, engine):
    person = world.person.sign_in("mail", "wiki")
    parts = person.parts
    stricter = Registry(
        tuple(
            replace(one, groups=frozenset({"cn=board"})) if one.slug == "mail" else one
            for one in APPLICATIONS
        )
    )
    login = replace(parts.login, catalogue=Catalogue(stricter))
    sign_off = SignOff(replace(parts, login=login), world.directory, MarkStore(engine))

    assert sign_off.run({}) == 1
    assert sign_off.run({}) == 0
    assert set(person.participants()) == {"wiki"}


def test_the_same_cycle_tells_again_whom_it_is_time_to_tell(world, clock):
    person = world.person.sign_in("mail")
    answer = person.bench.servers.answers.pop(SOAP_URLS["mail"])
    world.directory.change("ann-1", is_enabled=False)
    world.cycle()
    assert outcomes(person) == {"mail": DeliveryState.SILENT}
    person.bench.servers.answers[SOAP_URLS["mail"]] = answer

    clock.moment += timedelta(minutes=1)
    world.cycle()

    assert outcomes(person) == {"mail": DeliveryState.SIGNED_OUT}


def test_the_audit_has_the_time_from_the_change_to_out(world, clock):
    person = world.person.sign_in("mail")
    changed_at = clock.moment = NOW + timedelta(seconds=10)
    world.directory.change("ann-1", is_enabled=False)
    clock.moment = changed_at + timedelta(seconds=1.5)

    world.cycle({"ann-1": changed_at, "bob-2": NOW})

    ended, answered = person.events("session.ended", "logout.answered")
    assert ended.details["cause"] == "leaver"
    assert ended.details["changed_at"] == changed_at.isoformat()
    assert ended.details["seconds"] == "1.50"
    assert answered.details["seconds_since_change"] == "1.50"
    assert answered.details["seconds"] == "0.00"


def test_without_the_source_s_word_the_time_counts_from_when_it_was_read(world, clock):
    person = world.person.sign_in("mail")
    read_at = NOW + timedelta(seconds=10)
    world.directory.change("ann-1", is_enabled=False, changed_at=read_at)
    clock.moment = read_at + timedelta(seconds=1)

    world.cycle()

    (ended,) = person.events("session.ended")
    assert ended.details["seconds"] == "1.00"


def test_what_a_look_decides_is_what_a_login_decides(world):
    """One rule: `policy.decide`; so nobody is signed out of what they could enter at once."""
    person = world.person.sign_in(*(one.slug for one in APPLICATIONS))
    world.directory.move("ann-1")
    world.cycle()

    user, groups = world.directory.standing("ann-1")
    allowed = {
        one.slug
        for one in APPLICATIONS
        if type(may_enter(user, groups, one, NOW)).__name__ == "Allow"
    }
    assert set(person.participants()) == allowed == {one.slug for one in APPLICATIONS} - {"mail"}
