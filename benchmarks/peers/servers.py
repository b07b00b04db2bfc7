"""Servers of a benchmark: a folder of their own, processes ended by number, and what those cost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Debian's account for web servers; some of them refuse to run as root.
ACCOUNT = "www-data"
PATIENCE_SECONDS, STOP_SECONDS = 60, 15
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def require_programs(*programs: str) -> None:
    """Say which programs are missing, and end."""
    missing = [name for name in programs if not shutil.which(name, path=_path())]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; `make bench` installs what it needs")


@contextmanager
def folder_of_servers() -> Iterator[Path]:
    """Yield a folder in which the servers may write; it goes with the block, SIGTERM or not."""
    # By itself the signal would end us and leave the servers.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def hand_over(folder: Path) -> None:
    """Give a folder and what is in it to the account of the servers."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, ACCOUNT, ACCOUNT)


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as probe:
        return int(probe.getsockname()[1])


def make_certificate(folder: Path) -> str:
    """Write key.pem and certificate.pem, RSA-2048; return the certificate."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return (folder / "certificate.pem").read_text()


def debian_version(package: str) -> str:
    """Return a package's version without Debian's own part of it, such as "1.19.7"."""
    command = ["dpkg-query", "-W", "-f=${Version}", package]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.partition("-")[0].partition("+")[0]


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    as_account: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server; with the block it ends, and so do its children.

    Args:
        command: Keeps to the foreground.
        log: Gets all that it prints.
        environment: Further variables.
        as_account: Run as `ACCOUNT`, if we are root; otherwise as who we are.

    """
    account = ACCOUNT if as_account and os.geteuid() == 0 else None
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=log.parent,
            env=os.environ | {"PATH": _path()} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=account,
            group=account,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def await_listener(
    address: tuple[str, int] | Path, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Return when a server can be connected to; raise SystemExit with its log if it is not to be.

    Args:
        address: Address and port, or the path of a socket.
        process: The server.
        log: What it prints.

    """
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if _is_listening(address):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} does not answer at {address}\n{log.read_text()}")


def _is_listening(address: tuple[str, int] | Path) -> bool:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(address) if isinstance(address, Path) else address) == 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What processes and their children have cost so far, and hold now.

    Attributes:
        cpu_seconds: User and system time, that of ended children included.
        resident_bytes: Resident memory, summed; what they share is counted for each.
        processes: How many there are.

    """

    cpu_seconds: float
    resident_bytes: int
    processes: int


def cost_of(roots: Sequence[int]) -> Cost:
    """Return what these processes and all below them cost (proc(5))."""
    stats = _read_stats()
    tree = set(roots)
    while more := {pid for pid, stat in stats.items() if int(stat[1]) in tree} - tree:
        tree |= more
    alive = [stats[pid] for pid in tree if pid in stats]
    return Cost(
        # utime, stime, cutime, cstime
        cpu_seconds=sum(sum(map(int, stat[11:15])) for stat in alive) / _TICKS_A_SECOND,
        resident_bytes=sum(int(stat[21]) for stat in alive) * _PAGE_BYTES,
        processes=len(alive),
    )


@dataclass(slots=True)
class Meter:
    """What servers cost while they are under load.

    Attributes:
        roots: Numbers of their processes.
        seconds: How long it ran.
        server_seconds: Processor time of the servers.
        client_seconds: Of this process.
        busy_seconds: Of everybody on this machine.

    """

    roots: Sequence[int]
    seconds: float = 0.0
    server_seconds: float = 0.0
    client_seconds: float = 0.0
    busy_seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add what is spent for as long as the block runs."""
        before = self._read()
        yield
        after = self._read()
        self.seconds += after[0] - before[0]
        self.server_seconds += after[1] - before[1]
        self.client_seconds += after[2] - before[2]
        self.busy_seconds += after[3] - before[3]

    @property
    def others_share(self) -> float:
        """Return how much of the machine was taken by those who have no part in it, of 1."""
        others = self.busy_seconds - self.server_seconds - self.client_seconds
        return others / self.seconds / (os.cpu_count() or 1)

    def _read(self) -> tuple[float, float, float, float]:
        servers = cost_of(self.roots).cpu_seconds
        return time.perf_counter(), servers, time.process_time(), _busy_seconds()


def _busy_seconds() -> float:
    """Return the processor time that everybody on this machine has taken so far (proc(5))."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS_A_SECOND


def _read_stats() -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat after the name, by process."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            line = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        stats[int(path.parent.name)] = line.rpartition(")")[2].split()
    return stats


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process kindly, and then whatever of its session is left."""
    if process.poll() is None:
        process.terminate()
        # It is not reaped before its group is ended, so that the number stays its own.
        state, end = os.WEXITED | os.WNOHANG | os.WNOWAIT, time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and os.waitid(os.P_PID, process.pid, state) is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


def _path() -> str:
    # Servers are in folders that an ordinary account does not search.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
