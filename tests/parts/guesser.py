"""Somebody who guesses passwords as fast as the pages take them, from as many addresses as wanted.

No page is looked at that need not be: a login is begun once for each person, and its form sent as
often as there are guesses. A proxy that the identity provider believes says which address is which.
"""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PATIENCE = 60
TOKEN = re.compile(r'name="step_token" value="([0-9a-f]{64})"')


@dataclass(frozen=True)
class Login:
    """A login that has come as far as the question for the password.

    Attributes:
        path: Of its pages.
        cookie: Of its browser.
        token: Of the form.

    """

    path: str
    cookie: str
    token: str


@dataclass(frozen=True)
class Guess:
    """One guess: at whose password, which, and from where."""

    email: str
    password: str
    address: str


@dataclass
class Guesser:
    """Guesses at one identity provider, by plain http as a proxy does.

    Attributes:
        base_url: As browsers know it.
        application: Slug of where the logins go.
        hands: How many guess at the same time.

    """

    base_url: str
    application: str
    hands: int = 8
    _logins: dict[str, Login] = field(default_factory=dict)
    _connections: list[HTTPConnection] = field(default_factory=list)
    _own: threading.local = field(default_factory=threading.local)

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def prepare(self, emails: Iterable[str], address: str) -> None:
        """Come as far as the question for the password, for each of them."""
        with ThreadPoolExecutor(self.hands) as pool:
            for _ in pool.map(lambda one: self.name_somebody(one, address), emails):
                pass

    def guess_all(self, guesses: Sequence[Guess]) -> list[float]:
        """Make them, in order as far as many hands can; return the seconds that each took."""
        with ThreadPoolExecutor(self.hands) as pool:
            return list(pool.map(self.guess, guesses, chunksize=1))

    def guess(self, guess: Guess) -> float:
        """Send the form once; return the seconds until it was answered."""
        login = self._logins[guess.email]
        fields = {"step_token": login.token, "password": guess.password}
        begun = time.perf_counter()
        self._post(f"{login.path}/password", fields, login.cookie, guess.address)
        return time.perf_counter() - begun

    def look(self, email: str, address: str) -> HTTPResponse:
        """Return the page that a login is at."""
        login = self._logins[email]
        return self._get(login.path, login.cookie, address)[0]

    def name_somebody(self, email: str, address: str) -> float:
        """Begin a login and type the address; return the seconds until the password was asked."""
        begun, _ = self._get(f"/open/{self.application}", "", address)
        path = begun.headers["location"]
        asked, page = self._get(path, "", address)
        cookie = asked.headers["set-cookie"].partition(";")[0]
        fields = {"step_token": TOKEN.search(page)[1], "email": email}
        typed_at = time.perf_counter()
        self._post(f"{path}/email", fields, cookie, address)
        _, page = self._get(path, cookie, address)
        seconds = time.perf_counter() - typed_at
        self._logins[email] = Login(path, cookie, TOKEN.search(page)[1])
        return seconds

    def _get(self, path: str, cookie: str, address: str) -> tuple[HTTPResponse, str]:
        headers = {"X-Forwarded-For": address, "Cookie": cookie}
        connection = self._connection
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def _post(self, path: str, fields: dict[str, str], cookie: str, address: str) -> None:
        headers = {
            "X-Forwarded-For": address,
            "Cookie": cookie,
            "Origin": self.base_url,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = self._connection
        connection.request("POST", path, urlencode(fields), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303, answer.status

    @property
    def _connection(self) -> HTTPConnection:
        """A connection that stays, one for each hand."""
        if not hasattr(self._own, "connection"):
            url = urlsplit(self.base_url)
            self._own.connection = HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
            self._connections.append(self._own.connection)
        return self._own.connection
