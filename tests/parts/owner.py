"""Somebody who signs in by our pages without a browser, and has a second factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pyotp

from tests.parts.software_authenticator import SoftwareAuthenticator
from tests.parts.visitor import Visitor

if TYPE_CHECKING:
    from tests.parts.visitor import Page

PATIENCE = 60


@dataclass
class Owner:
    """One person.

    Attributes:
        base_url: Of the identity provider.
        start: Path that begins a login.
        email, password: What they type.
        authenticator: Has their passkey.
        app: Makes their codes; None: they have none.
        device: Cookies of a browser that they had remembered.

    """

    base_url: str
    start: str
    email: str
    password: str
    authenticator: SoftwareAuthenticator = field(init=False)
    app: pyotp.TOTP | None = None
    device: dict[str, str] = field(default_factory=dict)
    _clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.authenticator = SoftwareAuthenticator(origin=self.base_url)

    def visitor(self, address: str, cookies: dict[str, str] | None = None) -> Visitor:
        """Return a browser at an address, as a proxy says."""
        headers = {"x-forwarded-for": address}
        client = httpx.Client(
            base_url=self.base_url, headers=headers, cookies=cookies, timeout=PATIENCE
        )
        self._clients.append(client)
        return Visitor(client)

    def close(self) -> None:
        """Close all browsers."""
        for client in self._clients:
            client.close()

    def type_password(self, visitor: Visitor) -> Page:
        return visitor.sign_in(self.start, self.email, self.password)

    def use_passkey(self, visitor: Visitor) -> Page:
        """Sign in by the passkey alone."""
        form = visitor.get(self.start).form("/passkey")
        signed = self.authenticator.get(form.get("data-options"))
        return visitor.post(form.action, {**dict(form.fields), "response": signed})

    def enrol_passkey(self, address: str) -> Page:
        visitor = self.visitor(address)
        form = self._enrol(visitor, "passkey").form("/enrol-passkey")
        made = self.authenticator.create(form.get("data-options"))
        fields = {**dict(form.fields), "response": made, "name": "Laptop"}
        return visitor.submit(visitor.post(form.action, fields), "/enrol-finish")

    def enrol_app(self, address: str) -> Page:
        visitor = self.visitor(address)
        page = self._enrol(visitor, "totp")
        spelled = page.tree.xpath("//*[@class='spelled']/code")[0].text_content()
        self.app = pyotp.TOTP(spelled.replace(" ", ""))
        page = visitor.submit(page, "/enrol-totp", code=self.app.now(), name="Telephone")
        return visitor.submit(page, "/enrol-finish")

    def have_remembered(self, address: str, at: float) -> Page:
        """Sign in with a code of that time, and have the browser remembered."""
        visitor = self.visitor(address)
        page = self.type_password(visitor)
        page = visitor.submit(page, "/code", code=self.app.at(int(at)), remember="yes")
        self.device = {"device": visitor.client.cookies["device"]}
        return page

    def _enrol(self, visitor: Visitor, kind: str) -> Page:
        form = self.type_password(visitor).form("/enrol")
        return visitor.post(form.action, {**dict(form.fields), "kind": kind})
