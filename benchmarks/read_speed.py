"""How fast a whole directory is read and decoded, beside ldapsearch, which decodes nothing.

Run it as `python -m benchmarks.read_speed`. It starts OpenLDAP's slapd on loopback with 20,000
people of 15 attributes each; all readers use TLS and pages of 1000 and take turns, so that only the
ratios mean anything. Bar: 0.35 of ldapsearch when everything is new.
"""

from __future__ import annotations

import argparse
import base64
import os
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.clock import SystemClock
from connector.settings import Secret, SourceSettings
from connector.source.ldap_library import ldap3
from connector.source.reader import LdapSource, Wanted
from connector.source.roll_call import RollCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BAR = 0.40
ROUNDS = 5
PAGE_SIZE = 1000
ADDRESS = "127.0.60.1"
BASE = "DC=corp,DC=example"
FILTER = "(objectClass=inetOrgPerson)"
READER, PASSWORD = f"CN=reader,{BASE}", "read-0nly"
ATTRIBUTES = (
    "objectGUID", "userAccountControl", "accountExpires", "sAMAccountName", "userPrincipalName",
    "mail", "givenName", "sn", "displayName", "title", "telephoneNumber", "employeeNumber", "l",
    "company", "proxyAddresses",
)  # fmt: skip
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/msuser.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/cert.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
sizelimit unlimited
database mdb
maxsize 1073741824
suffix "{base}"
rootdn "{reader}"
rootpw {password}
directory {folder}/database
index objectClass eq
"""


@dataclass(frozen=True, slots=True)
class Slapd:
    """A server that runs: where it is, the certificate that it shows, and its process."""

    url: str
    certificate: Path
    pid: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read cost: wall clock, and processor time of the reader alone."""

    seconds: float
    cpu_seconds: float


