"""SimpleSAMLphp from Debian: php-fpm with two children and opcache, behind nginx.

It keeps its sessions in files, as it does unless told otherwise, and writes its statistics, which
are its audit, into its log.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.application import ACS_URL, ATTRIBUTE_VALUES, ENTITY_ID
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

ADDRESS = "127.0.61.2"
PROGRAM = "/usr/share/simplesamlphp"
CHILDREN = 2
POOL = """\
[global]
daemonize = no
pid = {folder}/fpm.pid
error_log = {folder}/fpm.log

[saml]
listen = {folder}/fpm.sock
pm = static
pm.max_children = {children}
env[SIMPLESAMLPHP_CONFIG_DIR] = {folder}/config
php_admin_value[session.save_path] = {folder}/sessions
php_admin_value[error_log] = {folder}/php.log
"""
LOCATIONS = """\
    root {program}/www;
    location ~ ^/saml(?<script>/.+?\\.php)(?<rest>/.*)?$ {{
      include parameters;
      fastcgi_pass unix:{folder}/fpm.sock;
      fastcgi_param SCRIPT_FILENAME {program}/www$script;
      fastcgi_param SCRIPT_NAME /saml$script;
      fastcgi_param PATH_INFO $rest;
    }}
"""
CONFIGURATION = """\
<?php
$config = [
    'baseurlpath' => 'http://{host}/saml/',
    'certdir' => '{folder}/',
    'loggingdir' => '{folder}/log/',
    'datadir' => '{folder}/data/',
    'tempdir' => '{folder}/temporary',
    'metadatadir' => '{folder}/metadata/',
    'secretsalt' => 'a salt of the benchmark',
    'auth.adminpassword' => 'nobody signs in with this',
    'timezone' => 'UTC',
    'logging.level' => SimpleSAML\\Logger::NOTICE,
    'logging.handler' => 'file',
    'statistics.out' => [['class' => 'core:Log', 'level' => 'notice']],
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'session.cookie.secure' => false,
    'language.cookie.secure' => false,
    'store.type' => 'phpsession',
    'production' => true,
];
"""
AUTHENTICATION = """\
<?php
$config = [
    'people' => ['exampleauth:UserPass', 'person:secret' => [
{attributes}
    ]],
];
"""
HOSTED = """\
<?php
$metadata['http://{host}/saml'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'key.pem',
    'certificate' => 'certificate.pem',
    'auth' => 'people',
];
"""
REMOTE = """\
<?php
$metadata['{entity_id}'] = ['AssertionConsumerService' => '{acs_url}'];
"""


@contextmanager
def running_simplesamlphp(folder: Path) -> Iterator[IdentityProvider]:
    """Start SimpleSAMLphp in a folder of its own; it ends with the block."""
    php_fpm = _find_php_fpm()
    require_programs(php_fpm, "nginx")
    port = free_port(ADDRESS)
    host = f"{ADDRESS}:{port}"
    _configure(folder, host)
    certificate = make_certificate(folder)
    hand_over(folder)
    locations = LOCATIONS.format(folder=folder, program=PROGRAM)
    fpm = running(
        [php_fpm, "-d", "opcache.enable=1", "--fpm-config", folder / "fpm.conf"],
        log := folder / "output.log",
    )
    nginx = running_nginx(folder / "nginx", (ADDRESS, port), locations)
    with fpm as backend, nginx as front:
        await_listener(folder / "fpm.sock", backend, log)
        yield IdentityProvider(
            name=f"SimpleSAMLphp {debian_version('simplesamlphp')}",
            host=host,
            address=(ADDRESS, port),
            sso_url=f"http://{host}/saml/saml2/idp/SSOService.php",
            certificate=certificate,
            typed={"username": "person", "password": "secret"},
            roots=(backend.pid, front.pid),
        )


def _find_php_fpm() -> str:
    """Return the name of Debian's php-fpm, which has PHP's version in it."""
    return max((path.name for path in Path("/usr/sbin").glob("php-fpm*")), default="php-fpm")


def _configure(folder: Path, host: str) -> None:
    for name in ("config", "metadata", "log", "data", "temporary", "sessions"):
        (folder / name).mkdir()
    attributes = "\n".join(
        f"'attribute{number}' => ['value {number} of somebody'],"
        for number in range(ATTRIBUTE_VALUES)
    )
    files = {
        "fpm.conf": POOL.format(folder=folder, children=CHILDREN),
        "config/config.php": CONFIGURATION.format(folder=folder, host=host),
        "config/authsources.php": AUTHENTICATION.format(attributes=attributes),
        "metadata/saml20-idp-hosted.php": HOSTED.format(host=host),
        "metadata/saml20-sp-remote.php": REMOTE.format(entity_id=ENTITY_ID, acs_url=ACS_URL),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
