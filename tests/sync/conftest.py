"""Fixtures of whole cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sync.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from connector.clock import FixedClock


@pytest.fixture
def bench(engine: Engine, clock: FixedClock, tmp_path: Path) -> Bench:
    bench = Bench(engine, clock, tmp_path)
    for name in ("anna", "bela", "cleo", "dora", "emil"):
        bench.company.add_user(name)
    bench.company.add_group("inner", "cleo")
    bench.company.add_group("staff", "anna", "bela", "inner")
    return bench
