"""Controls of Active Directory that ldap3 does not make as we need them (MS-ADTS 3.1.1.3.4.1)."""

from __future__ import annotations

DIR_SYNC = "1.2.840.113556.1.4.841"
# Not critical: a server that knows neither has nothing of the kind to show.
SHOW_DELETED = (
    ("1.2.840.113556.1.4.417", False, None),
    ("1.2.840.113556.1.4.2064", False, None),  # those that the recycle bin has emptied, too
)
_INCREMENTAL_VALUES = 0x80000000
_OBJECT_SECURITY = 0x1
_SEQUENCE, _INTEGER, _OCTET_STRING = 0x30, 0x02, 0x04
_SHORT = 0x80


def dir_sync_control(cookie: bytes, *, as_ourselves: bool) -> tuple[str, bool, bytes]:
    """Return the control that asks for what changed since a cookie (section 3.1.1.3.4.1.3).

    Args:
        cookie: b"" for the beginning of time.
        as_ourselves: Ask only for what we may read anyway, which needs no right of replication.

    """
    flags = _INCREMENTAL_VALUES | (_OBJECT_SECURITY if as_ourselves else 0)
    # The server takes the flags as a signed number of 4 bytes.
    value = _element(_INTEGER, flags.to_bytes(4, "big"))
    value += _element(_INTEGER, (2**31 - 1).to_bytes(4, "big"))
    value += _element(_OCTET_STRING, cookie)
    return DIR_SYNC, True, _element(_SEQUENCE, value)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _SHORT:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT | len(length)]) + length + content
