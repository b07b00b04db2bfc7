"""The server: two listeners, a prompt stop, certificates that can be changed while it runs."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from connector.settings.values import Listen
from connector.web.health import operations_app
from connector.web.server import (
    Certificate,
    Listener,
    ListenerUnavailable,
    WebServer,
    serve,
    serving,
)
from tests.parts.certificates import make_certificate


def plain_app(text="public"):
    return Starlette(routes=[Route("/", lambda request: PlainTextResponse(text))])


LOOPBACK = Listen("127.0.0.1", 0)


def test_several_listeners_answer_each_with_its_own_application():
    operations = operations_app(faults=dict, samples=list)
    with serving([Listener(plain_app(), LOOPBACK), Listener(operations, LOOPBACK)]) as server:
        public, private = server.addresses

        assert httpx.get(f"http://{public}/").text == "public"
        assert httpx.get(f"http://{private}/healthz").text == "ok\n"
        assert httpx.get(f"http://{public}/healthz").status_code == 404


def test_a_running_request_is_finished_before_the_server_stops():
    arrived, may_answer = threading.Event(), threading.Event()

    def slow(request):
        arrived.set()
        assert may_answer.wait(10)
        return PlainTextResponse("finished")

    app = Starlette(routes=[Route("/slow", slow)])
    answers: list[str] = []
    server = WebServer([Listener(app, LOOPBACK)])
    server.start()
    url = f"http://{server.addresses[0]}/slow"
    client = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=10).text))
    client.start()
    assert arrived.wait(10)

    stopping = threading.Thread(target=server.stop)
    stopping.start()
    may_answer.set()
    stopping.join(10)
    client.join(10)

    assert answers == ["finished"]
    assert not stopping.is_alive()


def test_serve_answers_until_it_is_told_to_stop():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop, seen = threading.Event(), threading.Event()
    app = Starlette(routes=[Route("/", lambda request: (seen.set(), PlainTextResponse("x"))[1])])
    thread = threading.Thread(target=serve, args=([Listener(app, Listen("127.0.0.1", port))], stop))
    thread.start()
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport) as client:
        assert client.get(f"http://127.0.0.1:{port}/").text == "x"

    stop.set()
    thread.join(10)

    assert seen.is_set()
    assert not thread.is_alive()


def test_an_address_in_use_is_said_in_words_and_nothing_else_keeps_listening():
    with serving([Listener(plain_app(), LOOPBACK)]) as first:
        taken = first.addresses[0]
        second = WebServer([Listener(plain_app(), LOOPBACK), Listener(plain_app(), taken)])

        with pytest.raises(ListenerUnavailable, match=f"cannot listen on {taken}"):
            second.start()


def test_a_certificate_that_does_not_load_is_said_in_words(tmp_path):
    bad = tmp_path / "tls.pem"
    bad.write_text("no certificate")

    with pytest.raises(ListenerUnavailable, match=r"cannot use the certificate .*tls\.pem"):
        WebServer([Listener(plain_app(), LOOPBACK, Certificate(bad, bad))]).start()


def test_a_new_certificate_is_used_without_a_restart_and_a_bad_one_is_not(tmp_path):
    (tmp_path / "next").mkdir()
    first = make_certificate(tmp_path, "localhost")
    authority = shutil.copy(first.authority, tmp_path / "first-ca.pem")
    certificate = Certificate(first.certificate, first.key)
    with serving([Listener(plain_app(), LOOPBACK, certificate)]) as server:
        port = server.addresses[0].port
        assert can_connect(port, authority)

        first.key.write_text("damaged")
        with pytest.raises(ListenerUnavailable):
            server.reload_certificates()
        assert can_connect(port, authority)

        second = make_certificate(tmp_path / "next", "localhost")
        shutil.copy(second.certificate, first.certificate)
        shutil.copy(second.key, first.key)
        server.reload_certificates()

        assert can_connect(port, second.authority)
        assert not can_connect(port, authority)


def test_tls_older_than_1_2_is_refused(tmp_path):
    files = make_certificate(tmp_path, "localhost")
    listener = Listener(plain_app(), LOOPBACK, Certificate(files.certificate, files.key))
    with serving([listener]) as server:
        context = ssl.create_default_context(cafile=files.authority)
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1

        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(server.addresses[0].port, context)


def can_connect(port, authority):
    try:
        handshake(port, ssl.create_default_context(cafile=authority))
    except ssl.SSLCertVerificationError:
        return False
    return True


def handshake(port, context):
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost"),
    ):
        pass
