"""Duo as far as a second factor needs it: health check, prompt and token, by https on loopback.

It is as strict as Duo about what it is sent, and can be told to fail and to lie. Duo's own library
is the witness that it behaves like Duo; see `tests/contracts/test_duo.py`. Nothing here is shared
with our client.
"""

from __future__ import annotations

import gzip
import json
import secrets
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.parts.certificates import make_certificate
from tests.parts.duo_tokens import CLIENT_ID, CLIENT_SECRET, LIES, MORE_LIES, opened, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.parts.duo_tokens import Claims

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_SECONDS = 300
LEEWAY_SECONDS = 60


class Refusal(Exception):
    """What is sent is not as it should be."""


Failure = Literal[
    "", "unavailable", "too many", "silent", "slow words", "slow headers", "hangs up",
    "huge", "endless", "packed", "not JSON", "a list", "empty", "leads on", "deep",
]  # fmt: skip


@dataclass
class DuoSimulator:
    """One application at Duo; attributes say how it behaves, and what came in.

    Attributes:
        host: As the client has to name it.
        ca_file: The authority of its certificate.
        decision: What becomes of whoever comes to the prompt: "ask" shows a page with two buttons.
        failure: How the endpoints that servers talk to fail.
        lie: Name of what the next tokens say wrongly; see `duo_tokens`.
        rename: What the token calls the person, by what was asked for.
        clock: Tells the time, in Unix seconds; a test with a clock of its own gives it here.
        seconds_ahead: What Duo's clock shows beside that.
        remembered_seconds: How long ago the device was approved that comes to the prompt.
        requests: Method, path with query, and form of everything that came in.
        questions: What was asked of people, as it was signed.

    """

    host: str
    ca_file: Path
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    decision: Literal["ask", "approve", "deny"] = "ask"
    failure: Failure = ""
    lie: str = ""
    rename: Callable[[str], str] = str
    clock: Callable[[], float] = time.time
    seconds_ahead: int = 0
    remembered_seconds: int = 0
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    questions: list[Claims] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)
    _waiting: dict[str, Claims] = field(default_factory=dict)
    _codes: dict[str, Claims] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"https://{self.host}"

    def now(self) -> int:
        return int(self.clock()) + self.seconds_ahead

    def behave(self) -> None:
        """Be as Duo is, asking nobody."""
        self.decision, self.failure, self.lie = "approve", "", ""
        self.rename, self.seconds_ahead, self.remembered_seconds = str, 0, 0

    # -- what servers ask -----------------------------------------------------------------------

    def check_health(self, form: dict[str, str]) -> tuple[int, Any]:
        try:
            self._check_client(form, "/oauth/v1/health_check")
        except Refusal as refusal:
            return 400, {
                "stat": "FAIL", "code": 40002, "timestamp": self.now(),
                "message": "invalid_client", "message_detail": str(refusal),
            }  # fmt: skip
        return 200, {"stat": "OK", "response": {"timestamp": self.now()}}

    def exchange(self, form: dict[str, str]) -> tuple[int, Any]:
        try:
            self._check_client(form, "/oauth/v1/token")
        except Refusal as refusal:
            return 400, {"error": "invalid_client", "error_description": str(refusal)}
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return 400, {"error": "invalid_request", "error_description": "client_assertion_type"}
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "The code is not valid."}
        return 200, {
            "id_token": self._token(asked),
            "access_token": secrets.token_urlsafe(),
            "expires_in": LONGEST_SECONDS,
            "token_type": "Bearer",
        }

    def _check_client(self, form: dict[str, str], path: str) -> None:
        said = self._read(form.get("client_assertion", ""))
        if said.get("iss") != self.client_id or said.get("sub") != self.client_id:
            raise Refusal("client_assertion is of another client")
        if form.get("client_id", self.client_id) != self.client_id:
            raise Refusal("client_id is another one")
        if said.get("aud") != self.base_url + path:
            raise Refusal("client_assertion is for another endpoint")
        number = said.get("jti")
        if not isinstance(number, str) or len(number) < 16 or number in self._used:
            raise Refusal("jti is missing, too short, or used")
        self._used.add(number)

    def _read(self, text: str) -> Claims:
        """Return what our client has signed, and is valid now."""
        try:
            head, said = opened(text, self.client_secret)
        except ValueError as error:
            raise Refusal(str(error)) from error
        ends = said.get("exp")
        if head.get("alg") != "HS512" or not isinstance(ends, int | float):
            raise Refusal("not by HS512, or without an end")
        if not self.now() - LEEWAY_SECONDS < ends <= self.now() + LONGEST_SECONDS + LEEWAY_SECONDS:
            raise Refusal("expired, or valid for too long")
        return said

    def _token(self, asked: Claims) -> str:
        now = self.now()
        said = {
            "iss": f"{self.base_url}/oauth/v1/token",
            "aud": self.client_id,
            # The name that Duo's directory has first; an alias may have been asked for.
            "sub": asked["duo_uname"].lower(),
            "preferred_username": self.rename(asked["duo_uname"]),
            "iat": now,
            "exp": now + LONGEST_SECONDS,
            "auth_time": now - self.remembered_seconds,
            "auth_result": {"result": "allow", "status": "allow", "status_msg": "Login Successful"},
            "auth_context": {
                "application": {"key": self.client_id, "name": "SSO"},
                "factor": "duo_push",
                "result": "success",
                "txid": secrets.token_hex(16),
                "user": {"name": asked["duo_uname"].lower(), "groups": ["A group"] * 100},
            },
        }
        if asked.get("nonce"):
            said["nonce"] = asked["nonce"]
        forge = (LIES | MORE_LIES).get(
            self.lie, lambda head, said: (head, said, self.client_secret)
        )
        return signed(*forge({"alg": "HS512", "typ": "JWT"}, said))

    # -- what browsers bring --------------------------------------------------------------------

    def prompt(self, query: dict[str, str]) -> tuple[int, str]:
        """Return a page, or where to go at once."""
        try:
            asked = self._question(query)
        except Refusal as refusal:
            return 400, page("Duo cannot go on", f"<p>{escape(str(refusal))}</p>")
        self.questions.append(asked)
        if self.decision != "ask":
            return 302, self._way_back(asked, self.decision)
        number = secrets.token_urlsafe(16)
        self._waiting[number] = asked
        name = escape(asked.get("dest_app_name", "SSO"))
        return 200, page(
            "Is it you?",
            f"<p>{escape(asked['duo_uname'])} signs in to {name}.</p>"
            f'<form method="post" action="/frame/decide"><input type="hidden" name="number"'
            f' value="{number}"><button name="decision" value="approve">Approve</button>'
            ' <button name="decision" value="deny">Deny</button></form>',
        )

    def decide(self, form: dict[str, str]) -> tuple[int, str]:
        asked = self._waiting.pop(form.get("number", ""), None)
        if asked is None:
            return 400, page("Duo cannot go on", "<p>This was answered before.</p>")
        return 302, self._way_back(asked, form.get("decision", "deny"))

    def _question(self, query: dict[str, str]) -> Claims:
        asked = self._read(query.get("request", ""))
        # Beside it in the address counts more: the prompt believes browsers so far.
        asked |= {
            name: query[name] for name in ("nonce", "duo_uname", "redirect_uri") if name in query
        }
        wanted = {
            "iss": self.client_id, "client_id": self.client_id, "aud": self.base_url,
            "response_type": "code", "scope": "openid", "use_duo_code_attribute": True,
        }  # fmt: skip
        for name, value in wanted.items():
            if asked.get(name) != value:
                raise Refusal(f"{name} is {asked.get(name)!r}")
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            raise Refusal("client_id or response_type of the address")
        for name in ("state", *(["nonce"] if "nonce" in asked else [])):
            if not 16 <= len(asked.get(name) or "") <= 1024:
                raise Refusal(f"{name} must have 16 to 1024 characters")
        if not asked.get("duo_uname") or urlsplit(asked.get("redirect_uri", "")).scheme != "https":
            raise Refusal("duo_uname or redirect_uri")
        return asked

    def _way_back(self, asked: Claims, decision: str) -> str:
        answer = {"state": asked["state"]}
        if decision == "approve":
            code = secrets.token_urlsafe(24)
            self._codes[code] = asked
            answer |= {"duo_code": code}
        else:
            answer |= {"error": "access_denied", "error_description": "User denied"}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: _Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self._note({})
        if path != "/oauth/v1/authorize":
            self._send(404, "text/plain", b"")
            return
        self._show(*self.server.duo.prompt(dict(parse_qsl(query))))

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = dict(parse_qsl(body)) or dict(parse_qsl(query))
        self._note(form)
        duo = self.server.duo
        if path == "/frame/decide":
            self._show(*duo.decide(form))
        elif duo.failure:
            self._fail(duo.failure)
        elif path == "/oauth/v1/health_check":
            self._say(*duo.check_health(form))
        elif path == "/oauth/v1/token":
            self._say(*duo.exchange(form))
        else:
            self._send(404, "text/plain", b"")

    def log_message(self, *_: object) -> None:
        pass

    def _note(self, form: dict[str, str]) -> None:
        self.server.duo.requests.append((self.command, self.path, form))

    def _show(self, status: int, page_or_place: str) -> None:
        if status == 302:
            self._send(302, "text/html", b"", Location=page_or_place)
        else:
            self._send(status, "text/html; charset=utf-8", page_or_place.encode())

    def _say(self, status: int, values: Any) -> None:
        self._send(status, "application/json", json.dumps(values).encode())

    def _send(self, status: int, media_type: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, failure: Failure) -> None:
        json_type = "application/json"
        match failure:
            case "unavailable":
                self._say(503, {"stat": "FAIL", "code": 50301, "message": "unavailable"})
            case "too many":
                self._say(429, {"stat": "FAIL", "code": 42901, "message": "Too Many Requests"})
            case "silent":
                self.server.stopping.wait(60)
            case "slow words" | "slow headers" | "endless":
                self._trickle(failure)
            case "hangs up":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            case "huge":
                self._send(
                    200, json_type, json.dumps({"stat": "OK", "id_token": "x" * 200_000}).encode()
                )
            case "packed":
                self._send(200, json_type, PACKED, **{"Content-Encoding": "gzip"})
            case "not JSON":
                self._send(200, "text/html", b"<!doctype html><title>Welcome</title>")
            case "a list":
                self._say(200, [{"stat": "OK"}])
            case "empty":
                self._send(200, json_type, b"")
            case "leads on":
                self._send(
                    307, "text/html", b"", Location=f"https://{self.server.duo.host}/elsewhere"
                )
            case "deep":
                self._send(200, json_type, b'{"stat":' + b"[" * 30_000)

    def _trickle(self, failure: Failure) -> None:
        begin = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.wfile.write(begin if failure == "slow headers" else begin + b"\r\n")
        part = b"X-More: more\r\n" if failure == "slow headers" else b" "
        pause = 0.05
        if failure == "endless":
            part, pause = b" " * 65_536, 0
        with suppress(OSError):
            while not self.server.stopping.wait(pause):
                self.wfile.write(part)
                self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, duo_of: Callable[[int], DuoSimulator]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.duo = duo_of(self.server_port)
        self.stopping = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, or do not like our certificate."""


@contextmanager
def running_duo(folder: Path) -> Iterator[DuoSimulator]:
    """Yield a Duo that approves at once, under a certificate of an authority of its own."""
    files = make_certificate(folder, "localhost", "127.0.0.1")
    server = _Server(lambda port: DuoSimulator(f"localhost:{port}", files.authority))
    server.duo.behave()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    # Hands are shaken in the thread of the request: browsers open connections that they do not use.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.duo
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


# A megabyte of nothing in a thousand bytes.
PACKED = gzip.compress(b'{"stat":"OK"' + b" " * 1_000_000 + b"}")


def page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width"><title>{title}</title><main><h1>{title}</h1>{content}</main>'
    )
