"""A throw-away PostgreSQL: Debian's server, on its own port and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from state.engine import open_engine
from state.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

PROGRAMS = Path("/usr/lib/postgresql")
# Nothing here outlives the tests, so nothing has to reach the disk.
OPTIONS = "-c fsync=off -c full_page_writes=off -c max_connections=50 -c shared_buffers=16MB"
DATABASE = "state"
MIGRATIONS = files("state") / "migrations"


class Postgresql:
    """A server with one database, migrated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()

    def start(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        _run("initdb", "-D", str(self._folder / "data"), "-A", "trust", "-U", "postgres", "-N")
        where = f"-p {self._port} -c listen_addresses=127.0.0.1 -k {self._folder} {OPTIONS}"
        log = str(self._folder / "log")
        _run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", log, "-o", where, "start")
        self._command(f"CREATE DATABASE {DATABASE}")
        engine = open_engine(self.url(DATABASE))
        upgrade(engine)
        engine.dispose()

    def stop(self) -> None:
        _run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{database}"

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """Yield an engine on the one database, which is empty, and will be empty again.

        To make a database takes a third of a second, to empty one a hundredth.
        """
        engine = open_engine(self.url(DATABASE))
        try:
            yield engine
        finally:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"TRUNCATE {', '.join(SQLModel.metadata.tables)}")
                version = ScriptDirectory(str(MIGRATIONS)).get_current_head()
                connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")
            engine.dispose()

    def _command(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def running_postgresql() -> Iterator[Postgresql]:
    """Yield a server; a missing package fails with its name."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        server = Postgresql(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _run(program: str, *arguments: str) -> None:
    found = sorted(PROGRAMS.glob(f"*/bin/{program}"))
    assert found, "missing Debian packages; run: apt-get install -y postgresql"
    # The server refuses to run as root.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, str(found[-1]), *arguments],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
