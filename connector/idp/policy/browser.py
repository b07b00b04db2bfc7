"""Which browser it is, by what it says of itself (RFC 9110 section 10.1.5).

Anybody can say anything there, so this keeps out old browsers of honest people, and nobody else.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# Whoever sends more has nothing to say to us; those of browsers have about 120 characters.
_LONGEST = 512
_TOKEN = re.compile(r"(?<![A-Za-z])([A-Za-z]++)/([0-9]{1,6})")

# In what a browser says, most names are those of others whose pages it wants to be shown. Who has
# one of these is that browser, whatever else it says.
_OWN_NAMES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("Edg", "EdgA", "EdgiOS", "Edge"), "edge")
    | dict.fromkeys(("OPR", "OPX", "OPT", "OPiOS", "Opera", "Vivaldi", "YaBrowser", "Whale"), "")
    | dict.fromkeys(("SamsungBrowser", "UCBrowser", "DuckDuckGo", "Ddg", "Brave", "Silk"), "")
    | dict.fromkeys(("MiuiBrowser", "HuaweiBrowser", "PaleMoon", "SeaMonkey", "Waterfox"), "")
    | dict.fromkeys(("Electron", "Focus", "Klar", "GSA"), "")
)
_SHARED_NAMES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("Firefox", "FxiOS"), "firefox")
    | dict.fromkeys(("Chrome", "CriOS", "HeadlessChrome"), "chrome")
)


class Browser(NamedTuple):
    """A browser.

    Attributes:
        family: "chrome", "firefox", "safari" or "edge"; "" for any other.
        major: Its major version; 0 if the family is not known.

    """

    family: str = ""
    major: int = 0

    def __str__(self) -> str:
        """Return it as people would say it."""
        return f"{self.family.capitalize()} {self.major}" if self.family else "an unknown browser"


def parse_user_agent(text: str) -> Browser:
    """Return the browser that a User-Agent field speaks of.

    >>> parse_user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    Browser(family='firefox', major=128)
    >>> parse_user_agent("curl/8.9.1")
    Browser(family='', major=0)

    """
    text = text[:_LONGEST]
    said = dict(reversed(_TOKEN.findall(text)))
    for names in (_OWN_NAMES, _SHARED_NAMES):
        for name, version in said.items():
            family = names.get(name)
            if family is not None:
                return Browser(family, int(version)) if family else Browser()
    # Only Safari calls its own version "Version"; the old browser of Android did, too.
    if "Safari" in said and "Version" in said and "Android" not in text:
        return Browser("safari", int(said["Version"]))
    return Browser()
