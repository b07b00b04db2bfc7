"""A simulator of Duo's endpoints, which the tests of a module share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.duo_simulator import running_duo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.duo_simulator import DuoSimulator


@pytest.fixture(scope="module")
def shared_duo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuoSimulator]:
    """Duo, as the test before has left it."""
    with running_duo(tmp_path_factory.mktemp("duo")) as simulator:
        yield simulator


@pytest.fixture
def duo(shared_duo: DuoSimulator) -> DuoSimulator:
    """Duo, as it is when nothing is amiss and nobody has asked."""
    shared_duo.behave()
    shared_duo.requests.clear()
    return shared_duo
