"""A shell for every test of the command line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.scim_server import Simulator


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONNECTOR_CONFIG", raising=False)
    handlers, level = list(logging.root.handlers), logging.root.level
    yield Shell(capsys, tmp_path)
    # A command sends the log to this test's standard error, which ends with the test.
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    """A shell beside a small company and an empty target."""
    shell.set_up(mimecast)
    return shell
