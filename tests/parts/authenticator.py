"""Chromium's virtual authenticator (WebAuthn section 11): it verifies its user by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_OPTIONS = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class VirtualAuthenticator:
    """What the pages of one browser tab see as the device's own authenticator."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {"options": _OPTIONS}
        added = self._session.send("WebAuthn.addVirtualAuthenticator", options)
        self._id = {"authenticatorId": added["authenticatorId"]}

    def credentials(self) -> list[dict[str, object]]:
        """Return what it keeps."""
        return self._session.send("WebAuthn.getCredentials", self._id)["credentials"]

    def hesitate(self) -> None:
        """Wait for its user from now on, who does not come."""
        values = self._id | {"enabled": False}
        self._session.send("WebAuthn.setAutomaticPresenceSimulation", values)

    def act(self) -> None:
        """Have its user there again."""
        values = self._id | {"enabled": True}
        self._session.send("WebAuthn.setAutomaticPresenceSimulation", values)
