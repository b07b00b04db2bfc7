"""What a login by password costs on top of the bare bind on a new TLS connection.

Run it as `python -m benchmarks.password_speed`. Against slapd, then against Samba, people sign in
over HTTP to `connector run`, whose pages they fill in on a connection that stays. Counted is what
somebody waits for after typing the password: the POST of the password, and the GET to which it
leads, up to the last byte of the page that carries the signed Response. What comes before (the
AuthnRequest, the page and the POST of the e-mail address, the page of the password) is made each
time, and not counted. Each login takes turns with a bare bind: connect, TLS, bind, nothing else.

Bar: 6 ms on top, by the medians. A person types the password for a while, in which we open a
connection ahead; the second line is of a program that does not pause, and mostly finds none.
"""

from __future__ import annotations

import argparse
import re
import signal
import socket
import statistics
import tempfile
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.browser import Browser, require_response
from benchmarks.peers.identity_provider import IdentityProvider
from benchmarks.peers.servers import free_port
from benchmarks.read_speed import BASE, PASSWORD, READER, running_slapd, to_ldif
from connector.demo.sample_saml import authn_request_url, read_idp_metadata, sp_metadata
from connector.mapping.load import shipped_folder
from connector.settings import load_settings
from connector.source.ldap import LdapConnection
from connector.source.ldap_tls import to_servers
from connector.source.password import PasswordVerdict
from tests.parts.operator import Operator
from tests.parts.samba import SEEDED_PASSWORD, Samba

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.browser import Answer

BAR_MS = 6.0
PEOPLE, LOGINS = 100, 200
TYPING_SECONDS = 0.05
ADDRESS = "127.0.62.1"
APPLICATION = "https://intranet.corp.example"
USER_PASSWORD = "Correct.Horse.7"
CONFIGURATION = """\
[idp]
base_url = "http://localhost:{port}"
listen = "{address}:{port}"

[[application]]
name = "Intranet"
metadata = "application.xml"
groups = "*"

[operations]
listen = "{address}:{operations}"

[log]
level = "error"
"""


@dataclass(frozen=True, slots=True)
class Directory:
    """A server with people who sign in.

    Attributes:
        name: For the table.
        source: Section of the configuration.
        people: E-mail address and the name to bind with.
        password: Everybody's.

    """

    name: str
    source: str
    people: list[tuple[str, str]]
    password: str


def sign_in(browser: Browser, url: str, email: str, password: str, pause: float) -> float:
    """Sign in as a new visitor; return the seconds after the password was typed."""
    browser.cookies.clear()
    path, token = _form(browser.fetch(url), "email")
    page = browser.fetch(path, {"step_token": token, "email": email})
    time.sleep(pause)
    path, token = _form(page, "password")
    begun = time.perf_counter()
    page = browser.fetch(path, {"step_token": token, "password": password})
    taken = time.perf_counter() - begun
    require_response(page)
    return taken


def _form(page: Answer, step: str) -> tuple[str, str]:
    """Return where the form of a step goes, and its token."""
    text = page.body.decode()
    path = re.search(rf'action="([^"]+/{step})"', text)
    token = re.search(r'name="step_token" value="([^"]+)"', text)
    assert path, text
    assert token, text
    return path[1], token[1]


def measure(directory: Directory, logins: int) -> None:
    with tempfile.TemporaryDirectory() as place, running(Path(place), directory) as port:
        servers = to_servers(load_settings(Path(place) / "connector.toml").source)

        def bind_bare(name: str) -> float:
            begun = time.perf_counter()
            connection = LdapConnection(servers.endpoints[0], servers)
            verdict = connection.bind(name, directory.password)
            connection.close()
            taken = time.perf_counter() - begun
            assert verdict is PasswordVerdict.ACCEPTED
            return taken

        numbers = iter(range(10**9))

        def ask() -> str:
            now, number = datetime.now(UTC), next(numbers)
            return authn_request_url(provider, APPLICATION, request_id=f"_{number}", now=now)

        for _, name in directory.people:
            bind_bare(name)  # Samba writes to its disk when somebody binds for the first time
        browser = Browser(_ours(port), {})
        provider = read_idp_metadata(browser.fetch("/saml/metadata").body)
        bare: list[float] = []
        person: list[float] = []
        program: list[float] = []
        for number in range(-20, logins):
            email, name = directory.people[number % len(directory.people)]
            taken = (
                bind_bare(name),
                sign_in(browser, ask(), email, directory.password, TYPING_SECONDS),
                bind_bare(name),
                sign_in(browser, ask(), email, directory.password, 0),
            )
            if number >= 0:  # the first ones warm up
                bare += taken[::2]
                person.append(taken[1])
                program.append(taken[3])
    _report(directory.name, bare, person, program)


