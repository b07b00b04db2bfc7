"""What every test may ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from connector.clock import FixedClock
from tests.parts.postgresql import running_postgresql
from tests.parts.samba_fixtures import samba  # noqa: F401 - a fixture
from tests.parts.scim_fixtures import mimecast, scim2_server  # noqa: F401 - fixtures
from tests.parts.states import new_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.parts.postgresql import Postgresql

# Run by Debian's own Python, which alone can import samba.
collect_ignore = ["parts/samba_offline.py"]


# Whose tests run on either database.
STORES = (
    "tests.state",
    "tests.directory",
    "tests.sync",
    "tests.test_audit",
    "tests.idp.test_key_store",
    "tests.idp.test_policy_in_force",
    "tests.idp.test_lockout",
    "tests.idp.test_limits",
    "tests.idp.test_upstream_store",
    "tests.idp.test_new_password",
    "tests.idp.test_logout_store",
    "tests.idp.test_sign_off",
    "tests.idp.factors",
    "tests.mail.test_outbox",
)


# What takes long comes first, the longest at the front: otherwise one process would end alone.
LONG = (
    "tests/real/test_sync.py",
    "tests/real/test_key_rollover.py",
    "tests/test_daemon.py",
    "tests/real/test_kills.py",
    "tests/sync/test_faults.py",
    "tests/real/",
    "tests/fuzz/",
    "tests/web/",
    "tests/",
    "",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by how long their files take; xdist keeps that order."""
    items.sort(
        key=lambda item: next(n for n, name in enumerate(LONG) if item.nodeid.startswith(name))
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the stores on SQLite and on PostgreSQL."""
    is_of_store = metafunc.module.__name__.startswith(STORES)
    if is_of_store and "engine" in metafunc.fixturenames:
        databases = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]
        metafunc.parametrize("engine", databases, indirect=True)


@pytest.fixture(autouse=True)
def _a_log_of_its_own() -> None:
    """Forget how an earlier test had the log written, maybe to a stream that is closed by now."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL server, which all tests of the session share."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    """A state database as a file, migrated."""
    engine = new_state(tmp_path / "state.db")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A state database, migrated; a file, unless the test runs on both kinds."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield request.getfixturevalue("sqlite_engine")
        return
    with request.getfixturevalue("postgresql").database() as engine:
        yield engine


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at a Monday morning."""
    return FixedClock(datetime(2026, 11, 2, 8, 0, tzinfo=UTC))
