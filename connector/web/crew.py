"""Keep several processes signing people in, so that no login waits for a sync, nor for another.

They inherit one listening socket, and take from it whoever comes next. One that ends by itself is
replaced; all of them end with the pipe to this process, however it ends.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from connector.web.server import ListenerUnavailable, bound_socket
from connector.web.worker import FAILED, READY, RELOAD, Order

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from connector.idp.application.following import Stamp
    from connector.settings import Settings
    from connector.settings.values import Listen

_STOP_SECONDS: Final = 10
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
# While everything is loaded there is no rubbish, and to look for it would take a sixth of the time.
_PROGRAM: Final = """\
import gc, sys
gc.disable()
from connector.web.worker import main
sys.exit(main())
"""

_log = structlog.get_logger()


class Crew:
    """The workers of one identity provider."""

    def __init__(
        self,
        settings: Settings,
        listen: Listen,
        size: int,
        configuration: Path | None = None,
        revision: Stamp = (),
    ) -> None:
        self._listen = listen
        self._order = partial(Order, settings, configuration=configuration, revision=revision)
        self._socket: socket.socket | None = None
        self._stopping = threading.Event()
        self._members = [_Member(number, self._stopping) for number in range(size)]

    @property
    def address(self) -> str:
        """Return where they listen."""
        if self._socket is None:
            return str(self._listen)
        host, port = self._socket.getsockname()[:2]
        return str(type(self._listen)(host, port))

    def start(self) -> None:
        """Listen, and return when every worker answers.

        Raises:
            ListenerUnavailable: if the address is taken, or a worker cannot start.

        """
        self._socket = bound_socket(self._listen)
        number = self._socket.fileno()
        try:
            for member in self._members:
                member.start(lambda: _start_worker(self._order(socket_number=number)))
            for member in self._members:
                member.wait_until_ready()
        except ListenerUnavailable:
            self.stop()
            raise

    def reload(self) -> None:
        """Have every worker use the TLS certificate files as they are now."""
        for member in self._members:
            member.tell(RELOAD)

    def stop(self) -> None:
        """Have them finish what they are answering, and end."""
        self._stopping.set()
        for member in self._members:
            member.let_go()
        for member in self._members:
            member.join()
        if self._socket is not None:
            self._socket.close()

    def fault(self) -> str:
        """Return what is wrong with them, or ""."""
        lacking = sum(not member.is_ready for member in self._members)
        return f"{lacking} of {len(self._members)} processes do not answer" if lacking else ""


class _Member:
    """The place of one worker, and whoever fills it."""

    def __init__(self, number: int, stopping: threading.Event) -> None:
        self._name = f"worker-{number}"
        self._stopping = stopping
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._is_settled = threading.Event()
        self._failure = ""
        self.is_ready = False

    def start(self, start_one: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._process = start_one()
        self._thread = threading.Thread(target=self._keep, args=(start_one,), name=self._name)
        self._thread.start()

    def wait_until_ready(self) -> None:
        self._is_settled.wait()
        if not self.is_ready:
            raise ListenerUnavailable(self._failure)

    def tell(self, command: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            # One that has just ended is started anew, with the files as they are then.
            with suppress(BrokenPipeError, ValueError):
                self._process.stdin.write(command)
                self._process.stdin.flush()

    def let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def join(self) -> None:
        if self._thread is None or self._process is None:
            return
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join()

    def _keep(self, start_one: Callable[[], subprocess.Popen[bytes]]) -> None:
        """Follow one process after another, until it is time to stop."""
        pause = _FIRST_PAUSE_SECONDS
        while self._process is not None:
            was_ready = self._follow(self._process)
            is_first_failure = not self._is_settled.is_set()
            self._is_settled.set()
            if self._stopping.is_set() or is_first_failure:
                return  # `start` says why
            pause = _FIRST_PAUSE_SECONDS if was_ready else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            _log.error("worker.ended", reason=self._failure, pause_seconds=pause)
            if self._stopping.wait(pause):
                return
            self._process = start_one()
            if self._stopping.is_set():
                self.let_go()

    def _follow(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of a process; return whether it was ready before."""
        was_ready, words = False, b""
        for line in process.stdout or ():
            if line == READY:
                was_ready = self.is_ready = True
                self._is_settled.set()
            elif line.startswith(FAILED):
                words = line.removeprefix(FAILED).strip()
        self.is_ready = False
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._failure = words.decode(errors="replace") or f"a login process ended with code {code}"
        return was_ready


def _start_worker(order: Order) -> subprocess.Popen[bytes]:
    """Return a process that has its order."""
    process = subprocess.Popen(  # noqa: S603 - a program of our own
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(order.socket_number,),
    )
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it says why by its end
            process.stdin.write(pickle.dumps(order))
            process.stdin.flush()
    return process
