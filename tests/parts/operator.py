"""An operator's folder: a configuration, its secrets, and the command line run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.parts.samba import Samba
    from tests.parts.scim_server import ScimEndpoint

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
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=240)
        assert process.returncode == expect, f"exit {process.returncode}\n{output}\n{errors}"
        return output

    def fail(self, *arguments: str, code: int = 1) -> str:
        """Run a command that is refused; return what it said."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=240)
        assert process.returncode == code, f"exit {process.returncode}\n{output}\n{errors}"
        return errors

    def run_json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect))