def _report(name: str, bare: list[float], person: list[float], program: list[float]) -> None:
    limit = statistics.median(bare)
    print(f"{name}: {len(person)} logins each, in ms{'':14}p50     p95   on top (p50)")
    for label, taken in (
        ("bare bind on a new TLS connection", bare),
        ("login of a person", person),
        ("login without a pause", program),
    ):
        middle, late = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        top = "" if taken is bare else f"{(middle - limit) * 1e3:10.1f}   bar {BAR_MS:.0f}"
        print(f"  {label:36}{middle * 1e3:8.1f}{late * 1e3:8.1f}{top}")


@contextmanager
def running(folder: Path, directory: Directory) -> Iterator[int]:
    """Run the daemon until the block ends; yield its port once everybody can sign in."""
    ports = [free_port(ADDRESS), free_port(ADDRESS)]
    values = {"address": ADDRESS, "port": ports[0], "operations": ports[1]}
    operator = Operator(folder)
    (folder / "application.xml").write_text(sp_metadata(APPLICATION))
    operator.configure(directory.source, CONFIGURATION.format(**values))
    _bind_as(folder, directory)
    operator.run("sync")
    daemon = operator.start("run")
    try:
        _await(ports[0])
        yield ports[0]
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=60)


def _bind_as(folder: Path, directory: Directory) -> None:
    """slapd knows people by their distinguished names, which stand in their descriptions."""
    if directory.name != "slapd":
        return
    (folder / "mappings").mkdir()
    name = "active_directory.user.toml"
    text = (shipped_folder() / name).read_text()
    assert 'bind = "userPrincipalName"' in text
    changed = text.replace('bind = "userPrincipalName"', 'bind = "description"')
    tomllib.loads(changed)
    (folder / "mappings" / name).write_text(changed)


def _await(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection((ADDRESS, port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the daemon did not start")


def _ours(port: int) -> IdentityProvider:
    host = f"localhost:{port}"
    return IdentityProvider(
        "connector", host, (ADDRESS, port), f"http://{host}/saml/sso", "", {}, ()
    )


def _to_entry(number: int) -> str:
    name = f"CN=person{number:06d},OU=People,{BASE}"
    return to_ldif(number) + f"userPassword: {USER_PASSWORD}\ndescription: {name}\n"


def against_slapd(logins: int) -> None:
    with running_slapd(PEOPLE, _to_entry) as slapd, tempfile.NamedTemporaryFile("w") as secret:
        secret.write(PASSWORD)
        secret.flush()
        source = (
            f'[source]\nservers = ["{slapd.url}"]\nbind_dn = "{READER}"\nbase = "{BASE}"\n'
            f'password = {{ file = "{secret.name}" }}\nca_file = "{slapd.certificate}"\n'
            'user_filter = "(objectClass=inetOrgPerson)"\n'
            'group_filter = "(objectClass=groupOfNames)"\n'
        )
        people = [
            (f"person{n:06d}@corp.example", f"CN=person{n:06d},OU=People,{BASE}")
            for n in range(PEOPLE)
        ]
        measure(Directory("slapd", source, people, USER_PASSWORD), logins)


def against_samba(logins: int) -> None:
    samba = Samba()
    try:
        samba.reset(users=PEOPLE, groups=5)
        with tempfile.NamedTemporaryFile("w") as secret:
            name, password = samba.administrator
            secret.write(password)
            secret.flush()
            source = (
                f'[source]\nservers = ["{samba.url}"]\nbind_dn = "{name}"\nbase = "{samba.base}"\n'
                f'password = {{ file = "{secret.name}" }}\nca_file = "{samba.ca_file}"\n'
            )
            people = [(f"user{n:06d}@corp.example", f"user{n:06d}@ad.test") for n in range(PEOPLE)]
            measure(Directory("Samba", source, people, SEEDED_PASSWORD), logins)
    finally:
        samba.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--logins", type=int, default=LOGINS)
    arguments = parser.parse_args()
    against_slapd(arguments.logins)
    against_samba(arguments.logins)
