"""Raw attributes to a `SourceEntry` (step 2 of a cycle): text, UTC times, flags."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.source.entry import EntryKind, SourceEntry
from connector.source.ldap_decoder import split_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.source.ldap_decoder import RawEntry

GUID_BYTES = 16
_AS_SENT, _AS_WRITTEN = Struct("<IHH8s"), Struct(">IHH8s")  # MS-DTYP section 2.3.4
SID_HEAD_BYTES = 8
ACCOUNT_DISABLED = 0x2  # MS-ADTS section 2.2.16: ADS_UF_ACCOUNT_DISABLE
FIRST_MOMENT = datetime(1601, 1, 1, tzinfo=UTC)  # of a FILETIME (MS-DTYP section 2.3.3)
NEVER = frozenset({0, 0x7FFFFFFFFFFFFFFF})  # MS-ADTS: accountExpires
GUID = b"objectguid"
MEMBER = b"member"
MEMBER_KEY = MEMBER.decode()
SHORT = 130  # a length below 128, itself and its tag
RANGE = b";range="  # MS-ADTS section 3.1.1.3.1.3.3


class UnreadableEntry(Exception):
    """An entry that cannot be taken; the read goes on and is not complete."""


def values_of(entry: RawEntry | None, name: bytes) -> list[bytes]:
    """Return the values of an attribute, all its ranges together; [] if it did not come."""
    if entry is None:
        return []
    wanted = name.lower()
    whole = split_values(entry.parts.get(wanted, b""))
    for description, part in entry.parts.items():
        if description.startswith(wanted + RANGE):
            whole += split_values(part)
    return whole


def text_of(entry: RawEntry | None, name: bytes) -> str:
    """Return the first value of an attribute as text; "" if it did not come."""
    values = values_of(entry, name)
    return _text_or_base64(values[0]) if values else ""


def to_moment(text: str) -> datetime | None:
    """Return the moment of a GeneralizedTime in UTC, to the second, as AD writes it; or None.

    RFC 4517 section 3.3.13.

    >>> to_moment("20261102080000.0Z")
    datetime.datetime(2026, 11, 2, 8, 0, tzinfo=datetime.timezone.utc)
    >>> to_moment("") is None
    True

    """
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def external_id_of(entry: RawEntry) -> str:
    """Return the objectGUID in lower-case hyphenated form; "" if it did not come."""
    part = entry.parts.get(GUID)
    # one value of 16 bytes stands behind a tag and a length of a byte each
    return to_guid(part[2:]) if part is not None and len(part) == GUID_BYTES + 2 else ""


def to_words(entry: RawEntry) -> str:
    """Return an entry's name for an operator, whatever bytes it holds."""
    return entry.name.decode(errors="backslashreplace")


def to_entry(kind: EntryKind, external_id: str, entry: RawEntry, digest: bytes) -> SourceEntry:
    """Return the entry as text; `member` only as `member_names`.

    Raises:
        UnreadableEntry: if its name or one of the flags is not what the schema says.
        MalformedMessage: if it is not LDAP.

    """
    members = values_of(entry, MEMBER) if kind is EntryKind.GROUP else ()
    attributes = _to_attributes(entry)
    try:
        return SourceEntry(
            kind=kind,
            external_id=external_id,
            distinguished_name=entry.name.decode(),
            attributes=attributes,
            is_enabled=is_enabled(attributes) if kind is EntryKind.USER else True,
            expires_at=expires_at(attributes),
            member_names=tuple(map(bytes.decode, members)),
            digest=digest,
        )
    except ValueError as error:
        message = f"one of its values is not of its type: {error}"
        raise UnreadableEntry(message) from error


