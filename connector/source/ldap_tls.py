"""Where the servers are, and a socket to one of them that is safe to send a password over."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connector.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connector.settings import SourceSettings

_PORTS = {"ldap": 389, "ldaps": 636}

Address = tuple[socket.AddressFamily, socket.SocketKind, int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server.

    Attributes:
        url: As configured.
        host: Its name, which its certificate must bear.
        port: TCP port.
        is_ldaps: TLS from the first byte; otherwise StartTLS (RFC 4511 section 4.14).
        address: One of those that its name leads to, as getaddrinfo gives them; None for any.

    """

    url: str
    host: str
    port: int
    is_ldaps: bool
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers and how they are approached.

    Attributes:
        endpoints: In the order in which they are tried.
        context: Checks certificates.
        patience_seconds: For connecting and TLS together; then for each wait.

    """

    endpoints: tuple[Endpoint, ...]
    context: ssl.SSLContext
    patience_seconds: float


def to_servers(settings: SourceSettings) -> Servers:
    """Return the configured servers.

    Raises:
        ConfigurationError: if a password would go out in clear, or the CA file is not usable.

    """
    return Servers(
        tuple(_endpoints(settings)),
        _make_context(settings.ca_file),
        settings.timeout.total_seconds(),
    )


def open_socket(endpoint: Endpoint, deadline: float) -> socket.socket:
    """Return a TCP connection to the first address of the server that answers.

    Args:
        endpoint: The server.
        deadline: Moment of `time.monotonic`; each address gets its share of what is left.

    Raises:
        OSError: why the last address did not answer.

    """
    addresses = [one.address for one in split_addresses(endpoint) if one.address]
    failure: OSError | None = None
    for number, (family, kind, protocol, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        channel = socket.socket(family, kind, protocol)
        channel.settimeout(max(share, 0.001))
        try:
            channel.connect(address)
        except OSError as error:
            channel.close()
            failure = error
            continue
        # Without this a bind waits 40 ms for the acknowledgement of the TLS handshake.
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return channel
    raise failure or OSError(f"{endpoint.host} has no address")


def split_addresses(endpoint: Endpoint) -> list[Endpoint]:
    """Return the server once for each address that its name leads to.

    Raises:
        OSError: if it leads nowhere.

    """
    if endpoint.address:
        return [endpoint]
    return [replace(endpoint, address=address) for address in _find_addresses(endpoint)]


def secure(
    channel: socket.socket, endpoint: Endpoint, context: ssl.SSLContext, seconds: float
) -> ssl.SSLSocket:
    """Return the connection within TLS, the certificate checked against the server's name.

    Raises:
        OSError: if it cannot be had (ssl.SSLError is one); the connection is then closed.

    """
    channel.settimeout(seconds)
    try:
        return context.wrap_socket(channel, server_hostname=endpoint.host)
    except OSError:
        channel.close()
        raise


def _find_addresses(endpoint: Endpoint) -> list[Address]:
    found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]


def _endpoints(settings: SourceSettings) -> Iterator[Endpoint]:
    faults = []
    for number, url in enumerate(settings.servers):
        parts = urlsplit(url)
        try:
            port = parts.port or _PORTS[parts.scheme]
        except ValueError:
            faults.append(Fault("", f"source.servers[{number}]", f"has no usable port: {url}"))
            continue
        if parts.scheme == "ldap" and not settings.start_tls:
            problem = f"{url} would send passwords in clear: use ldaps:// or start_tls = true"
            faults.append(Fault("", f"source.servers[{number}]", problem))
        yield Endpoint(url, parts.hostname or "", port, parts.scheme == "ldaps")
    if faults:
        raise ConfigurationError(faults)


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        fault = Fault("", "source.ca_file", f"no certificates in PEM form in {ca_file}")
        raise ConfigurationError([fault]) from error
