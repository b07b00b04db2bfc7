"""People who sign in to real applications without pause, and everything that came of it.

Each of them is a thread with cookies of its own: it begins at the application, goes through our
pages by HTTP, and hands the Response to the application, which believes the metadata that it
fetched last.
"""

from __future__ import annotations

import hashlib
import threading
from base64 import b64decode
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import httpx
from lxml import etree

from tests.parts.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

DS = "{http://www.w3.org/2000/09/xmldsig#}"
PATIENCE = 120
# Between two logins of one person, so that the quick ones do not take all of the machine.
THINKS_SECONDS = 0.1


class Entrance(Protocol):
    """An application, as one person meets it.

    Attributes:
        is_open: Held during each login; whoever else takes it can restart the application.

    """

    is_open: AbstractContextManager

    def ask(self) -> str:
        """Return the URL that it sends the browser to."""
        ...

    def take(self, acs_url: str, fields: dict[str, str]) -> str:
        """Give it what the browser brings; return why it refuses, or ""."""
        ...


@dataclass(frozen=True)
class Login:
    """How one login went.

    Attributes:
        application: Slug.
        signer: SHA-256 of the certificate in the Response; "" if there was none.
        problem: Why it failed; "" if it did not.

    """

    application: str
    signer: str
    problem: str


@dataclass
class LoginLoad:
    """The people, and what came of their logins.

    Attributes:
        idp_url: Where our pages are.
        email, password: Of whoever signs in.

    """

    idp_url: str
    email: str
    password: str
    logins: list[Login] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def failures(self) -> list[Login]:
        return [login for login in list(self.logins) if login.problem]

    def counts(self) -> Counter[tuple[str, str]]:
        """Return how many logins went well, by application and signer."""
        return Counter(
            (one.application, one.signer) for one in list(self.logins) if not one.problem
        )

    def wait_for_more(self, count: int, *applications: str) -> None:
        """Return when so many more logins of each application have ended."""
        before = Counter(one.application for one in self.logins)

        def are_there() -> bool:
            now = Counter(one.application for one in self.logins)
            return all(now[name] - before[name] >= count for name in applications)

        with self._news:
            assert self._news.wait_for(are_there, PATIENCE), f"no {count} more: {self.counts()}"

    def wait_for_signer(self, signer: str, count: int, *applications: str) -> None:
        """Return when the last so many logins of each application were signed so."""

        def are_there() -> bool:
            for name in applications:
                latest = [one.signer for one in self.logins if one.application == name][-count:]
                if latest != [signer] * count:
                    return False
            return True

        with self._news:
            assert self._news.wait_for(are_there, PATIENCE), f"no {signer}: {self.logins[-20:]}"

    @contextmanager
    def running(self, *people: tuple[str, Callable[[], Entrance], bool]) -> Iterator[None]:
        """Let people sign in until the end.

        Args:
            people: Each with the slug of the application, what makes its entrance, and whether
                the password is typed each time.

        """
        threads = [threading.Thread(target=self._live, args=person) for person in people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE)

    def _live(self, application: str, enter: Callable[[], Entrance], types_password: bool) -> None:
        entrance, visitor = enter(), self._visitor()
        while not self._stop.wait(THINKS_SECONDS):
            if types_password:
                visitor = self._visitor()
            try:
                with entrance.is_open:
                    login = self._sign_in(application, entrance, visitor)
            except Exception as error:  # whatever it is, it is a login that failed
                login = Login(application, "", f"{type(error).__name__}: {error}")
            with self._news:
                self.logins.append(login)
                self._news.notify_all()

    def _visitor(self) -> Visitor:
        return Visitor(httpx.Client(base_url=self.idp_url, timeout=PATIENCE))

    def _sign_in(self, application: str, entrance: Entrance, visitor: Visitor) -> Login:
        url = urlsplit(entrance.ask())
        page = visitor.get(f"{url.path}?{url.query}")
        if page.tree.xpath("//input[@name='email']"):
            page = visitor.submit(page, "/email", email=self.email)
            page = visitor.submit(page, "/password", password=self.password)
        fields = dict(page.form().fields) if page.tree.forms else {}
        if "SAMLResponse" not in fields:
            return Login(application, "", f"no Response: {page.status} {page.answer.text[:500]}")
        signer = signer_of(fields["SAMLResponse"])
        return Login(application, signer, entrance.take(page.form().action, fields))


def signer_of(saml_response: str) -> str:
    """Return the SHA-256 of the certificate that a Response, base64, names first."""
    root = etree.fromstring(b64decode(saml_response))
    certificate = root.find(f"{DS}Signature/{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate").text
    return hashlib.sha256(b64decode(certificate)).hexdigest()
