"""objectGUIDs as people write them."""

from __future__ import annotations

from uuid import UUID


def to_external_id(name: str) -> str:
    """Return an objectGUID in its usual form; "" if the name is none.

    >>> to_external_id("{03020100-0504-0706-0809-0A0B0C0D0E0F}"), to_external_id("anna")
    ('03020100-0504-0706-0809-0a0b0c0d0e0f', '')

    """
    try:
        return str(UUID(name)) if "-" in name else ""
    except ValueError:
        return ""
