"""A read is taken in whole or not at all; leavers need proof; names are looked up as they stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from connector.directory.intake import TakenGroup, TakenProblem, TakenUser, open_intake
from connector.directory.merge import ReadTo, Taken
from connector.directory.person import DirectoryGroup, DirectoryUser
from connector.directory.renaming import Parting
from connector.directory.store import DirectoryStore
from connector.mapping.resource import MappingProblem
from state.engine import writing
from state.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
READ_TO = ReadTo("ldaps://dc1", "i", 7, NOW, "rules-1")


def person(key: str, name: str, **changes: object) -> TakenUser:
    values: dict = {
        "external_id": key,
        "distinguished_name": f"CN={name},OU=People,DC=x",
        "document": {"userName": f"{name.lower()}@x"},
        "digest": name.encode(),
        "login_names": (f"{name.lower()}@x",),
        "bind_name": f"{name}@x",
        "is_enabled": True,
        "expires_at": None,
        "first_seen_at": NOW,
        "changed_at": NOW,
    } | changes
    return TakenUser(DirectoryUser(**values), b"digest of " + key.encode())


def group(key: str, name: str, *members: str) -> TakenGroup:
    value = DirectoryGroup(key, f"CN={name},OU=Groups,DC=x", {"displayName": name}, b"g")
    return TakenGroup(value, members, b"digest of " + key.encode())


def take_in(engine: Engine, *taken: TakenUser | TakenGroup, gone: tuple[str, ...] = ()) -> None:
    with open_intake(engine) as intake:
        intake.take_users(one for one in taken if isinstance(one, TakenUser))
        intake.take_groups([one for one in taken if isinstance(one, TakenGroup)])
        intake.commit(Taken([Parting(key) for key in gone], {}, READ_TO), NOW)


def test_what_was_read_is_held(engine: Engine):
    store = DirectoryStore(engine)

    take_in(engine, person("u1", "Anna"), group("g1", "Staff", "CN=Anna,OU=People,DC=x"))

    assert store.find_login("anna@x") == person("u1", "Anna").user
    assert store.standing("u1")[1] == {"cn=staff,ou=groups,dc=x"}
    assert store.known_digests("rules-1") == {"u1": b"digest of u1", "g1": b"digest of g1"}
    assert store.counts() == (1, 1, 0, 0)


def test_a_read_that_is_not_committed_leaves_no_trace(engine: Engine):
    with open_intake(engine) as intake:
        intake.take_users([person("u1", "Anna")])

    assert DirectoryStore(engine).counts() == (0, 0, 0, 0)


def test_a_sign_on_can_write_while_a_read_is_being_staged(engine: Engine):
    with open_intake(engine) as intake:
        intake.take_users([person("u1", "Anna")])
        with writing(engine) as connection:
            connection.exec_driver_sql("DELETE FROM cycle")
        intake.take_users([person("u2", "Bela")])
        intake.commit(Taken((), {}, READ_TO), NOW)

    assert DirectoryStore(engine).counts().users == 2


def test_other_mapping_rules_make_every_entry_count_as_changed(engine: Engine):
    take_in(engine, person("u1", "Anna"))

    assert DirectoryStore(engine).known_digests("rules-2") == {"u1": b""}


def test_a_leaver_is_kept_and_can_no_longer_sign_in(engine: Engine):
    take_in(engine, person("u1", "Anna"), group("g1", "Staff", "CN=Anna,OU=People,DC=x"))
    take_in(engine, gone=("u1",))
    store = DirectoryStore(engine)

    assert store.find_login("anna@x") is None
    assert store.user("u1").left_at == NOW
    assert store.graph(store.group_heads()).effective_members(["g1"]) == set()


def test_a_name_shared_by_two_people_signs_in_nobody(engine: Engine):
    take_in(engine, person("u1", "Anna"), person("u2", "Bela", login_names=("anna@x",)))

    assert DirectoryStore(engine).find_login("anna@x") is None


def test_a_person_made_anew_under_an_old_name_is_not_taken_for_the_old_one(engine: Engine):
    """The group's list of names reads the same before and after."""
    take_in(engine, person("u1", "Anna"), group("g1", "Staff", "CN=Anna,OU=People,DC=x"))
    take_in(engine, person("u9", "Anna", login_names=()), gone=("u1",))

    assert DirectoryStore(engine).graph(DirectoryStore(engine).group_heads()).effective_members(
        ["g1"]
    ) == {"u9"}


def test_nested_groups_count_and_a_circle_does_no_harm(engine: Engine):
    take_in(
        engine,
        person("u1", "Anna"),
        group("g1", "Outer", "CN=Inner,OU=Groups,DC=x"),
        group("g2", "Inner", "cn=anna,ou=people,dc=x", "CN=Outer,OU=Groups,DC=x"),
    )
    store = DirectoryStore(engine)

    assert store.graph(store.group_heads()).effective_members(["g1"]) == {"u1"}
    assert store.standing("u1")[1] == {"cn=outer,ou=groups,dc=x", "cn=inner,ou=groups,dc=x"}
    assert store.group_names("u1") == ("CN=Inner,OU=Groups,DC=x", "CN=Outer,OU=Groups,DC=x")
    assert store.group_names("nobody") == ()


def test_a_problem_is_shown_until_the_entry_can_be_mapped(engine: Engine):
    store = DirectoryStore(engine)
    problem = MappingProblem("u1", "CN=Anna", "userName", "is required and has no value")
    with open_intake(engine) as intake:
        intake.take_problems([TakenProblem(problem, b"d")], NOW)
        intake.commit(Taken((), {}, READ_TO), NOW)
    assert store.problems() == [problem]

    take_in(engine, person("u1", "Anna"))
    assert store.problems() == []


def test_an_expired_account_is_not_active():
    user = person("u1", "Anna", expires_at=NOW).user

    assert not user.is_active(NOW)
    assert user.is_active(NOW - timedelta(seconds=1))


def test_a_full_disk_is_an_error_in_words_and_the_old_directory_stays(sqlite_engine: Engine):
    engine = sqlite_engine
    take_in(engine, person("u1", "Anna"))
    with writing(engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    many = [person(f"n{number}", f"Nn{number}") for number in range(2000)]

    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateError, match="full"):
        take_in(engine, *many)

    assert DirectoryStore(engine).counts().users == 1
