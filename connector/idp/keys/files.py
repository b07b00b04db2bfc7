"""Secrets as files that only we can read, made when they are first asked for."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET_FILE = "form-secret"
_SECRET_BYTES = 32


def load_or_create_secret(folder: Path) -> bytes:
    """Return the secret that binds forms to their step; it outlives restarts.

    Raises:
        ConfigurationError: if the file cannot be read or written, or others can read it.

    """
    path = folder / SECRET_FILE
    content = read_or_create(path, lambda: secrets.token_hex(_SECRET_BYTES).encode())
    if len(content.strip()) < 2 * _SECRET_BYTES:
        raise fault_of(path, "is too short for a secret; delete it and a new one is made")
    return content.strip()


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what a file holds; if it is not there, it is made, by one process only.

    Raises:
        ConfigurationError: if it cannot be read or written, or others can read it.

    """
    try:
        if not path.exists():
            _write_once(path, make())
    except OSError as error:
        raise fault_of(path, error.strerror or "cannot be written") from error
    return read_private(path)


def read_private(path: Path) -> bytes:
    """Return what a file holds that only we can read.

    Raises:
        ConfigurationError: if it cannot be read, or others can read it.

    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise fault_of(path, "others can read it; do: chmod 600")
        return path.read_bytes()
    except OSError as error:
        raise fault_of(path, error.strerror or "cannot be read") from error


def fault_of(path: Path, problem: str) -> ConfigurationError:
    """Return the error that says what is wrong with a file."""
    return ConfigurationError([Fault(str(path), "", problem)])


def _write_once(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; if another process was first, keep what it wrote."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
