"""Take SAML messages off the wire, and put them on it (Bindings sections 3.2, 3.4 and 3.5)."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus, unquote_to_bytes

from connector.errors import RequestRefused
from connector.idp.names import Binding, MessageKind
from connector.idp.reason import Reason
from connector.idp.xmldsig import sign_octets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from connector.idp.xmldsig import SigningKey

MESSAGE_LIMIT_BYTES = 65_536
# Bindings section 3.4.3 allows 80; applications in the field put whole URLs there.
RELAY_STATE_LIMIT_BYTES = 2_048


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    """The signature of a redirect: over octets of the query, not over XML.

    Attributes:
        octets: Exactly as they came, never encoded anew.
        value: The signature.
        algorithm: URI of SigAlg, as the message says.

    """

    octets: bytes
    value: bytes
    algorithm: str


@dataclass(frozen=True, slots=True)
class BoundMessage:
    """A message off the wire; nothing of it has been believed yet.

    Attributes:
        binding: How it came.
        document: The XML.
        relay_state: Opaque to us; goes back with the answer.
        signature: Of a signed redirect; a post carries its signature within the XML.
        kind: Whether somebody asks or answers.

    """

    binding: Binding
    document: bytes
    relay_state: str = ""
    signature: DetachedSignature | None = None
    kind: MessageKind = MessageKind.REQUEST


REQUESTS = (MessageKind.REQUEST,)
RESPONSES = (MessageKind.RESPONSE,)


def read_redirect(query: bytes, kinds: Collection[MessageKind] = REQUESTS) -> BoundMessage:
    """Return the message of a query string.

    Args:
        query: Raw, as it stands behind the question mark.
        kinds: What it may be.

    Raises:
        RequestRefused: if there is not one of that kind, or it does not decode within the limits.

    """
    fields = _split(query)
    kind = _only([kind for kind in kinds if kind.encode() in fields], kinds, "query")
    relay_state = _to_text(fields[b"RelayState"]) if b"RelayState" in fields else ""
    _check_relay_state(relay_state)
    return BoundMessage(
        Binding.REDIRECT,
        _inflate(_decode(unquote_to_bytes(fields[kind.encode()]))),
        relay_state,
        _detached_signature(fields, kind),
        kind,
    )


def read_post(
    form: Mapping[str, str],
    kinds: Collection[MessageKind] = REQUESTS,
    limit_bytes: int = MESSAGE_LIMIT_BYTES,
) -> BoundMessage:
    """Return the message of a form.

    Args:
        form: Its fields.
        kinds: What the message may be.
        limit_bytes: How long the XML may be.

    Raises:
        RequestRefused: if there is not one of that kind, or it does not decode within the limits.

    """
    kind = _only([kind for kind in kinds if form.get(kind)], kinds, "form")
    relay_state = form.get("RelayState", "")
    _check_relay_state(relay_state)
    document = _decode(form[kind].encode(errors="replace"))
    if len(document) > limit_bytes:
        raise RequestRefused(Reason.XML_TOO_LARGE)
    return BoundMessage(Binding.POST, document, relay_state, kind=kind)


def _only(found: Sequence[MessageKind], kinds: Collection[MessageKind], where: str) -> MessageKind:
    if len(found) == 1:
        return found[0]
    words = f"the {where} holds {'both' if found else 'no'} {' and '.join(kinds)}"
    raise RequestRefused(Reason.MESSAGE_MISSING, words)


def to_form_value(document: str) -> str:
    """Return a message as the value of a form field (Bindings section 3.5.4)."""
    return b64encode(document.encode()).decode()


def to_redirect_url(
    location: str, name: str, document: str, relay_state: str = "", key: SigningKey | None = None
) -> str:
    """Return the URL that carries a message (Bindings section 3.4.4.1).

    Args:
        location: Where the receiver takes it.
        name: "SAMLRequest" or "SAMLResponse".
        document: The XML, without a signature of its own.
        relay_state: Goes with it; "" for none.
        key: Signs the query; None leaves it unsigned.

    """
    deflate = zlib.compressobj(wbits=-15)
    packed = b64encode(deflate.compress(document.encode()) + deflate.flush())
    query = f"{name}={quote_plus(packed)}"
    if relay_state:
        query += f"&RelayState={quote_plus(relay_state)}"
    if key is not None:
        query += f"&SigAlg={quote_plus(key.method)}"
        _, signature = sign_octets(query.encode(), key)
        query += f"&Signature={quote_plus(b64encode(signature))}"
    return f"{location}{'&' if '?' in location else '?'}{query}"


_SINGLE = frozenset({b"SAMLRequest", b"SAMLResponse", b"RelayState", b"SigAlg", b"Signature"})


def _split(query: bytes) -> dict[bytes, bytes]:
    """Return raw values by name; a name that comes twice could mean two things, so it may not."""
    fields: dict[bytes, bytes] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name in fields and name in _SINGLE:
            raise RequestRefused(Reason.MESSAGE_ENCODING, f"{name.decode()} comes twice")
        fields[name] = value
    return fields


def _detached_signature(
    fields: Mapping[bytes, bytes], kind: MessageKind
) -> DetachedSignature | None:
    if b"Signature" not in fields:
        return None
    # The order is fixed whatever the order of the query (Bindings section 3.4.4.1).
    order = [name for name in (kind.encode(), b"RelayState", b"SigAlg") if name in fields]
    return DetachedSignature(
        octets=b"&".join(name + b"=" + fields[name] for name in order),
        value=_decode(unquote_to_bytes(fields[b"Signature"])),
        algorithm=_to_text(fields.get(b"SigAlg", b"")),
    )


def _decode(text: bytes) -> bytes:
    try:
        return b64decode(b"".join(text.split()), validate=True)
    except Base64Error as error:
        raise RequestRefused(Reason.MESSAGE_ENCODING, "not base64") from error


def _inflate(packed: bytes) -> bytes:
    """Return what was deflated, up to the limit; a small message can unpack to gigabytes."""
    inflate = zlib.decompressobj(wbits=-15)
    try:
        document = inflate.decompress(packed, MESSAGE_LIMIT_BYTES)
    except zlib.error as error:
        raise RequestRefused(Reason.MESSAGE_ENCODING, "not deflated") from error
    if inflate.unconsumed_tail:
        raise RequestRefused(Reason.XML_TOO_LARGE)
    if not inflate.eof or inflate.unused_data:
        raise RequestRefused(Reason.MESSAGE_ENCODING, "not deflated to its end")
    return document


def _to_text(raw: bytes) -> str:
    try:
        return unquote_plus(raw.decode("ascii"), errors="strict")
    except UnicodeDecodeError as error:
        raise RequestRefused(Reason.MESSAGE_ENCODING, "not UTF-8") from error


def _check_relay_state(relay_state: str) -> None:
    if len(relay_state.encode(errors="replace")) > RELAY_STATE_LIMIT_BYTES:
        raise RequestRefused(Reason.RELAY_STATE_TOO_LONG)
