"""Passwords that people of a file have chosen: hashes, kept beside it for all processes."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from connector.errors import SourceUnavailable
from connector.source.stored_password import StoredPassword, parse_stored_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUFFIX = ".passwords"


class ChosenPasswords:
    """One file of them, named like the people's with another ending.

    What somebody chose holds while the people's file says the same of them as it did then.
    Every method raises SourceUnavailable if the file cannot be used.
    """

    def __init__(self, people: Path) -> None:
        self._path = people.with_suffix(SUFFIX)

    def of(self, login: str, written: str) -> tuple[StoredPassword, ...]:
        """Return what somebody chose, the latest first; nothing if they did not.

        Args:
            login: Who.
            written: What the people's file says of their password.

        """
        if not self._path.exists():
            return ()
        with self._opened("r", fcntl.LOCK_SH) as file:
            entry = _load(file).get(login, {})
            if entry.get("written") != written:
                return ()
            return tuple(parse_stored_password(one) for one in entry["chosen"])

    def keep(self, login: str, written: str, chosen: Sequence[StoredPassword]) -> None:
        """Keep what somebody chose, the latest first; the file is then there."""
        with self._opened("a+", fcntl.LOCK_EX) as file:
            entries = _load(file)
            entries[login] = {"written": written, "chosen": [str(one) for one in chosen]}
            file.seek(0)
            file.truncate()
            json.dump(entries, file, indent=1)

    @contextmanager
    def _opened(self, mode: str, lock: int) -> Iterator[IO[str]]:
        """Yield the file, locked until it is closed."""
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                fcntl.flock(file, lock)
                yield file
        except OSError as error:
            message = f"{self._path}: cannot be used: {error.strerror}"
            raise SourceUnavailable(message) from error
        except (ValueError, LookupError) as error:
            message = f"{self._path}: cannot be read: {error}; remove it"
            raise SourceUnavailable(message) from error


def _load(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    text = file.read()
    entries: dict[str, Any] = json.loads(text) if text else {}
    return entries
