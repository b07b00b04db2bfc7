"""A shell for every test of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.shell import Shell
from tests.parts.log_fixtures import log_as_it_was  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.scim_server import Simulator


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    log_as_it_was: None,
) -> Shell:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONNECTOR_CONFIG", raising=False)
    return Shell(capsys, tmp_path)


@pytest.fixture
def desk(shell: Shell, mimecast: Simulator) -> Shell:
    """A shell beside a small company and an empty target."""
    shell.set_up(mimecast)
    return shell
