"""An identity provider for each test."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests.idp.bench import SignOnBench, make_bench

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from connector.clock import FixedClock

# Its examples are kept out of the tree, where pytest would complain about the folder.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "connector-hypothesis")


@pytest.fixture
def bench(engine: Engine, clock: FixedClock) -> SignOnBench:
    """An identity provider with one application, the intranet."""
    return make_bench(engine, clock)
