"""What pages say of browsers and sign-ins, in one language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.mail.browser import describe

if TYPE_CHECKING:
    from connector.audit import AuditEvent
    from connector.web.words import Words


def browser_in_words(user_agent: str, words: Words) -> str:
    """Return which browser that is, as people know it."""
    browser, system = describe(user_agent)
    if browser and system:
        return words.text("browser-on", browser=browser, system=system)
    return browser or words.text("unknown-browser")


def proof_in_words(event: AuditEvent, words: Words) -> str:
    """Return what somebody signed in with; "" if the event does not say."""
    first, second = event.details.get("proof", ""), event.details.get("second", "")
    said = [words.text(f"by-{first}")] if words.knows(f"by-{first}") else []
    if words.knows(f"second-{second}"):
        factor = words.text(f"second-{second}")
        said.append(words.text("and-second", factor=factor))
    return " ".join(said)