def _to_attributes(entry: RawEntry) -> dict[str, tuple[str, ...]]:
    """Return the values as text by attribute name, ranges in the order in which they were read."""
    attributes: dict[str, tuple[str, ...]] = {}
    for description, part in entry.parts.items():
        key, is_plain = _key_of(description)
        try:
            # most are one short text, behind a tag and a length of a byte each
            if is_plain and 1 < len(part) == part[1] + 2 < SHORT:
                attributes[key] = (part[2:].decode(),)
                continue
        except UnicodeDecodeError:
            pass
        if key != MEMBER_KEY:
            attributes[key] = attributes.get(key, ()) + to_texts(key, split_values(part))
    return attributes


@lru_cache(maxsize=1024)
def _key_of(description: bytes) -> tuple[str, bool]:
    """Return the name of an attribute, and whether its values are text and come at once."""
    name, ranged, _ = description.partition(RANGE)
    key = name.decode(errors="backslashreplace")
    return key, not ranged and key not in _FORMS and name != MEMBER


def to_texts(key: str, values: Sequence[bytes]) -> tuple[str, ...]:
    """Return an attribute's values as text.

    >>> to_texts("cn", [b"Anna"]), to_texts("thumbnailphoto", [b"JFIF"])
    (('Anna',), ('SkZJRg==',))

    """
    form = _FORMS.get(key)
    if form is not None:
        return tuple([form(value) for value in values])
    try:
        return tuple([value.decode() for value in values])
    except UnicodeDecodeError:
        return tuple(map(_text_or_base64, values))


def is_enabled(attributes: Mapping[str, Sequence[str]]) -> bool:
    """Return False if userAccountControl says that the account is disabled.

    A contact has neither sAMAccountName nor userAccountControl; an account has both. Where the
    bind account may not read the second (the property set Account Restrictions of MS-ADTS section
    3.1.1.2.3.3), disabled people would look enabled.

    Raises:
        UnreadableEntry: if that is so.

    """
    values = attributes.get("useraccountcontrol")
    if not values and attributes.get("samaccountname"):
        message = "its userAccountControl is hidden from the bind account"
        raise UnreadableEntry(message)
    return not (values and int(values[0]) & ACCOUNT_DISABLED)


def expires_at(attributes: Mapping[str, Sequence[str]]) -> datetime | None:
    """Return when accountExpires says that the account ends; None if never."""
    values = attributes.get("accountexpires")
    ticks = int(values[0]) if values else 0
    if ticks in NEVER:
        return None
    try:
        return FIRST_MOMENT + timedelta(microseconds=ticks // 10)
    except OverflowError:  # beyond the year 9999
        return None


def to_guid(value: bytes) -> str:
    """Return a GUID, whose first three parts are little-endian on the wire, in its usual form.

    >>> to_guid(bytes(range(16)))
    '03020100-0504-0706-0809-0a0b0c0d0e0f'

    """
    if len(value) != GUID_BYTES:
        return to_base64(value)
    digits = _AS_WRITTEN.pack(*_AS_SENT.unpack(value)).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def to_sid_text(value: bytes) -> str:
    """Return a security identifier as S-1-... (MS-DTYP section 2.4.2).

    >>> to_sid_text(bytes.fromhex("01020000000000052000000020020000"))
    'S-1-5-32-544'

    """
    count = value[1] if len(value) > 1 else 0
    if len(value) != SID_HEAD_BYTES + 4 * count:
        return to_base64(value)
    authority = int.from_bytes(value[2:8], "big")
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(map(str, ("S", value[0], authority, *parts)))


def to_base64(value: bytes) -> str:
    """Return the bytes in base64 (RFC 4648 section 4)."""
    return b64encode(value).decode()


def _text_or_base64(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return to_base64(value)


# Binary attributes by name: some of their values happen to be UTF-8, which would flicker.
_FORMS = MappingProxyType(
    {
        "objectguid": to_guid,
        "objectsid": to_sid_text,
        "sidhistory": to_sid_text,
        "ms-ds-consistencyguid": to_base64,
        "msexchmailboxguid": to_base64,
        "thumbnailphoto": to_base64,
        "thumbnaillogo": to_base64,
        "jpegphoto": to_base64,
        "photo": to_base64,
        "usercertificate": to_base64,
        "usersmimecertificate": to_base64,
    }
)
