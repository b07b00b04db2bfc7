"""Columns as lists, on either database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from state.engine import reading, table_of, writing
from state.identity import UsedRequestRow
from state.listing import listed
from tests.idp.bench import NOW

if TYPE_CHECKING:
    from sqlalchemy import Engine

_REQUESTS = table_of(UsedRequestRow)


@pytest.mark.parametrize(
    "values", [set(), {"a"}, {"a", "b,c", 'd"],["e', "f\x1f\ng", "\\", "ü \u202e \U0001f600"}]
)
def test_a_list_holds_every_value_as_it_is(engine: Engine, values: set[str]):
    with writing(engine) as connection:
        for value in values:
            row = {"issuer": "urn:sp", "request_id": value, "expires_at": NOW}
            connection.execute(insert(_REQUESTS).values(row))

    with reading(engine) as connection:
        found = json.loads(connection.scalar(select(listed(_REQUESTS.c.request_id))))

    assert len(found) == len(values)
    assert set(found) == values
