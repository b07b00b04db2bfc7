"""A real SAML application: mod_auth_mellon under an Apache of its own, in a folder of its own.

Debian packages: apache2-bin libapache2-mod-auth-mellon openssl. The system's own apache2 service is not used.
"""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.certificates import CertificateFiles

APACHE = "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")
_CONFIGURATION = """
ServerRoot "{folder}"
PidFile "{folder}/apache.pid"
Mutex file:{folder}
Listen 127.0.0.1:{port}
ServerName {host}
User {user}
Group {group}
ErrorLog "{folder}/error.log"
LogLevel warn auth_mellon:debug
DocumentRoot "{folder}/pages"
ForceType text/html
StartServers 1
MinSpareThreads 2
MaxSpareThreads 4
ThreadsPerChild 4
MaxRequestWorkers 8
{modules}
SSLEngine on
SSLCertificateFile "{tls.certificate}"
SSLCertificateKeyFile "{tls.key}"
<Location "/">
    Require all granted
    MellonEndpointPath "/mellon"
    MellonSPPrivateKeyFile "{folder}/sp.key"
    MellonSPCertFile "{folder}/sp.cert"
    MellonSPMetadataFile "{folder}/sp.xml"
    MellonIdPMetadataFile "{folder}/idp.xml"
    MellonSubjectConfirmationDataAddressCheck Off
    MellonSecureCookie On
    MellonCookieSameSite None
    # Servers come by another name than browsers, and have to find the session all the same.
    MellonCookieDomain {host}
    MellonSignatureMethod rsa-sha256
</Location>
<Location "/private">
    AuthType Mellon
    MellonEnable auth
    Require valid-user
    Header always set X-Name-Id "%{{MELLON_NAME_ID}}e"
    Header always set X-Mail "%{{MELLON_mail}}e"
</Location>
"""
_MODULES = {
    "mpm_event": "mod_mpm_event.so",
    "authn_core": "mod_authn_core.so",
    "authz_core": "mod_authz_core.so",
    "authz_user": "mod_authz_user.so",
    "dir": "mod_dir.so",
    "headers": "mod_headers.so",
    "ssl": "mod_ssl.so",
    "socache_shmcb": "mod_socache_shmcb.so",
    "auth_mellon": "mod_auth_mellon.so",
}


@dataclass
class Mellon:
    """The running application.

    Attributes:
        base_url: Its address; everything under /private needs a sign-in.
        metadata: Its SAML metadata; it signs its requests and says so.
        folder: Holds its log.
        process: Apache.

    """

    base_url: str
    metadata: bytes
    folder: Path
    process: subprocess.Popen

    def restart(self, idp_metadata: bytes) -> None:
        """Start anew with other metadata of the identity provider; it reads that only then."""
        self.stop()
        (self.folder / "idp.xml").write_bytes(idp_metadata)
        self.process = _start(self.folder, urlsplit(self.base_url).port)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(15)

    @property
    def acs_url(self) -> str:
        return f"{self.base_url}/mellon/postResponse"

    def log(self) -> str:
        """Return what Apache and mellon wrote."""
        return (self.folder / "error.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def mellon_folder(base_url: str) -> Iterator[Path]:
    """Yield a folder with sp.key, sp.cert and sp.xml, as mellon's own program writes them.

    It is outside of pytest's folders because Apache's children, www-data, cannot enter those.
    """
    program = "/usr/sbin/mellon_create_metadata"
    assert Path(program).exists(), "missing Debian package: libapache2-mod-auth-mellon"
    with TemporaryDirectory(prefix="mellon-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        command = [program, f"{base_url}/mellon/metadata", f"{base_url}/mellon"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        for suffix in ("key", "cert", "xml"):
            written = next(folder.glob(f"*.{suffix}")).rename(folder / f"sp.{suffix}")
            written.chmod(0o644)
        _add_soap(folder / "sp.xml", f"https://127.0.0.1:{urlsplit(base_url).port}")
        yield folder


def _add_soap(metadata: Path, server: str) -> None:
    """Add that it signs out by SOAP, as its own endpoint for metadata says of it too.

    The address is one that servers reach; the name is known to the browsers of the tests only.
    """
    soap = (
        '<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"'
        f' Location="{server}/mellon/logout"/>'
    )
    text = metadata.read_text()
    assert text.count("<SingleLogoutService") == 1
    metadata.write_text(text.replace("<SingleLogoutService", f"{soap}<SingleLogoutService"))


@contextmanager
def running_mellon(
    folder: Path, base_url: str, *, tls: CertificateFiles, idp_metadata: bytes
) -> Iterator[Mellon]:
    """Yield the application, answering.

    Args:
        folder: Made by `mellon_folder`.
        base_url: "https://HOST:PORT"; the port is taken on 127.0.0.1.
        tls: Certificate for the host.
        idp_metadata: The identity provider's.

    """
    assert Path(APACHE).exists(), "missing Debian package: apache2-bin"
    url = urlsplit(base_url)
    private = folder / "pages" / "private"
    private.mkdir(parents=True)
    (private / "index.html").write_text(
        "<!doctype html><title>Inside</title><h1>Inside mellon</h1>"
    )
    (folder / "idp.xml").write_bytes(idp_metadata)
    (folder / "apache.conf").write_text(_configuration(folder, url.port, tls, url.hostname))
    process = _start(folder, url.port)
    mellon = Mellon(base_url, (folder / "sp.xml").read_bytes(), folder, process)
    try:
        yield mellon
    finally:
        mellon.stop()


def _start(folder: Path, port: int) -> subprocess.Popen:
    """Return Apache, answering."""
    process = subprocess.Popen([APACHE, "-f", str(folder / "apache.conf"), "-D", "FOREGROUND"])
    try:
        _wait_for(port, process, folder)
    except BaseException:
        process.terminate()
        process.wait(15)
        raise
    return process


def _configuration(folder: Path, port: int, tls: CertificateFiles, host: str) -> str:
    modules = "\n".join(
        f'LoadModule {name}_module "{MODULES}/{file}"' for name, file in _MODULES.items()
    )
    return _CONFIGURATION.format(
        folder=folder,
        port=port,
        host=host,
        tls=tls,
        modules=modules,
        user="www-data",
        group="www-data",
    )


def _wait_for(port: int, process: subprocess.Popen, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, f"apache ended: {_log(folder)}"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"apache does not answer: {_log(folder)}")


def _log(folder: Path) -> str:
    file = folder / "error.log"
    return file.read_text() if file.exists() else "no log"
