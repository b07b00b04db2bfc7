"""The demo: everything on this machine alone, from a sample company to a sign-on.

A company in a TOML file is the source, a SCIM service in this process stands in for Mimecast, and
a small SAML application waits for visitors.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
import tomllib
import urllib.request
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from connector.bootstrap.opening import open_state
from connector.clock import SystemClock
from connector.daemon import Daemon, run_until_signal
from connector.demo.sample_app import sample_app
from connector.demo.sample_saml import sp_metadata
from connector.demo.scim_service import Behaviour, ScimService, scim_app
from connector.errors import ConnectorError
from connector.log import start_logging
from connector.planner.render import counts_by_verb
from connector.settings import Listen, load_settings
from connector.web.server import Listener, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connector.sync.cycle import CycleReport
    from connector.sync.serving import TargetReport

MARKER = "made-by-connector-demo"
LOOK_AGAIN_SECONDS = 0.5
SCHEDULE = "5m"

CONFIGURATION = """\
# The demo's configuration; a real one is written by `connector init`.
[source]
kind = "file"
file = "company.toml"

[schedule]
every = "{schedule}"

[[target]]
name = "mimecast"
base_url = "{scim}/scim/v2"
token = {{ file = "scim-token" }}
mapping = "mimecast.toml"
groups = ["{mail_group}"]

[idp]
base_url = "{idp}"
listen = "127.0.0.1:{idp_port}"
organization = "Northwind"
help_url = "{app}"

[[application]]
name = "Northwind Intranet"
metadata = "intranet.xml"
groups = ["{app_group}"]
# It takes no answer that it has not asked for.
login_url = "{app}/sign-in"

[[link]]
name = "What Mimecast holds"
url = "{scim}"
groups = "*"

# Who has a second factor is asked for it; who has none is let in without, so that the demo is easy
# to enter. Say "enrol" instead, and everybody adds one at the next sign-in.
[policy]
new_users = "allow"
remembered_devices = "shared"

[operations]
listen = "127.0.0.1:{operations_port}"

[log]
level = "error"
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of the demo is; browsers must come by the name localhost."""

    first_port: int

    @property
    def idp(self) -> str:
        """Return where people sign in."""
        return f"http://localhost:{self.first_port}"

    @property
    def idp_metadata(self) -> str:
        """Return where the application fetches our metadata."""
        return f"{self.idp}/saml/metadata/northwind-intranet"

    @property
    def scim(self) -> str:
        """Return where the SCIM service is."""
        return f"http://localhost:{self.first_port + 1}"

    @property
    def app(self) -> str:
        """Return where the application is."""
        return f"http://localhost:{self.first_port + 2}"


def run(folder: Path, first_port: int, tell: Callable[[str], None] = print) -> int:
    """Run the demo until Ctrl-C.

    Raises:
        ConnectorError: if the folder is somebody else's, or a port is taken.

    """
    addresses = Addresses(first_port)
    token = secrets.token_urlsafe(24)
    service = ScimService(Behaviour(requests_per_second=100))
    listeners = [
        Listener(scim_app(service, token=token), Listen("127.0.0.1", first_port + 1)),
        Listener(
            sample_app(addresses.app, lambda: _fetch(addresses.idp_metadata)),
            Listen("127.0.0.1", first_port + 2),
        ),
    ]
    # Before the folder is made anew: if the ports are taken, another demo is at work in it.
    with serving(listeners):
        _prepare(folder, addresses, token)
        settings = load_settings(folder / "connector.toml")
        start_logging(settings.log.level, settings.log.format)
        engine = open_state(settings)
        try:
            narrator = _Narrator(folder, addresses, service, tell)
            daemon = Daemon(settings, engine, SystemClock(), narrator.report)
            with _watching(folder / "company.toml", daemon.run_now):
                tell(f"Syncing the sample company to the SCIM service at {addresses.scim} ...")
                run_until_signal(daemon)
        finally:
            engine.dispose()
    tell("\nThe demo has ended. Its files are in the folder " + str(folder) + ".")
    return 0


def _prepare(folder: Path, addresses: Addresses, token: str) -> None:
    """Make the demo's folder anew."""
    if folder.exists():
        if not (folder / MARKER).is_file():
            message = f"{folder} is there already and not from a demo; name another: --folder"
            raise ConnectorError(message)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    company = files("connector.demo") / "company.toml"
    text = company.read_text(encoding="utf-8")
    (folder / "company.toml").write_text(text, encoding="utf-8")
    base = tomllib.loads(text)["base"]
    (folder / "scim-token").write_text(token, encoding="utf-8")
    (folder / "scim-token").chmod(0o600)
    metadata = sp_metadata(addresses.app, signs_out=True)
    (folder / "intranet.xml").write_text(metadata, encoding="utf-8")
    configuration = CONFIGURATION.format(
        schedule=SCHEDULE,
        scim=addresses.scim,
        idp=addresses.idp,
        app=addresses.app,
        idp_port=addresses.first_port,
        operations_port=addresses.first_port + 3,
        mail_group=f"CN=Mimecast Users,OU=Groups,{base}",
        app_group=f"CN=Intranet Users,OU=Groups,{base}",
    )
    (folder / "connector.toml").write_text(configuration, encoding="utf-8")


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own URL
        content: bytes = answer.read()
        return content


