"""State databases that are migrated already: to run all migrations takes a tenth of a second."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from state.engine import open_engine
from state.migrate import upgrade

if TYPE_CHECKING:
    from sqlalchemy import Engine


@cache
def _origin() -> Path:
    """Return an empty database, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="state-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "state.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


def new_state(path: Path, **options: bool) -> Engine:
    """Return an engine on a new database, as `upgrade` leaves it; options are of `open_engine`."""
    shutil.copy(_origin(), path)
    return open_engine(f"sqlite:///{path}", **options)
