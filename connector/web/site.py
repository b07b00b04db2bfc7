"""What the pages need to know of the installation, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from connector.settings.branding import Picture
    from connector.settings.sign_on import Language


@dataclass(frozen=True, slots=True)
class Brand:
    """The operator's own look.

    Attributes:
        colour: "#rrggbb" in lower case; "" for ours.
        logo: In place of the name at the top of every page; None for the name.
        logo_dark: The same for dark pages; None for no other.

    """

    colour: str = ""
    logo: Picture | None = None
    logo_dark: Picture | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """The public face of the identity provider.

    Attributes:
        base_url: Where browsers reach us: scheme, host and port, without a path.
        organization: Name at the top of every page.
        help_url: Where the help desk is; "" for no link.
        trusted_proxies: Addresses or networks whose X-Forwarded-For is believed.
        language: Of every page; "auto" for what each browser asks for.
        brand: What they look like.

    """

    base_url: str
    organization: str = "Sign-on"
    help_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    language: Language = "auto"
    brand: Brand = Brand()

    @property
    def origin(self) -> str:
        """Return the origin as browsers write it: lower case, no default port (RFC 6454 s6.2).

        >>> Site("https://SSO.corp.example:443").origin
        'https://sso.corp.example'

        """
        url = urlsplit(self.base_url)
        default = {"https": 443, "http": 80}.get(url.scheme)
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        port = "" if url.port in {None, default} else f":{url.port}"
        return f"{url.scheme}://{host}{port}"

    @property
    def host(self) -> str:
        """Return the host, with its port if that is unusual, to show on pages."""
        return self.origin.partition("://")[2]

    @property
    def is_https(self) -> bool:
        """Return whether browsers come by https; by http only this machine's own do."""
        return self.base_url.startswith("https:")
