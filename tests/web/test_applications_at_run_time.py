"""Applications come, change and stay while the daemon runs; every process that answers knows."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from connector.demo.sample_saml import (
    authn_request_url,
    read_idp_metadata,
    sp_metadata,
)
from connector.idp.application.following import LOOK_SECONDS
from tests.parts.identity_provider import free_port
from tests.parts.logo import LOGO
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import PATIENCE, serving
from tests.web.test_crew import COMPANY, SIGN_ON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.service import Service

pytestmark = pytest.mark.real

INTRANET = "https://intranet.corp.example"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def operator(tmp_path: Path, port: int) -> Operator:
    operator = Operator(tmp_path)
    (tmp_path / "company.toml").write_text(COMPANY)
    (tmp_path / "sp.xml").write_text(sp_metadata(INTRANET))
    (tmp_path / "logo.svg").write_bytes(LOGO)
    sections = SIGN_ON.format(operations=free_port(), port=port)
    operator.configure(FILE_SOURCE.format(file="company.toml"), sections)
    return operator


@pytest.fixture
def service(operator: Operator) -> Iterator[Service]:
    text = (operator.folder / "connector.toml").read_text()
    operations = int(text.partition("[operations]")[2].partition("127.0.0.1:")[2].split('"')[0])
    with serving(operator.start("run"), operations) as running:
        yield running


def statuses(port: int) -> set[int]:
    """Return how AuthnRequests of the intranet are answered, by whichever process takes them."""
    base_url = f"http://127.0.0.1:{port}"
    provider = read_idp_metadata(httpx.get(f"{base_url}/saml/metadata").content)
    found = set()
    for _ in range(12):
        url = authn_request_url(
            provider, INTRANET, request_id=f"_{uuid4().hex}", now=datetime.now(UTC)
        )
        local = url.replace("//localhost:", "//127.0.0.1:")
        found.add(httpx.get(local, timeout=PATIENCE).status_code)
    return found


def await_statuses(port: int, wanted: int) -> None:
    """Wait until every process answers so; the log does not say whose lines are whose."""
    end = time.monotonic() + PATIENCE
    while (found := statuses(port)) != {wanted}:
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_an_application_that_is_added_is_open_without_a_restart(
    operator: Operator, service: Service, port: int
):
    assert statuses(port) == {400}

    operator.run("app", "add", "Intranet", "--metadata", "sp.xml", "--group", "*")

    await_statuses(port, 303)
    assert service.wait_for("applications.replaced")["applications"] == ["intranet"]


def test_metadata_that_is_edited_is_taken_up(operator: Operator, service: Service, port: int):
    operator.run("app", "add", "Intranet", "--metadata", "sp.xml", "--group", "*")
    await_statuses(port, 303)

    (operator.folder / "sp.xml").write_text(sp_metadata("https://other.corp.example"))

    await_statuses(port, 400)


def test_the_file_is_read_anew_on_sighup_and_with_faults_nothing_changes(
    operator: Operator, service: Service, port: int
):
    operator.run("app", "add", "Intranet", "--metadata", "sp.xml", "--group", "*")
    await_statuses(port, 303)
    path = operator.folder / "connector.toml"
    good = path.read_text()

    path.write_text(good + 'encrypt = "perhaps"\n')
    service.send(signal.SIGHUP)
    assert "encrypt" in service.wait_for("applications.kept")["reason"]
    end = time.monotonic() + 2 * LOOK_SECONDS  # by then every process has looked
    while time.monotonic() < end:
        assert statuses(port) == {303}

    path.write_text(good.replace('name = "Intranet"', 'name = "Renamed"'))
    service.send(signal.SIGHUP)
    while service.wait_for("applications.replaced")["applications"] != ["renamed"]:
        pass
    assert statuses(port) == {303}