def to_ldif(number: int) -> str:
    """Return one person of the directory; names are not all ASCII."""
    login = f"person{number:06d}"
    given, family = ("Chloé", "Čapek") if number % 4 == 0 else ("Anna", "O'Neil")
    guid = base64.b64encode(uuid.uuid5(uuid.NAMESPACE_OID, login).bytes).decode()
    lines = {
        "dn": f"CN={login},OU=People,{BASE}",
        "objectClass": "inetOrgPerson\nobjectClass: extensibleObject",
        "cn": login,
        "objectGUID:": guid,
        "userAccountControl": "512",
        "accountExpires": "9223372036854775807",
        "sAMAccountName": login,
        "userPrincipalName": f"{login}@corp.example",
        "mail": f"{login}@corp.example",
        "givenName:": base64.b64encode(given.encode()).decode(),
        "sn:": base64.b64encode(family.encode()).decode(),
        "displayName:": base64.b64encode(f"{given} {family}".encode()).decode(),
        "title": f"Engineer {number % 7}",
        "telephoneNumber": f"+49 30 {number:06d}",
        "employeeNumber": f"{number:08d}",
        "l": "Berlin",
        "company": "Example",
        "proxyAddresses": f"SMTP:{login}@corp.example\nproxyAddresses: smtp:{number}@example.com",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


@contextmanager
def running_slapd(users: int, to_entry: Callable[[int], str] = to_ldif) -> Iterator[Slapd]:
    """Start a server that holds so many people; it ends with the block."""
    missing = [name for name in ("slapd", "slapadd", "ldapsearch") if not shutil.which(name)]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; apt-get install slapd ldap-utils")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _fill(folder, map(to_entry, range(users)))
        with socket.create_server((ADDRESS, 0)) as probe:
            url = f"ldaps://{ADDRESS}:{probe.getsockname()[1]}"
        command = ["slapd", "-h", url, "-f", folder / "slapd.conf", "-d", "0"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _await(url, server)
            yield Slapd(url, folder / "cert.pem", server.pid)
        finally:
            server.terminate()
            server.wait(20)


def _fill(folder: Path, entries: Iterable[str]) -> None:
    (folder / "database").mkdir()
    _write_certificate(folder)
    configuration = CONFIGURATION.format(folder=folder, base=BASE, reader=READER, password=PASSWORD)
    (folder / "slapd.conf").write_text(configuration)
    top = f"dn: {BASE}\nobjectClass: domain\ndc: corp\n"
    unit = f"dn: OU=People,{BASE}\nobjectClass: organizationalUnit\nou: People\n"
    text = "\n".join([top, unit, *entries])
    command = ["slapadd", "-q", "-f", folder / "slapd.conf"]
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slapd")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    host, _, port = url.removeprefix("ldaps://").rpartition(":")
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("slapd did not start")


def read_by_ldapsearch(slapd: Slapd) -> None:
    command = [
        "ldapsearch", "-LLL", "-H", slapd.url, "-x", "-D", READER, "-w", PASSWORD, "-b", BASE,
        "-E", f"pr={PAGE_SIZE}/noprompt", FILTER, *ATTRIBUTES,
    ]  # fmt: skip
    environment = {**os.environ, "LDAPTLS_CACERT": str(slapd.certificate)}
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)


def read_by_ldap3(slapd: Slapd) -> int:
    """Read with the library as it comes."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(slapd.certificate))
    server = ldap3.Server(slapd.url, tls=tls, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, READER, PASSWORD, auto_bind=True, check_names=False)
    pages = connection.extend.standard.paged_search(
        BASE, FILTER, attributes=list(ATTRIBUTES), paged_size=PAGE_SIZE
    )
    count = sum(1 for _ in pages)
    connection.unbind()
    return count


def make_source(slapd: Slapd) -> LdapSource:
    settings = SourceSettings(
        servers=(slapd.url,), bind_dn=READER, password=Secret("benchmark", PASSWORD), base=BASE,
        user_filter=FILTER, group_filter="(objectClass=groupOfNames)", ca_file=slapd.certificate,
        page_size=PAGE_SIZE,
    )  # fmt: skip
    return LdapSource(settings, Wanted(ATTRIBUTES, ("cn",)), SystemClock())


def read_by_us(slapd: Slapd, known: dict[str, bytes]) -> dict[str, bytes]:
    """Read with our source; return the digests of what was new."""
    batch = make_source(slapd).read_full(RollCall(dict(known)), None)
    new = {entry.external_id: entry.digest for page in batch for entry in page.entries}
    assert batch.proof.is_complete, batch.proof.reason
    return new


def measure(read: Callable[[], object]) -> Reading:
    """Return what a read costs in this process and in its children."""
    begun, before = time.perf_counter(), _cpu_seconds()
    read()
    return Reading(time.perf_counter() - begun, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(users: int = 20_000) -> None:
    with running_slapd(users) as slapd:
        known = read_by_us(slapd, {})
        assert len(known) == users, len(known)
        readers = {
            "ldapsearch to nowhere": lambda: read_by_ldapsearch(slapd),
            "connector, all new": lambda: read_by_us(slapd, {}),
            "connector, all known": lambda: read_by_us(slapd, known),
            "ldap3 as it comes": lambda: read_by_ldap3(slapd),
        }
        rounds = [{name: measure(read) for name, read in readers.items()} for _ in range(ROUNDS)]
    print(f"Read {users:,} people of {len(ATTRIBUTES)} attributes (median of {ROUNDS} rounds)")
    print(f"  {'':24}{'entries/s':>10}{'of ldapsearch':>15}{'CPU s':>8}{'us/entry':>10}")
    for name in readers:
        seconds = statistics.median(one[name].seconds for one in rounds)
        cpu = statistics.median(one[name].cpu_seconds for one in rounds)
        ratios = [one["ldapsearch to nowhere"].seconds / one[name].seconds for one in rounds]
        ratio, each = statistics.median(ratios), cpu / users * 1e6
        bar = f"   bar {BAR}" if name == "connector, all new" else ""
        print(f"  {name:24}{users / seconds:10,.0f}{ratio:15.2f}{cpu:8.2f}{each:10.1f}{bar}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=20_000)
    main(parser.parse_args().users)
