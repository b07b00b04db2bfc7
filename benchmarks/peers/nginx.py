"""nginx in front of a FastCGI server, as Debian's packages of both peers propose."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.servers import await_listener, hand_over, running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
  keepalive_requests 1000000;
  fastcgi_buffers 16 16k;
  fastcgi_buffer_size 32k;
  server {{
    listen {address}:{port};
{locations}
  }}
}}
"""
# Debian's file leaves the port out of HTTP_HOST.
PARAMETERS = """\
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param DOCUMENT_URI $document_uri;
fastcgi_param DOCUMENT_ROOT $document_root;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param REQUEST_SCHEME $scheme;
fastcgi_param GATEWAY_INTERFACE CGI/1.1;
fastcgi_param SERVER_SOFTWARE nginx;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param REMOTE_PORT $remote_port;
fastcgi_param SERVER_ADDR $server_addr;
fastcgi_param SERVER_PORT $server_port;
fastcgi_param SERVER_NAME $host;
fastcgi_param HTTP_HOST $host:$server_port;
fastcgi_param REDIRECT_STATUS 200;
"""


@contextmanager
def running_nginx(
    folder: Path, address: tuple[str, int], locations: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start nginx; it ends with the block.

    Args:
        folder: Made here, for all that it writes.
        address: Where it listens: address and port.
        locations: The inside of its `server`; they include "parameters".

    """
    folder.mkdir()
    (folder / "parameters").write_text(PARAMETERS)
    values = {"folder": folder, "address": address[0], "port": address[1], "locations": locations}
    (folder / "nginx.conf").write_text(CONFIGURATION.format(**values))
    hand_over(folder)
    command = ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    log = folder / "output.log"
    with running(command, log) as process:
        await_listener(address, process, log)
        yield process
