"""LemonLDAP::NG from Debian as a SAML identity provider: its FastCGI server, two processes, behind nginx.

Its people are those of its own demonstration; sessions are kept in files, as its package sets it
up, and who signs on where goes into its log. It insists on being called by a name.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.application import ATTRIBUTE_VALUES, METADATA
from benchmarks.peers.identity_provider import IdentityProvider
from benchmarks.peers.nginx import running_nginx
from benchmarks.peers.servers import (
    await_listener,
    debian_version,
    free_port,
    hand_over,
    make_certificate,
    require_programs,
    running,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

ADDRESS = "127.0.61.3"
DOMAIN = "lemonldap.example"
SERVER = "llng-fastcgi-server"
PROGRAM = "/usr/share/lemonldap-ng/portal"
PROCESSES = 2
LOCATIONS = """\
    location / {{
      include parameters;
      fastcgi_pass unix:{folder}/llng.sock;
      fastcgi_param LLTYPE psgi;
      fastcgi_param SCRIPT_FILENAME {program}/htdocs/index.psgi;
      fastcgi_param SCRIPT_NAME /index.psgi;
      fastcgi_param PATH_INFO $uri;
    }}
"""
LOCAL_CONFIGURATION = """\
[all]
logLevel = notice
checkTime = 600
[configuration]
type = File
dirName = {folder}/conf
localStorage = Cache::FileCache
localStorageOptions = {{'namespace' => 'config', 'cache_root' => '{folder}/cache', 'default_expires_in' => 600}}
[portal]
staticPrefix = /static
templateDir = {program}/templates
languages = en
"""


@contextmanager
def running_lemonldap(folder: Path) -> Iterator[IdentityProvider]:
    """Start LemonLDAP::NG in a folder of its own; it ends with the block."""
    require_programs(SERVER, "nginx")
    port = free_port(ADDRESS)
    host = f"auth.{DOMAIN}:{port}"
    certificate = make_certificate(folder)
    _configure(folder, host)
    hand_over(folder)
    command = [SERVER, "--foreground", "--proc", str(PROCESSES)]
    command += ["--socket", folder / "llng.sock", "--pid", folder / "llng.pid"]
    environment = {
        "LLNG_DEFAULTCONFFILE": str(folder / "lemonldap-ng.ini"),
        "LLNG_DEFAULTLOGGER": "Lemonldap::NG::Common::Logger::Std",
        "USER": "",
    }
    log = folder / "output.log"
    server = running(command, log, environment=environment)
    locations = LOCATIONS.format(folder=folder, program=PROGRAM)
    nginx = running_nginx(folder / "nginx", (ADDRESS, port), locations)
    with server as backend, nginx as front:
        await_listener(folder / "llng.sock", backend, log)
        yield IdentityProvider(
            name=f"LemonLDAP::NG {debian_version('liblemonldap-ng-portal-perl')}",
            host=host,
            address=(ADDRESS, port),
            sso_url=f"http://{host}/saml/singleSignOn",
            certificate=certificate,
            typed={"user": "dwho", "password": "dwho"},
            roots=(backend.pid, front.pid),
        )


def _configure(folder: Path, host: str) -> None:
    for name in ("conf", "cache", "sessions", "sessions/lock", "psessions", "psessions/lock"):
        (folder / name).mkdir()
    local = LOCAL_CONFIGURATION.format(folder=folder, program=PROGRAM)
    (folder / "lemonldap-ng.ini").write_text(local)
    (folder / "conf" / "lmConf-1.json").write_text(json.dumps(_configuration(folder, host)))


def _configuration(folder: Path, host: str) -> dict[str, Any]:
    """Return its configuration: what its package ships, as far as it matters, and one application."""
    names = [f"attribute{number}" for number in range(ATTRIBUTE_VALUES)]
    return {
        "cfgNum": 1,
        "cfgDate": 1,
        "key": "a key of the benchmark",
        "cfgVersion": debian_version("liblemonldap-ng-portal-perl"),
        "domain": DOMAIN,
        "portal": f"http://{host}/",
        "cookieName": "lemonldap",
        "securedCookie": 0,
        "authentication": "Demo",
        "userDB": "Same",
        "passwordDB": "Demo",
        "demoExportedVars": {"cn": "cn", "mail": "mail", "uid": "uid"},
        "macros": {name: f"'value of {name} of somebody'" for name in names},
        "whatToTrace": "uid",
        "locationRules": {f"auth.{DOMAIN}": {"default": "accept"}},
        **_storages(folder),
        "issuerDBSAMLActivation": 1,
        "samlServicePrivateKeySig": (folder / "key.pem").read_text(),
        "samlServicePublicKeySig": (folder / "certificate.pem").read_text(),
        "samlServiceUseCertificateInResponse": 1,
        "samlServiceSignatureMethod": "RSA_SHA256",
        "samlSPMetaDataXML": {"application": {"samlSPMetaDataXML": METADATA}},
        "samlSPMetaDataOptions": {
            "application": {
                "samlSPMetaDataOptionsSignSSOMessage": 1,
                "samlSPMetaDataOptionsCheckSSOMessageSignature": 0,
                "samlSPMetaDataOptionsNameIDFormat": "email",
            }
        },
        "samlSPMetaDataExportedAttributes": {"application": {name: f"1;{name}" for name in names}},
    }


def _storages(folder: Path) -> dict[str, Any]:
    return {
        "globalStorage": "Apache::Session::File",
        "globalStorageOptions": {
            "Directory": f"{folder}/sessions",
            "LockDirectory": f"{folder}/sessions/lock",
            "generateModule": "Lemonldap::NG::Common::Apache::Session::Generate::SHA256",
        },
        "persistentStorage": "Apache::Session::File",
        "persistentStorageOptions": {
            "Directory": f"{folder}/psessions",
            "LockDirectory": f"{folder}/psessions/lock",
        },
        "localSessionStorage": "Cache::FileCache",
        "localSessionStorageOptions": {
            "cache_depth": 3,
            "cache_root": f"{folder}/cache",
            "default_expires_in": 600,
            "namespace": "sessions",
        },
    }