class _watching:  # noqa: N801 - reads as a statement
    """Calls back whenever a file changes, for as long as the block runs."""

    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        seen = self._stamp()
        while not self._stop.wait(LOOK_AGAIN_SECONDS):
            now = self._stamp()
            if now != seen:
                seen = now
                self._on_change()

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:  # an editor that replaces the file
            return (0, 0)
        return (stat.st_mtime_ns, stat.st_size)


class _Narrator:
    """Tells what each cycle did."""

    def __init__(
        self, folder: Path, addresses: Addresses, service: ScimService, tell: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._addresses = addresses
        self._service = service
        self._tell = tell
        self._is_first = True
        self._command = sys.argv[0] if sys.argv[0].endswith("connector") else "connector"

    def report(self, report: CycleReport) -> None:
        """Tell about a cycle."""
        if report.read is None:
            self._tell(f"  Cycle {report.cycle_id}: {report.reason}. Nothing was changed.")
            return
        counts = report.directory
        self._tell(
            f"  Cycle {report.cycle_id}: {counts.users} people and {counts.groups} groups read."
        )
        for problem in report.read.problems:
            name = problem.distinguished_name.partition(",")[0]
            self._tell(f"    Cannot be mapped: {name}: {problem.attribute_path} {problem.problem}.")
        for part in report.targets:
            self._tell(f"    {part.target}: {_words(part)}.")
        if self._is_first:
            self._is_first = False
            self._tell(self._invitation())

    def _invitation(self) -> str:
        throttled = self._service.throttled_count
        return f"""
The SCIM service said "too many requests" {throttled} times: it was waited for, nothing was lost.

  What Mimecast would hold   {self._addresses.scim}
  The application            {self._addresses.app}
  Sign-on and your apps      {self._addresses.idp}

Open the application, choose "Sign in", and come in as:

{_people(self._folder / "company.toml")}

A second factor: sign in at {self._addresses.idp}, choose "Devices and keys" and add a passkey or an
authenticator app; the next sign-in asks for it, or the passkey signs in alone.

Edit {self._folder / "company.toml"} (a family name, a new person) and save: it arrives at once.
In another terminal: {self._command} -c {self._folder / "connector.toml"} status
                     (or: plan, runs list, app list; --help has more)
Ctrl-C ends the demo.
"""


def _words(part: TargetReport) -> str:
    if part.plan is None or not part.plan.operations:
        return part.reason or f"in step, nothing to send ({part.status})"
    verbs = ", ".join(f"{count} to {verb}" for verb, count in counts_by_verb(part.plan).items())
    done = f"{part.counts['applied']} of {len(part.plan.operations)} requests done"
    return f"{verbs}; {done}" + (f"; {part.reason}" if part.reason else "")


def _people(company: Path) -> str:
    """Return whom to log in as: the people that the company's file presents."""
    table = tomllib.loads(company.read_text(encoding="utf-8"))
    lines = [f"    {one['mail']:<36}{one['why']}" for one in table["try"]]
    return "\n".join([*lines, f"    Everybody's password: {table['password_hint']}"])
