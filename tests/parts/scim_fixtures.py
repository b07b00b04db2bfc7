"""Fixtures of SCIM services; import them into a conftest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.scim_server import running_scim2_server, running_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.scim_server import ScimEndpoint, Simulator


@pytest.fixture
def mimecast() -> Iterator[Simulator]:
    """The simulator, true to the standard until told otherwise by `behave`."""
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def scim2_server() -> Iterator[ScimEndpoint]:
    """scim2-server in its own process, empty."""
    with running_scim2_server() as server:
        yield server
