"""Our identity provider as a user is served: `connector run`, in a process of its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.peers.application import METADATA
from benchmarks.peers.identity_provider import IdentityProvider
from benchmarks.peers.servers import PATIENCE_SECONDS, await_listener, free_port, running
from connector.demo.sample_saml import read_idp_metadata
from connector.source.stored_password import StoredPassword

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESS = "127.0.61.1"
DOMAIN = "corp.example"
PASSWORD = "correct horse"
LOG = "connector.log"
COMPANY = """\
domain = "{domain}"
company = "Example"
password = "{password}"

"""
PERSON = """\
[[person]]
login = "person{number}"
guid = "{guid}"
given = "Person"
family = "Number {number}"
title = "Engineer"
department = "Department {number}"
number = "{number:08d}"
phone = "+49 30 {number:07d}"
street = "Lindenallee {number}"
postcode = "10115"
city = "Berlin"
region = "BE"
country = "DE"
language = "de-DE"
attributes = {{ employeeType = "Employee", division = "Mail", middleName = "Q" }}

"""
FILE_SOURCE = """\
[source]
kind = "file"
file = "company.toml"
"""
CONFIGURATION = """\
[schedule]
every = "24h"
full_every = "1s"

[idp]
base_url = "http://{host}"
listen = "{host}"

[[application]]
name = "Application"
metadata = "application.xml"
groups = "*"

[application.attributes]
{attributes}

[operations]
listen = "{operations}"
"""
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ATTRIBUTES = {
    "mail": "emails.value",
    "uid": "userName",
    "displayName": "displayName",
    "givenName": "name.givenName",
    "middleName": "name.middleName",
    "sn": "name.familyName",
    "cn": "name.formatted",
    "title": "title",
    "preferredLanguage": "preferredLanguage",
    "employeeType": "userType",
    "telephoneNumber": "phoneNumbers.value",
    "street": "addresses.streetAddress",
    "l": "addresses.locality",
    "employeeNumber": f"{ENTERPRISE}:employeeNumber",
    "department": f"{ENTERPRISE}:department",
    "o": f"{ENTERPRISE}:organization",
}


@contextmanager
def running_ours(
    folder: Path, *, people: int = 2, source: str = "", more: str = ""
) -> Iterator[IdentityProvider]:
    """Start our identity provider; it ends with the block.

    Args:
        folder: For everything it writes.
        people: How many there are in its company; each signs in as `PASSWORD`.
        source: A section [source] instead of a company in a file.
        more: Further sections of the configuration.

    """
    if not source:
        write_company(folder, people)
    port, operations_port = free_port(ADDRESS), free_port(ADDRESS)
    host = f"{ADDRESS}:{port}"
    settings = CONFIGURATION.format(
        host=host,
        operations=f"{ADDRESS}:{operations_port}",
        attributes="\n".join(f'"{name}" = "{path}"' for name, path in ATTRIBUTES.items()),
    )
    (folder / "application.xml").write_text(METADATA)
    (folder / "connector.toml").write_text("\n".join([source or FILE_SOURCE, settings, more]))
    program = [sys.executable, "-m", "connector", "--config", folder / "connector.toml"]
    # The first load is over when the daemon starts: everybody can sign in at once.
    done = subprocess.run([*program, "sync"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"connector sync: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    log = folder / LOG
    with running([*program, "run"], log, as_account=False) as process:
        await_listener((ADDRESS, port), process, log)
        yield IdentityProvider(
            name=f"connector {version('connector')}",
            host=host,
            address=(ADDRESS, port),
            sso_url=f"http://{host}/saml/sso",
            certificate=_certificate(host),
            typed={"email": f"person0@{DOMAIN}", "password": PASSWORD},
            roots=(process.pid,),
        )


def write_company(folder: Path, people: int) -> None:
    """Write a company of so many people, "person0" and so on."""
    salt = b"benchmark"
    key = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
    head = COMPANY.format(domain=DOMAIN, password=StoredPassword(1024, 8, 1, salt, key))
    persons = (PERSON.format(number=n, guid=external_id(n)) for n in range(people))
    (folder / "company.toml").write_text(head + "".join(persons))


def external_id(number: int) -> str:
    """Return the key of a person of that company."""
    return str(UUID(int=number, version=4))


def _certificate(host: str) -> str:
    # It listens before its processes answer.
    url, patience = f"http://{host}/saml/metadata", PATIENCE_SECONDS
    with urllib.request.urlopen(url, timeout=patience) as answer:
        (certificate,) = read_idp_metadata(answer.read()).certificates
    return certificate
