"""Dialect files: what they say, and every fault of one at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.planner.view import AttributeView
from connector.target.capability import merged as merged_with
from connector.target.capability import parse_capability
from connector.target.connection import TargetConnection, within_hints
from connector.target.dialect import Dialect, PaceDialect, ReadDialect, load_dialect

SHIPPED = Path(__file__).parents[2] / "mappings"
FAULTY = """
nonsense = 1
[user]
attributes = ["name.", "*"]
[update]
verb = "post"
[members]
max_per_request = 0
[read]
reliable_filters = ["title"]
[pace]
reset_unit = "minutes"
"""


def written(folder: Path, text: str) -> Dialect:
    (folder / "own.toml").write_text(text)
    return load_dialect("own.toml", [folder])


@pytest.mark.parametrize("name", ["scim.toml", "mimecast.toml", "mimecast_api.toml", "duo.toml"])
def test_the_shipped_dialects_are_usable(name: str):
    assert load_dialect(name, [SHIPPED]).write.conflict_statuses == (409,)


def test_mimecast_gets_what_is_known_of_it_and_is_believed_in_nothing_else():
    dialect = load_dialect("mimecast.toml", [SHIPPED])

    assert "userName" in (dialect.view().user_paths or ())
    assert dialect.read.reliable_filters == ()
    assert dialect.pace.reset_unit == "milliseconds"


def test_the_operators_folder_comes_first(tmp_path: Path):
    (tmp_path / "scim.toml").write_text("[read]\npage_size = 7\n")

    assert load_dialect("scim.toml", [tmp_path, SHIPPED]).read.page_size == 7


def test_an_empty_file_is_a_server_true_to_the_standard(tmp_path: Path):
    assert written(tmp_path, "") == Dialect()
    assert written(tmp_path, "[group]\nattributes = ['*']").group.match == "displayName"


def test_every_fault_is_reported_at_once_with_its_key(tmp_path: Path):
    with pytest.raises(ConfigurationError) as caught:
        written(tmp_path, FAULTY)

    assert {fault.key for fault in caught.value.faults} == {
        "nonsense",
        "user.attributes",
        "update.verb",
        "members.max_per_request",
        "read.reliable_filters[0]",
        "pace.reset_unit",
    }
    assert {fault.file for fault in caught.value.faults} == {"own.toml"}


@pytest.mark.parametrize("text", ["[user", "group = 3", "update = []", "\x00"])
def test_a_file_that_is_no_dialect_is_a_fault_and_no_traceback(tmp_path: Path, text: str):
    with pytest.raises(ConfigurationError, match=r"own\.toml"):
        written(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text_is_a_fault(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no such dialect"):
        load_dialect("missing.toml", [tmp_path])

    (tmp_path / "own.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_dialect("own.toml", [tmp_path])


def test_the_view_tells_the_planner_what_is_taken():
    assert Dialect().view() == AttributeView()


def test_the_targets_own_word_narrows_the_dialect():
    announced = parse_capability({"patch": {"supported": False}, "filter": {"maxResults": 10}})

    narrowed = merged_with(Dialect(read=ReadDialect(page_size=50)), announced)

    assert narrowed.update.verb == "put"
    assert narrowed.read.page_size == 10
    assert merged_with(Dialect(), parse_capability({})) == Dialect()


def test_hints_slow_down_and_an_operators_rate_stands():
    dialect = Dialect(pace=PaceDialect(concurrency=2, rate=5.0))
    connection = TargetConnection("t", "https://scim.example", "token", concurrency=8)

    assert within_hints(connection, dialect).concurrency == 2
    assert within_hints(connection, dialect).rate == 5.0
    fast = TargetConnection("t", "https://scim.example", "token", rate=50.0)
    assert within_hints(fast, dialect).rate == 50.0
    assert within_hints(connection, Dialect()) == connection
