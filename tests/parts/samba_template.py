"""What every throw-away Active Directory is a copy of: one provisioned domain, and its authority.

Everything lives in one folder below the system's temporary one; /etc/samba and /var/lib/samba are
not touched. The folder's name changes with what is in this file, so an old template is not used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.parts.samba_certificates import make_authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REALM = "ad.test"
BASE = "DC=ad,DC=test"
ADMINISTRATOR = f"administrator@{REALM}"
PASSWORD = "Passw0rd!admin"  # of the administrator

NEEDED_FILES = {
    "/usr/sbin/samba": "samba",
    "/usr/bin/samba-tool": "samba-common-bin",
    "/usr/share/samba/setup/provision.ldif": "samba-ad-provision",
    "/usr/lib/python3/dist-packages/samba/samdb.py": "python3-samba",
    "/usr/sbin/winbindd": "winbind",
    "/usr/bin/ldbadd": "ldb-tools",
}
NEEDED_MODULES = {"ldb/acl.so": "samba-dsdb-modules", "vfs/acl_xattr.so": "samba-vfs-modules"}
FOLDERS = "etc private state lock cache run log ncalrpc winbindd ntp binddns sysvol/ad.test/scripts"

# The role must stand in it before provisioning; the ports 389, 636, 3268 and 3269 cannot be chosen,
# which is why each instance has an address of its own.
CONFIGURATION = """\
[global]
  netbios name = DC1
  workgroup = ADTEST
  realm = AD.TEST
  server role = active directory domain controller
  interfaces = {address}/8
  bind interfaces only = yes
  server services = ldap
  dcerpc endpoint servers = none
  cldap port = 10389
  krb5 port = 10088
  kpasswd port = 10464
  private dir = {folder}/private
  state directory = {folder}/state
  lock directory = {folder}/lock
  cache directory = {folder}/cache
  pid directory = {folder}/run
  ncalrpc dir = {folder}/ncalrpc
  winbindd socket directory = {folder}/winbindd
  ntp signd socket directory = {folder}/ntp
  binddns dir = {folder}/binddns
  log file = {folder}/log/samba.log
  logging = file
  log level = 1
  tls cafile = {folder}/private/tls/ca.pem
  tls certfile = {folder}/private/tls/cert.pem
  tls keyfile = {folder}/private/tls/key.pem
  posix:eadb = {folder}/private/eadb.tdb
  vfs objects = dfs_samba4 acl_xattr xattr_tdb
  xattr_tdb:file = {folder}/private/xattr.tdb
[sysvol]
  path = {folder}/sysvol
  read only = no
[netlogon]
  path = {folder}/sysvol/ad.test/scripts
  read only = no
"""


def cache_folder() -> Path:
    """Where templates, snapshots and the locks of addresses are."""
    version = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=6).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"connector-samba-{os.getuid()}" / version
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def template() -> Path:
    """A provisioned domain that nobody runs; made at the first call (some five seconds)."""
    _refuse_to_start_half_equipped()
    return snapshot("template", _provision)


def snapshot(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that `fill` fills once, for all processes; a broken one is filled again."""
    folder = cache_folder() / name
    with locked(cache_folder() / f"{name}.lock"):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            (folder / "ready").touch()
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; wait for whoever has it."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_configuration(folder: Path, address: str) -> None:
    text = CONFIGURATION.format(folder=folder, address=address)
    (folder / "etc" / "smb.conf").write_text(text)


def _provision(folder: Path) -> None:
    for name in FOLDERS.split():
        (folder / name).mkdir(parents=True)
    (folder / "private").chmod(0o700)
    write_configuration(folder, "127.0.0.1")
    command = ["samba-tool", "domain", "provision", "-s", folder / "etc" / "smb.conf"]
    command += ["--realm=AD.TEST", "--domain=ADTEST", "--server-role=dc", "--dns-backend=NONE"]
    command += ["--host-name=dc1", "--host-ip=127.0.0.1", f"--adminpass={PASSWORD}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"samba-tool domain provision:\n{done.stderr[-2000:]}"
    make_authority(folder / "private" / "tls")


def _refuse_to_start_half_equipped() -> None:
    missing = {package for path, package in NEEDED_FILES.items() if not Path(path).exists()}
    modules = [
        package
        for pattern, package in NEEDED_MODULES.items()
        if not list(Path("/usr/lib").glob(f"*/samba/{pattern}"))
    ]
    missing.update(modules)
    words = " ".join(sorted(missing))
    assert not missing, f"missing Debian packages; run: apt-get install -y {words}"
    assert os.getuid() == 0, "a domain controller needs ports below 1024: run the tests as root"
