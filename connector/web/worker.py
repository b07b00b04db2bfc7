"""One process that signs people in; `crew` starts several of them, and they share the state only.

It is told over standard input what to do: first an `Order`, then a line for each command. It says
over standard output when it listens, or why it does not. When the input ends, whoever gave the
order is gone or wants it to stop.
"""

from __future__ import annotations

import gc
import pickle
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from connector.bootstrap.applications import ApplicationFiles, make_follower
from connector.bootstrap.logins import make_accounts, make_fast_lane, make_identity_provider
from connector.bootstrap.opening import open_state
from connector.clock import SystemClock
from connector.errors import ConnectorError
from connector.log import start_logging
from connector.web.app import web_app
from connector.web.server import Certificate, Listener, WebServer
from connector.web.site import Brand, Site
from state.errors import StateError
from state.flush import empty_log, flush

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from connector.bootstrap.logins import IdentityProvider
    from connector.idp.application.following import Follower, Stamp
    from connector.settings import Settings
    from connector.settings.sign_on import IdpSettings
    from state.engine import Engine

READY: Final = b"ready\n"
FAILED: Final = b"failed "
RELOAD: Final = b"reload\n"
_FLUSH_SECONDS: Final = 1.0
# Objects, those of a dozen sign-ons.
_RUBBISH: Final = 10_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to serve.

    Attributes:
        settings: The whole configuration, secrets included; it goes through a pipe only.
        socket_number: File descriptor of the socket that it inherits, bound and listening.
        configuration: Where the applications are read anew when somebody calls for that; None if
            they never are.
        revision: The stamp of the last such call, as of the settings.

    """

    settings: Settings
    socket_number: int
    configuration: Path | None = None
    revision: Stamp = ()


def main() -> int:
    """Serve until the standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        # They are meant for the daemon, and a terminal or service manager sends them to all.
        signal.signal(number, signal.SIG_IGN)
    commands, told = sys.stdin.buffer, sys.stdout.buffer
    order: Order = pickle.load(commands)  # noqa: S301 - a pipe of our own parent
    start_logging(order.settings.log.level, order.settings.log.format)
    try:
        engine = open_state(order.settings, survives_power_loss=False)
        # What is written at a target must be known although power is lost right after.
        durable = open_state(order.settings)
        accounts = make_accounts(order.settings, durable, SystemClock())
        provider = make_identity_provider(
            order.settings, engine, SystemClock(), accounts, fetches=False
        )
        server = WebServer([_listener(order, provider)])
        server.start()
    except (ConnectorError, StateError) as error:
        _tell(told, FAILED + str(error).encode() + b"\n")
        return 1
    stopping = threading.Event()
    threads = [
        threading.Thread(target=_keep_flushing, args=(engine, stopping), name="flush"),
        threading.Thread(target=_follower(order, provider).keep_looking, args=(stopping,)),
        threading.Thread(target=provider.follower.keep_looking, args=(stopping,)),
    ]
    for thread in threads:
        thread.start()
    # What the program is made of stays: it need not be looked through for rubbish again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(_RUBBISH)
    _tell(told, READY)
    _obey(commands, server)
    stopping.set()
    server.stop()
    if accounts:
        accounts.close()
    for thread in threads:
        thread.join()
    durable.dispose()
    engine.dispose()
    return 0


def _follower(order: Order, provider: IdentityProvider) -> Follower:
    files = ApplicationFiles(order.settings, SystemClock(), order.configuration, order.revision)
    return make_follower(files, provider.flow.parts.catalogue)


def _listener(order: Order, provider: IdentityProvider) -> Listener:
    idp = order.settings.idp
    if idp is None:
        message = "there is nothing to serve without [idp]"
        raise ConnectorError(message)
    fast_lane = make_fast_lane(order.settings, provider.flow.parts)
    return Listener(
        web_app(provider.flow, provider.logout, _site(idp), provider.publication, fast_lane),
        idp.listen,
        Certificate(idp.tls.cert, idp.tls.key) if idp.tls else None,
        socket.socket(fileno=order.socket_number),
    )


def _site(idp: IdpSettings) -> Site:
    return Site(
        idp.base_url,
        idp.organization,
        idp.help_url,
        idp.trusted_proxies,
        idp.language,
        Brand(idp.colour, idp.logo, idp.logo_dark),
    )


def _obey(commands: BinaryIO, server: WebServer) -> None:
    for command in commands:
        if command == RELOAD:
            try:
                server.reload_certificates()
            except ConnectorError as error:
                _log.error("daemon.reload_failed", reason=str(error))


def _keep_flushing(engine: Engine, stopping: threading.Event) -> None:
    """Bring what logins leave behind to its place on the disk, so that none of them waits."""
    while not stopping.wait(_FLUSH_SECONDS):
        try:
            flush(engine)
            empty_log(engine)
        except StateError as error:
            _log.error("http.failed", reason="StateError", problem=str(error))


def _tell(told: BinaryIO, line: bytes) -> None:
    told.write(line)
    told.flush()
