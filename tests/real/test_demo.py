"""The demo as a newcomer meets it: start it, sign in, edit the company, end it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pyotp
import pytest
from playwright.sync_api import expect

from tests.parts.browser import open_context, running_browser

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def four_free_ports() -> int:
    """Return the first of four ports in a row that nobody listens on."""
    for first in range(18440, 19440, 4):
        try:
            for port in range(first, first + 4):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    message = "no four free ports in a row"
    raise AssertionError(message)


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Return what the demo says, up to and with the line that matches."""
    said = ""
    for line in process.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(said + process.stderr.read())


def test_the_demo_syncs_signs_in_follows_an_edit_and_ends_cleanly(tmp_path: Path):
    port = four_free_ports()
    command = [sys.executable, "-u", "-m", "connector", "demo", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | {"NO_COLOR": "1"},
    )
    try:
        said = read_until(process, "Ctrl-C ends the demo")
        assert "299 people and 20 groups read" in said
        assert re.search(r'said "too many requests" [1-9]\d* times', said)
        assert "331 of 331 requests done" in said
        with running_browser() as browser, open_context(browser) as context:
            sign_in_and_look(context.new_page(), port)
        with running_browser() as browser, open_context(browser) as context:
            change_an_expired_password(context.new_page(), port)

        company = tmp_path / ".demo" / "company.toml"
        text = company.read_text()
        company.write_text(text.replace('family = "Keller"', 'family = "Keller-Lind"', 1))
        said = read_until(process, "mimecast: 1 to change; 1 of 1 requests done")
        company.write_text(text + "[[person")
        said = read_until(process, "Nothing was changed")
        assert "company.toml" in said

        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert "The demo has ended" in rest


def sign_in_and_look(page, port: int) -> None:
    page.goto(f"http://localhost:{port + 2}")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Work email").fill("alice.lind@northwind.example")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password").fill("northwind")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading")).to_have_text("Hello, Alice")
    page.goto(f"http://localhost:{port + 1}")
    expect(page.locator("body")).to_contain_text("alice.lind@northwind.example")
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/demo-scim.png")
    page.goto(f"http://localhost:{port}")
    page.get_by_role("link", name="Northwind Intranet").click()
    expect(page.get_by_role("heading")).to_have_text("Hello, Alice")
    assert page.url.startswith(f"http://localhost:{port + 2}")
    page.goto(f"http://localhost:{port}")
    expect(page.get_by_role("heading", name="Your applications")).to_be_visible()
    add_an_app(page, port)


def add_an_app(page, port: int) -> None:
    """Add a second factor, which the next sign-in asks for."""
    page.get_by_role("link", name="Devices and keys").click()
    page.get_by_role("button", name="Add a key").click()
    page.get_by_role("button", name="Add an authenticator app").click()
    app = pyotp.TOTP(page.locator(".spelled code").inner_text().replace(" ", ""))
    page.get_by_label("Code of six digits").fill(app.now())
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices and keys")
    page.context.clear_cookies()

    page.goto(f"http://localhost:{port}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Work email").fill("alice.lind@northwind.example")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password").fill("northwind")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code of six digits").fill(app.at(int(time.time()) + 30))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your applications")


def change_an_expired_password(page, port: int) -> None:
    """As the demo proposes; afterwards every process of it knows the new one."""
    for password in ("northwind", "Southwind.2027"):
        page.goto(f"http://localhost:{port + 2}")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Work email").fill("eve.stone@northwind.example")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        if password == "northwind":
            page.get_by_label("Current password").fill(password)
            for field in ("New password", "New password, once more"):
                page.get_by_label(field, exact=True).fill("Southwind.2027")
            page.get_by_role("button", name="Change and sign in").click()
        expect(page.get_by_role("heading")).to_have_text("Hello, Eve")
        page.context.clear_cookies()


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    command = [sys.executable, "-m", "connector", "demo", "--folder", "precious"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("error: precious is there already and not from a demo")
    assert (tmp_path / "precious" / "file").read_text() == "mine"
