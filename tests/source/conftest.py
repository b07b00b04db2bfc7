"""What the tests of the source may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts.ldap_fake import FakeLdap
from tests.parts.ldap_proxy import CuttingProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.samba import Samba


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLdap]:
    """An empty directory that can be told to misbehave."""
    folder = tmp_path / "fake"
    folder.mkdir()
    directory = FakeLdap(folder)
    yield directory
    directory.close()


@pytest.fixture
def proxy(tmp_path: Path, samba: Samba) -> Iterator[CuttingProxy]:
    """A line to Samba that can be cut."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    line = CuttingProxy(folder, samba.address, samba.ca_file)
    yield line
    line.close()
