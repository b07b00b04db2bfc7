"""Somebody who visits the pages of second factors without a browser, and has an app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp

from tests.parts.visitor import Visitor, visit

if TYPE_CHECKING:
    from tests.parts.identity_provider import IdentityProvider
    from tests.parts.visitor import Page

EMAIL, PASSWORD = "alice@corp.test", "Passw0rd!"


@dataclass
class Holder:
    """One person at one browser.

    Attributes:
        idp: Whose clock they go by.
        visitor: The browser.
        app: What shows codes; None until it is added.
        codes: Their recovery codes.
        email: Who they are.

    """

    idp: IdentityProvider
    visitor: Visitor
    app: pyotp.TOTP | None = None
    codes: tuple[str, ...] = ()
    email: str = EMAIL

    def code(self) -> str:
        """Return the code of a moment that has not been used."""
        self.idp.clock.moment += timedelta(seconds=60)
        return self.app.at(int(self.idp.clock.now().timestamp()))

    def password(self, url: str, password: str = PASSWORD) -> Page:
        """Go as far as what follows the password."""
        return self.visitor.sign_in(url, self.email, password)

    def enrol(self, page: Page) -> Page:
        """Add an app and keep the codes; return what follows."""
        page = self.choose(page, "/enrol", "totp")
        self.app = app_of(page)
        page = self.visitor.submit(page, "/enrol-totp", code=self.code(), name="My telephone")
        self.codes = tuple(page.tree.xpath("//ol[@class='codes']//code/text()"))
        return self.visitor.submit(page, "/enrol-finish")

    def choose(self, page: Page, action: str, kind: str) -> Page:
        """Press the button of that kind."""
        return self.visitor.submit(page, action, kind=kind)

    def prove(self, page: Page, **more: str) -> Page:
        """Type a code of the app."""
        return self.visitor.submit(page, "/code", code=self.code(), **more)


def app_of(page: Page) -> pyotp.TOTP:
    """Return an app that has read the secret from the page."""
    (spelled,) = page.tree.xpath("//p[@class='spelled']/code/text()")
    return pyotp.TOTP(spelled.replace(" ", ""))


def make_holder(idp: IdentityProvider, email: str = EMAIL) -> Holder:
    return Holder(idp, visit(idp.app(), idp.site.base_url), email=email)
