"""Our own name and addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdpEndpoints:
    """What others call us, and where they reach us.

    Attributes:
        entity_id: Our name as an issuer.
        base_url: Scheme, host and port, without a path.

    """

    entity_id: str
    base_url: str

    def metadata_url(self, slug: str) -> str:
        """Return where an application fetches our metadata; so we know that it has."""
        return f"{self.base_url}/saml/metadata/{slug}"

    @property
    def sso_url(self) -> str:
        """Return where AuthnRequests come in, by redirect and by post."""
        return f"{self.base_url}/saml/sso"
