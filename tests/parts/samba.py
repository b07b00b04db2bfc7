"""A throw-away Active Directory: a Samba domain controller on a loopback address of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from connector.settings import Secret, SourceSettings
from tests.parts.samba_certificates import make_certificate
from tests.parts.samba_people import People
from tests.parts.samba_template import (
    ADMINISTRATOR,
    BASE,
    PASSWORD,
    REALM,
    cache_folder,
    snapshot,
    template,
    write_configuration,
)

if TYPE_CHECKING:
    from typing import IO, Any

SCRIPT = Path(__file__).with_name("samba_offline.py")
DEBIAN_PYTHON = "/usr/bin/python3"  # the only one that can import samba
SEEDED_PASSWORD = "User!Pass1word"
# A search of the rootDSE: base "", scope base, (objectClass=*).
ROOT_DSE_REQUEST = bytes.fromhex(
    "3025020101632004000a01000a0100020100020100010100870b6f626a656374436c6173733000"
)
START_SECONDS = 60


class Samba:
    """One domain controller; started by `start`, back at its beginning by `reset`.

    Attributes:
        address: Where it listens, with LDAP at 389 and LDAPS at 636.
        folder: All that it has.
        people: Changes its people and groups by LDAP, as its administrator.

    """

    def __init__(self) -> None:
        self._claim, self.address = _claim_address()
        self.folder = Path(tempfile.mkdtemp(prefix="connector-ad-")) / "dc"
        self.people = People(self)
        self._server: subprocess.Popen | None = None
        self._origin = template()

    @property
    def url(self) -> str:
        return f"ldaps://{self.address}"

    @property
    def base(self) -> str:
        return BASE

    @property
    def realm(self) -> str:
        return REALM

    @property
    def ca_file(self) -> Path:
        return self.folder / "private" / "tls" / "ca.pem"

    @property
    def administrator(self) -> tuple[str, str]:
        """Name to bind with, and password."""
        return ADMINISTRATOR, PASSWORD

    def source_settings(self, **overrides: Any) -> SourceSettings:
        """Settings of a source that reads this directory as its administrator."""
        values: dict[str, Any] = {
            "servers": (self.url,),
            "bind_dn": ADMINISTRATOR,
            "password": Secret("test", PASSWORD),
            "base": BASE,
            "ca_file": self.ca_file,
        }
        return SourceSettings(**(values | overrides))

    def start(self) -> None:
        """Start and wait until it answers; a copy of the template is made if there is none."""
        if not self.folder.exists():
            self._copy_origin()
        with (self.folder / "log" / "samba.out").open("w") as log:
            self._server = subprocess.Popen(
                ["samba", "-i", "-M", "prefork", "-s", self.folder / "etc" / "smb.conf"],
                stdin=subprocess.PIPE,  # closed, it ends: so too when the tests are killed
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_answer()

    def stop(self) -> None:
        """Stop at once; the data stays."""
        self.people.close()
        if self._server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server.stdin.close()
        self._server = None
        while _listens(self.address):
            time.sleep(0.005)

    def reset(self, users: int = 0, groups: int = 0) -> None:
        """Go back to the beginning: an empty domain, or one seeded with so many (kept for others).

        Seeded people are named user000000 and so on, see `samba_offline.py`.
        """
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._origin = _seeded(users, groups) if users or groups else template()
        self.start()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder.parent, ignore_errors=True)
        self._claim.close()

    def backdate_password(self, login: str, days: int) -> None:
        """Let a password be so many days old; 60 is too old for the domain's policy."""
        run_offline(self.folder, "backdate", login, str(days))

    def forbid_change(self, name: str) -> None:
        """Let a person not change the password, nor anybody else without being told the old one."""
        run_offline(self.folder, "forbid-change", name)

    def deny(self, login: str, *names: str, attribute: str = "") -> None:
        """Let an account no longer see entries and what stands in them, or an attribute of them."""
        run_offline(self.folder, "deny", login, attribute, *names)

    def allow(self, login: str, *names: str, attribute: str = "") -> None:
        """The opposite."""
        run_offline(self.folder, "allow", login, attribute, *names)

    def invalidate_certificate(self, *names: str, valid_days: int = 365) -> None:
        """Give it a certificate for other names, or of other times, and start it anew."""
        self.stop()
        make_certificate(self.folder / "private" / "tls", *names, valid_days=valid_days)
        self.start()

    def _copy_origin(self) -> None:
        shutil.copytree(self._origin, self.folder, symlinks=True)
        write_configuration(self.folder, self.address)
        names = (self.address, f"dc1.{REALM}")
        make_certificate(self.folder / "private" / "tls", *names)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.address):
            assert self._server.poll() is None, self._log()
            assert time.monotonic() < deadline, self._log()
            time.sleep(0.02)

    def _log(self) -> str:
        logs = [path.read_text(errors="replace") for path in (self.folder / "log").glob("*samba*")]
        return "samba did not start:\n" + "\n".join(logs)[-3000:]


def run_offline(folder: Path, *arguments: str) -> None:
    """Write into a directory's database file, past the server."""
    command = [DEBIAN_PYTHON, "-I", SCRIPT, folder, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def _seeded(users: int, groups: int) -> Path:
    def fill(folder: Path) -> None:
        shutil.copytree(template(), folder, symlinks=True, dirs_exist_ok=True)
        (folder / "ready").unlink()
        write_configuration(folder, "127.0.0.1")
        run_offline(folder, "seed", str(users), str(groups), SEEDED_PASSWORD)

    digest = SCRIPT.stat().st_mtime_ns % 10**9
    return snapshot(f"seeded-{users}-{groups}-{digest}", fill)


def _claim_address() -> tuple[IO[str], str]:
    """An address that no other process of ours uses, as long as the file is open."""
    for number in range(1, 255):
        claim = (cache_folder().parent / f"127.77.0.{number}").open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
        else:
            return claim, f"127.77.0.{number}"
    message = "254 domain controllers are running already"
    raise AssertionError(message)


def _answers(address: str) -> bool:
    """Whether both ports are served."""
    try:
        with socket.create_connection((address, 389), 5) as asked:
            asked.settimeout(10)
            asked.sendall(ROOT_DSE_REQUEST)
            answer = asked.recv(10)
        socket.create_connection((address, 636), 5).close()
    except OSError:
        return False
    return bool(answer)


def _listens(address: str) -> bool:
    for port in (389, 636):
        with suppress(ConnectionRefusedError, ConnectionResetError):
            socket.create_connection((address, port), 5).close()
            return True
    return False
