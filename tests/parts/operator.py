"""An operator's folder: a configuration, its secrets, and the command line run in it."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.parts.samba import Samba
    from tests.parts.scim_server import ScimEndpoint

# A process that has loaded the program, which takes a second and more, and forks one for each call.
MOTHER = """
import json, os, sys
import connector.bootstrap.cycles, connector.bootstrap.logins, connector.cli.sync, connector.log
from connector.cli.app import run
from connector.mapping.schema import attributes_of
attributes_of("User")
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(asked["folder"])
        os.environ["NO_COLOR"] = "1"
        new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, path, how in ((0, os.devnull, os.O_RDONLY), (1, asked["out"], new), (2, asked["err"], new)):
            os.dup2(os.open(path, how, 0o600), number)
        code = 70
        try:
            code = run(asked["arguments"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


_ONE_AT_A_TIME = threading.Lock()


@cache
def _mother() -> subprocess.Popen[str]:
    """Return the process that forks; it ends with the tests."""
    mother = subprocess.Popen(
        [sys.executable, "-c", MOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def end() -> None:
        mother.stdin.close()
        mother.wait()
        mother.stdout.close()

    atexit.register(end)
    return mother


LDAP_SOURCE = """\
[source]
servers = ["{url}"]
bind_dn = "{name}"
password = {{ file = "ad-password" }}
base = "{base}"
ca_file = "{ca_file}"
"""
FILE_SOURCE = '[source]\nkind = "file"\nfile = "{file}"\n'
TARGET = """\
[[target]]
name = "scim"
base_url = "{base_url}"
token = {{ file = "scim-token" }}
groups = "*"
{more}
[log]
level = "error"
"""


@dataclass
class Operator:
    """Somebody at a shell in a folder with a `connector.toml`."""

    folder: Path

    def write_source(self, samba: Samba) -> str:
        """Keep the domain's password; return the section of the source."""
        name, password = samba.administrator
        (self.folder / "ad-password").write_text(password)
        values = {"url": samba.url, "name": name, "base": samba.base, "ca_file": samba.ca_file}
        return LDAP_SOURCE.format(**values)

    def write_target(self, target: ScimEndpoint, more: str = "") -> str:
        """Keep the target's token; return the section of the target."""
        (self.folder / "scim-token").write_text(target.token)
        return TARGET.format(base_url=target.base_url, more=more)

    def configure(self, *sections: str) -> None:
        (self.folder / "connector.toml").write_text("\n".join(sections))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = dict(os.environ) | {"NO_COLOR": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "connector", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command to its end; return what it printed."""
        code, output, errors = self._call(arguments)
        assert code == expect, f"exit {code}\n{output}\n{errors}"
        return output

    def fail(self, *arguments: str, code: int = 1) -> str:
        """Run a command that is refused; return what it said."""
        ended, output, errors = self._call(arguments)
        assert ended == code, f"exit {ended}\n{output}\n{errors}"
        return errors

    def _call(self, arguments: tuple[str, ...]) -> tuple[int, str, str]:
        """Return the exit code of a command, what it printed, and what it said besides."""
        if not _ONE_AT_A_TIME.acquire(blocking=False):
            process = self.start(*arguments)
            output, errors = process.communicate(timeout=240)
            return process.returncode, output, errors
        try:
            return self._fork(arguments)
        finally:
            _ONE_AT_A_TIME.release()

    def _fork(self, arguments: tuple[str, ...]) -> tuple[int, str, str]:
        paths = {name: self.folder / f".{name}-of-the-call" for name in ("out", "err")}
        asked = {"arguments": arguments, "folder": str(self.folder)}
        asked |= {name: str(path) for name, path in paths.items()}
        mother = _mother()
        mother.stdin.write(json.dumps(asked) + "\n")
        mother.stdin.flush()
        code = int(mother.stdout.readline())
        return code, *(path.read_text() for path in paths.values())

    def run_json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect))
