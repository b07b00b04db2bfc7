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
        """Return where an application fetches our metadata, so that we know that it has.

        >>> IdpEndpoints("https://x/saml/metadata", "https://x").metadata_url("upstream/okta")
        'https://x/saml/upstream/metadata/okta'

        """
        kind, _, name = slug.rpartition("/")
        if kind == "upstream":
            return f"{self.upstream_metadata_url}/{name}"
        return f"{self.base_url}/saml/metadata/{slug}"

    @property
    def sso_url(self) -> str:
        """Return where AuthnRequests come in, by redirect and by post."""
        return f"{self.base_url}/saml/sso"

    @property
    def upstream_acs_url(self) -> str:
        """Return where answers of other identity providers come in, by post."""
        return f"{self.base_url}/saml/upstream/acs"

    @property
    def upstream_metadata_url(self) -> str:
        """Return where we describe ourselves to them; also what they know us by by default."""
        return f"{self.base_url}/saml/upstream/metadata"

    @property
    def slo_url(self) -> str:
        """Return where LogoutRequests and LogoutResponses come in, by whichever binding."""
        return f"{self.base_url}/saml/slo"

    @property
    def duo_redirect_uri(self) -> str:
        """Return where Duo sends the browser back to."""
        return f"{self.base_url}/login/duo"
