"""A browser as light as can be: one connection, cookies, redirects, forms.

It costs less than any HTTP library, because it shares two cores with what it measures.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import httptools
from lxml import html

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from benchmarks.peers.identity_provider import IdentityProvider

_PATIENCE_SECONDS = 30
_CHUNK_BYTES = 65536
CARRIES_RESPONSE = b'name="SAMLResponse"'


@dataclass(slots=True)
class Answer:
    """An answer as it comes in.

    Attributes:
        status: HTTP status code.
        location: Where it leads to; "" for nowhere.
        cookies: Set-Cookie lines.
        body: Without the transfer encoding.
        is_complete: Whether it is all there.
        closes: Whether the connection ends with it.

    """

    status: int = 0
    location: str = ""
    cookies: list[str] = field(default_factory=list)
    body: bytes = b""
    is_complete: bool = False
    closes: bool = False

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"location":
                self.location = value.decode()
            case b"set-cookie":
                self.cookies.append(value.decode())
            case b"connection":
                self.closes = value.lower() == b"close"

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.is_complete = True


class Browser:
    """Somebody's browser, connected to an identity provider.

    Attributes:
        cookies: What it sends and keeps, in the caller's own dictionary.

    """

    def __init__(self, provider: IdentityProvider, cookies: dict[str, str]) -> None:
        self.cookies = cookies
        self._provider = provider
        self._origin = f"http://{provider.host}"
        self._connection = self._connect()
        self._path = "/"
        self._answer = Answer()
        self._parser = httptools.HttpResponseParser(self._answer)

    def fileno(self) -> int:
        """Return the number of the connection, to wait for it."""
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()

    def ask(self, url: str, fields: dict[str, str] | None = None) -> None:
        """Send a request: GET, or POST of these fields; `take` brings the answer.

        Args:
            url: Of the provider; it may be relative to the page before.
            fields: Of a form.

        """
        path = url.removeprefix(self._origin)
        if not path.startswith("/"):
            path = urljoin(self._path, path)
        self._path = path
        lines = [f"Host: {self._provider.host}"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        body = ""
        if fields is not None:
            body = urlencode(fields)
            lines.append(f"Origin: {self._origin}")
            lines.append("Content-Type: application/x-www-form-urlencoded")
            lines.append(f"Content-Length: {len(body)}")
        verb = "GET" if fields is None else "POST"
        request = "\r\n".join([f"{verb} {path} HTTP/1.1", *lines, "", body])
        self._answer = Answer()
        self._parser = httptools.HttpResponseParser(self._answer)
        self._connection.sendall(request.encode())

    def take(self) -> Answer | None:
        """Read what there is; return the answer if that was the end of it."""
        received = self._connection.recv(_CHUNK_BYTES)
        if not received:
            raise SystemExit(f"{self._provider.name} closed the connection before it answered")
        self._parser.feed_data(received)
        answer = self._answer
        if not answer.is_complete:
            return None
        answer.status = self._parser.get_status_code()
        for line in answer.cookies:
            self._keep(line)
        if answer.closes:
            self._connection.close()
            self._connection = self._connect()
        return answer

    def fetch(self, url: str, fields: dict[str, str] | None = None) -> Answer:
        """Ask, wait, and follow wherever the answers lead."""
        self.ask(url, fields)
        while True:
            answer = self.take()
            if answer is None:
                continue
            if not answer.location:
                return answer
            self.ask(answer.location)

    def sign_in(self, url: str) -> Answer:
        """Fill in the provider's pages from the first one on; return that with the Response."""
        typed = self._provider.typed
        answer = self.fetch(url)
        while (form := _form_asking(typed.keys(), answer)) is not None and typed:
            asked = {name: typed[name] for name in form.fields if name in typed}
            typed = {name: value for name, value in typed.items() if name not in asked}
            known = {name: value for name, value in form.fields.items() if value is not None}
            answer = self.fetch(form.action or self._path, known | asked)
        require_response(answer)
        return answer

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._provider.address, _PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _keep(self, line: str) -> None:
        name, _, value = line.partition(";")[0].partition("=")
        self.cookies[name.strip()] = value


def sign_in_each(provider: IdentityProvider, urls: Iterable[str]) -> list[dict[str, str]]:
    """Sign in by the pages, each time in a new browser; return the cookies of each."""
    jars = []
    for url in urls:
        browser = Browser(provider, {})
        browser.sign_in(url)
        browser.close()
        jars.append(browser.cookies)
    return jars


def require_response(answer: Answer) -> None:
    """Raise SystemExit unless this is the page that carries a Response to the application."""
    if answer.status != 200 or CARRIES_RESPONSE not in answer.body:
        words = answer.body[:3000].decode(errors="replace")
        raise SystemExit(f"no SAMLResponse came, but {answer.status} {answer.location}\n{words}")


def response_of(page: bytes) -> str:
    """Return the Response that a page carries, base64."""
    (found,) = html.fromstring(page).xpath("//input[@name='SAMLResponse']/@value")
    return str(found)


def _form_asking(names: Collection[str], answer: Answer) -> html.FormElement | None:
    """Return the form of a page that asks for one of these."""
    forms = html.fromstring(answer.body).forms
    return next((form for form in forms if {*names} & {*form.fields.keys()}), None)
