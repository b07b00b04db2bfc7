"""What others wrote, made harmless: one line, nothing hidden, nothing to click (pure)."""

from __future__ import annotations

import re
import unicodedata

# Controls, what turns the direction of writing, halves of pairs, characters that mean nothing.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Mail programs make a link of whatever looks like one: "https://x", "www.x", "x.example", "a@x";
# the last three are dots in names of hosts too (RFC 3490 section 3.1).
_LINKING = re.compile("([:/.@\u3002\uff0e\uff61])(?=[^\\W\\d]|/)")
# An address that every server can take: no quotes, no comments (RFC 5321 section 4.1.2).
_MAILBOX = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+")
_LONGEST_MAILBOX = 254


def one_line(text: str, limit: int = 60) -> str:
    r"""Return a text on one line, without what cannot be seen, and not longer than the limit.

    >>> one_line("My\r\nBcc: eve@evil.example \u202e key")
    'My Bcc: eve@evil.example key'
    >>> one_line("abcdef", 5)
    'abcd…'

    """
    # So much could become less than the limit again by normal forms and blanks.
    shown = unicodedata.normalize("NFC", text[: 16 * limit])
    seen = "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in shown)
    line = " ".join(seen.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def unlinked(text: str, limit: int = 60) -> str:
    """Return a text on one line of which no mail program makes a link.

    >>> unlinked("https://evil.example/now")
    'https: / / evil. example/ now'
    >>> unlinked("YubiKey 5.4")
    'YubiKey 5.4'

    """
    return _LINKING.sub(r"\1 ", one_line(text, limit))


def to_mailbox(text: str) -> str | None:
    r"""Return an e-mail address as a mail server takes it, or None if it is none.

    The domain comes in ASCII. The part before may hold other characters (RFC 6531).

    >>> to_mailbox("anna@Büro.example"), to_mailbox("anna@corp.example\nBcc: eve@evil.example")
    ('anna@xn--bro-hoa.example', None)

    """
    if text != one_line(text, _LONGEST_MAILBOX) or not _MAILBOX.fullmatch(text):
        return None
    local, _, domain = text.partition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    return f"{local}@{ascii_domain}"
