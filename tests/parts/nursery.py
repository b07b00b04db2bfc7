"""Command lines by the dozen: a process that has loaded the program forks one for each call.

A fresh interpreter takes a second to load; a test that kills fifty of them has better things to do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOTHER = """
import os, sys
import connector.bootstrap.cycles, connector.bootstrap.logins, connector.cli.sync, connector.log, connector.sync.cycle
from connector.cli.app import run
from connector.mapping.schema import attributes_of
attributes_of("User")  # the schemas take most of the time of a start
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        os._exit(run(line.split()))
    print(child, flush=True)
    # Its number stays its own until we are asked how it ended: nobody kills a stranger.
    sys.stdin.readline()
    _, status = os.waitpid(child, 0)
    print(status, flush=True)
"""


class Nursery:
    """Runs one command line after the other in a folder."""

    def __init__(self, folder: Path) -> None:
        self._mother = subprocess.Popen(
            [sys.executable, "-c", MOTHER],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._child = 0

    def start(self, *arguments: str) -> None:
        self._mother.stdin.write(" ".join(arguments) + "\n")
        self._mother.stdin.flush()
        self._child = int(self._mother.stdout.readline())

    def kill(self) -> bool:
        """End it as a power cut would; return False if it had ended by itself."""
        os.kill(self._child, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def wait(self) -> int:
        """Return its exit code when it has ended; that of who was killed is negative."""
        self._mother.stdin.write("\n")
        self._mother.stdin.flush()
        return os.waitstatus_to_exitcode(int(self._mother.stdout.readline()))

    def close(self) -> None:
        self._mother.stdin.close()
        self._mother.wait()
        self._mother.stdout.close()
