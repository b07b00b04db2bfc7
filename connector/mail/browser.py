"""What a browser says of itself, in words that people know (pure).

Only words of ours come out: whoever stole a password chooses what the browser says, and a message
of ours must not carry what they want the owner to read.
"""

from __future__ import annotations

# The first that is found counts: most browsers also say that they are others.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Outlook", "Outlook"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_LOOKED_AT = 512


def describe(user_agent: str) -> tuple[str, str]:
    """Return the names of the browser and of its system; "" for one that is not known.

    >>> describe("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    ('Firefox', 'Linux')
    >>> describe("Call +1 555 0100 at once")
    ('', '')

    """
    start = user_agent[:_LOOKED_AT]
    return _first(start, _BROWSERS), _first(start, _SYSTEMS)


def _first(text: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in known if mark in text), "")
