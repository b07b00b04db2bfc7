"""Servers that answer, answer slowly, or answer something else; on loopback, with real TLS."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connector.bootstrap.tls import trusting
from connector.errors import ApplicationUnavailable, ConfigurationError
from connector.idp.logout.soap_client import SIZE_LIMIT_BYTES, SoapClient
from tests.parts.certificates import make_certificate


@contextmanager
def server(folder, answer):
    """Serve by https on loopback; `answer` is given the handler. Yield the URL and a client."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            answer(self)

        def log_message(self, *_):
            pass

    files = make_certificate(folder, "127.0.0.1")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        client = SoapClient(trusting(files.authority), timeout_seconds=0.5)
        yield f"https://127.0.0.1:{httpd.server_port}/slo", client, seen
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def say(status: int, body: bytes, **headers: str):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_envelope_is_sent_as_soap_and_the_answer_comes_back(tmp_path):
    with server(tmp_path, say(200, b"<answer/>")) as (url, client, seen):
        assert client.send(url, b"<question/>") == b"<answer/>"

    ((headers, body),) = seen
    assert body == b"<question/>"
    assert headers["Content-Type"] == "text/xml; charset=utf-8"
    assert headers["SOAPAction"] == "http://www.oasis-open.org/committees/security"


def unavailable(client: SoapClient, url: str) -> str:
    with pytest.raises(ApplicationUnavailable) as error:
        client.send(url, b"<question/>")
    return str(error.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say(500, b"<fault/>"), "answers with status 500"),
        (say(302, b"", Location="https://elsewhere.example/"), "answers with status 302"),
        (say(200, b"x" * (SIZE_LIMIT_BYTES + 1)), f"more than {SIZE_LIMIT_BYTES} bytes"),
    ],
)
def test_what_is_no_answer_is_said_in_words(tmp_path, answer, words):
    with server(tmp_path, answer) as (url, client, _):
        assert words in unavailable(client, url)


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path):
    released = threading.Event()
    with server(tmp_path, lambda _: released.wait(20)) as (url, client, _):
        begun = time.monotonic()
        assert "does not answer" in unavailable(client, url)
        assert time.monotonic() - begun < 5
        released.set()


def test_a_server_that_says_a_little_now_and_then_is_not_waited_for_either(tmp_path):
    """Each byte comes in time; all of them would take minutes."""
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        try:
            while not done.wait(0.05):
                handler.wfile.write(b"x")
                handler.wfile.flush()
        except OSError:
            done.set()

    with server(tmp_path, drip) as (url, client, _):
        begun = time.monotonic()
        assert "not done within 0.5 s" in unavailable(client, url)
        assert time.monotonic() - begun < 5
        done.set()


def test_a_certificate_of_an_authority_that_is_not_ours_is_refused(tmp_path):
    with server(tmp_path, say(200, b"<answer/>")) as (url, _, seen):
        assert "does not answer" in unavailable(SoapClient(trusting(None)), url)
    assert seen == []


def test_nobody_at_the_address_is_said_in_words(tmp_path):
    with server(tmp_path, say(200, b"")) as (url, client, _):
        pass
    assert "does not answer" in unavailable(client, url)


def test_a_file_without_certificates_is_a_fault_in_words(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("nothing")

    with pytest.raises(ConfigurationError, match=r"idp\.ca_file: no certificates in PEM form"):
        trusting(file)
