"""What was learnt of a target is known to the next run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.planner.operation import OperationKind
from connector.sync.learnt import Learnt, TargetMemory
from connector.target.client import ScimTarget, TargetConnection
from connector.target.dialect import Dialect
from connector.target.outcome import Applied
from tests.contracts.test_target_contract import change, creation, made
from tests.parts.scim_fixtures import mimecast

if TYPE_CHECKING:
    from tests.parts.scim_server import Simulator
    from tests.sync.bench import Bench

__all__ = ["mimecast"]


@pytest.fixture
def memory(bench: Bench) -> TargetMemory:
    return TargetMemory(bench.engine, "scim", bench.clock)


def test_the_later_of_two_lessons_counts_and_each_target_has_its_own(
    bench: Bench, memory: TargetMemory
):
    memory.save({"members.removal": "list", "read.page_size": 20})
    TargetMemory(bench.engine, "scim", bench.clock, "probe").save({"members.removal": "filter"})
    TargetMemory(bench.engine, "other", bench.clock).save({"update.verb": "put"})

    assert memory.load() == {"members.removal": "filter", "read.page_size": 20}
    assert memory.all()[0] == Learnt("members.removal", "filter", bench.clock.now(), "probe")


def test_what_is_forgotten_or_a_month_old_is_not_believed(bench: Bench, memory: TargetMemory):
    memory.save({"update.verb": "put"})
    bench.clock.moment += timedelta(days=31)
    assert memory.load() == {}

    memory.save({"bulk.use": "never"})
    assert memory.forget() == 2
    assert memory.load() == {}


@pytest.mark.real
@pytest.mark.parametrize(
    ("oddity", "lesson", "refused"),
    [
        ({"patch": 501}, {"update.verb": "put"}, ("PATCH", 501)),
        ({"bulk": "refused"}, {"bulk.use": "never"}, ("POST", 501)),
    ],
)
def test_what_a_target_refused_is_not_tried_again_by_the_next_run(
    mimecast: Simulator,
    memory: TargetMemory,
    oddity: dict,
    lesson: dict,
    refused: tuple[str, int],
):
    mimecast.behave(**oddity)
    for _ in range(2):
        connection = TargetConnection("scim", mimecast.base_url, mimecast.token)
        with ScimTarget(connection, Dialect(), memory=memory) as target:
            people = ("ann", "bob")
            ids = made(target, *(creation(f"{one}{len(mimecast.requests)}") for one in people))
            changes = {"title": "Clerk"}
            pairs = zip(people, ids, strict=True)
            told = target.send(
                [change(OperationKind.UPDATE, key, one, changes=changes) for key, one in pairs], {}
            )
            assert all(isinstance(outcome, Applied) for _, outcome in told)

    assert memory.load() == lesson
    statuses = [(method, status) for method, _, status in mimecast.writes]
    first_run = len(statuses) // 2 + 1
    assert refused in statuses[:first_run]
    assert refused not in statuses[first_run:]
