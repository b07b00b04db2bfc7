"""The processes that sign people in: they come and go without anybody noticing."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.parts.identity_provider import free_port
from tests.parts.logo import LOGO
from tests.parts.operator import FILE_SOURCE, Operator
from tests.parts.service import PATIENCE, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parts.service import Service

pytestmark = pytest.mark.real

COMPANY = 'domain = "corp.example"\n[[person]]\nlogin = "ann"\n'
SIGN_ON = """
[log]
level = "info"
[operations]
listen = "127.0.0.1:{operations}"
[schedule]
every = "1h"
[idp]
base_url = "http://localhost:{port}"
listen = "127.0.0.1:{port}"
workers = 2
logo = "logo.svg"
colour = "#7a1fa2"
language = "de"
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def service(tmp_path: Path, port: int) -> Iterator[Service]:
    operator = Operator(tmp_path)
    (tmp_path / "company.toml").write_text(COMPANY)
    (tmp_path / "logo.svg").write_bytes(LOGO)
    operations = free_port()
    operator.configure(
        FILE_SOURCE.format(file="company.toml"), SIGN_ON.format(operations=operations, port=port)
    )
    with serving(operator.start("run"), operations) as running:
        yield running


def front_page(port: int) -> int:
    return httpx.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE).status_code


def children_of(process_id: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(parent) == process_id:
            found.append(int(stat.parent.name))
    return sorted(found)


def wait_until(condition: Callable[[], bool]) -> None:
    patience = threading.Event()
    for _ in range(PATIENCE * 20):
        if condition():
            return
        patience.wait(0.05)
    pytest.fail("it did not come to that")


def is_gone(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_one_that_is_killed_is_replaced_and_the_other_answers_meanwhile(
    service: Service, port: int
):
    first, second = children_of(service.process.pid)

    for killed in (first, second):
        os.kill(killed, signal.SIGKILL)
        assert front_page(port) == 200
        ended = service.wait_for("worker.ended")
        assert ended["reason"] == "a login process ended with code -9"
        wait_until(lambda: service.get("/readyz").status_code == 200)

    assert len(children_of(service.process.pid)) == 2
    assert not {first, second} & set(children_of(service.process.pid))


def test_they_end_with_the_daemon_however_it_ends(service: Service, port: int):
    workers = children_of(service.process.pid)
    assert front_page(port) == 200

    service.process.kill()

    wait_until(lambda: all(map(is_gone, workers)))


def test_what_the_operator_chose_for_the_pages_comes_to_the_browser(service: Service, port: int):
    base_url = f"http://127.0.0.1:{port}"
    page = httpx.get(base_url, headers={"accept-language": "en"}, timeout=PATIENCE)

    assert "Sie sind nicht angemeldet" in page.text
    for link in ("/static/brand/logo.svg", "/static/brand.css"):
        assert link in page.text
    logo = httpx.get(f"{base_url}/static/brand/logo.svg", timeout=PATIENCE)
    assert logo.content == LOGO
    sheet = httpx.get(f"{base_url}/static/brand.css", timeout=PATIENCE)
    assert "--fill: #7a1fa2" in sheet.text
