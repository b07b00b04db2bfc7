"""Whatever a browser sends for a passkey: it is taken, or refused in a word of the audit."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import FactorRefused
from connector.idp.authenticator.plain_cbor import read_item
from connector.idp.authenticator.webauthn_library import (
    Account,
    to_creation_options,
    verify_assertion,
    verify_new_credential,
)
from connector.idp.authenticator.webauthn_message import (
    LONGEST_JSON,
    parse_assertion,
    parse_new_credential,
)
from connector.idp.reason import Reason
from tests.idp.factors.subject import PARTY
from tests.parts.software_authenticator import SoftwareAuthenticator, to_bytes, to_text

CHALLENGE = bytes(32)


@cache
def honest() -> tuple[str, str, bytes]:
    """Return a new credential, an assertion of it, and its public key."""
    device = SoftwareAuthenticator()
    account = Account(bytes(32), "ann", "Ann")
    new = device.create(to_creation_options(PARTY, account, CHALLENGE, ()))
    (credential,) = device.credentials
    key = verify_new_credential(parse_new_credential(new), PARTY, CHALLENGE).public_key
    return new, device.assertion(credential, to_text(CHALLENGE)), key


def take(text: str) -> bool:
    """Return whether a message is taken, as either; all else but a refusal is a fault."""
    return "" in {_refusal_of_new(text), _refusal_of_assertion(text)}


def _refusal_of_new(text: str) -> str:
    try:
        verify_new_credential(parse_new_credential(text), PARTY, CHALLENGE)
    except FactorRefused as error:
        return Reason(error.reason)
    return ""


def _refusal_of_assertion(text: str) -> str:
    try:
        verify_assertion(parse_assertion(text), PARTY, CHALLENGE, honest()[2])
    except FactorRefused as error:
        return Reason(error.reason)
    return ""


def test_honest_messages_are_taken():
    assert take(honest()[0])
    assert take(honest()[1])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ("id", "rawId", "type", "response")
INNER = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")


@given(st.sampled_from([0, 1]), st.sampled_from(NAMES + INNER), values)
@example(1, "signature", "=")
@example(0, "rawId", "\ud800")
def test_any_value_in_any_place_is_refused_in_words(which: int, name: str, value: Any):
    message = json.loads(honest()[which])
    place = message if name in NAMES else message["response"]
    place[name] = value

    take(json.dumps(message))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
@example("")
@example("[" * 5000)
@example('{"a":' * 5000)
@example("\ud800")
def test_any_text_is_refused_in_words(text: str):
    assert not take(text)


@given(st.data())
def test_bytes_changed_within_are_refused_in_words(data: st.DataObject):
    message = json.loads(honest()[data.draw(st.sampled_from([0, 1]))])
    name = data.draw(st.sampled_from(sorted(set(message["response"]) - {"transports"})))
    raw = bytearray(to_bytes(message["response"][name]))
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.sampled_from(["flip", "cut", "grow"])):
            case "flip" if raw:
                raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
            case "cut":
                del raw[data.draw(st.integers(0, len(raw))) :]
            case "grow":
                at = data.draw(st.integers(0, len(raw)))
                raw[at:at] = data.draw(st.binary(max_size=20))
    message["response"][name] = to_text(bytes(raw))

    take(json.dumps(message))


cbor_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.binary(max_size=40)
    | st.text(max_size=10)
    | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers(-4, 4) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([1, 3, -1, -2, -3, "x"]), cbor_values), cbor_values)
@example({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32}, {})  # no point of the curve
@example({1: 3, 3: -257, -1: b"\x01", -2: b"\x03"}, {})
@example({1: 1, 3: -8, -1: 6, -2: b"short"}, {})
@example({1: 2, 3: -7, -1: 8, -2: "text", -3: True}, {})
def test_any_key_is_refused_in_words(key: dict[Any, Any], extensions: Any):
    """A key that would fail at the first sign-in is not kept either."""
    message = json.loads(honest()[0])
    attestation = cbor2.loads(to_bytes(message["response"]["attestationObject"]))
    head = attestation["authData"][: 37 + 18 + 32]
    flags = bytes([head[32] | 0x80])
    data = head[:32] + flags + head[33:] + cbor2.dumps(key) + cbor2.dumps(extensions)
    attestation["authData"] = data
    message["response"]["attestationObject"] = to_text(cbor2.dumps(attestation))

    take(json.dumps(message))


def test_a_message_that_is_too_long_is_not_read():
    text = honest()[1]
    padded = text[:-1] + " " * (LONGEST_JSON - len(text)) + "}"
    assert take(padded)

    with pytest.raises(FactorRefused, match="longer than 32768 characters"):
        parse_assertion(padded + " ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rawId", to_text(bytes(1024))),
        ("rawId", ""),
        ("rawId", to_text(b"another id")),
        ("id", "AA"),
        ("id", "not base64!"),
        ("type", "password"),
        ("response", []),
    ],
)
def test_a_credential_is_of_the_form_that_the_standard_has(name: str, value: Any):
    message = json.loads(honest()[1]) | {name: value}

    with pytest.raises(FactorRefused) as refused:
        parse_assertion(json.dumps(message))
    assert refused.value.reason == Reason.PASSKEY_MALFORMED


def test_a_sign_in_brings_no_new_key_along():
    """So that nothing is read as CBOR there but extensions."""
    new = json.loads(honest()[0])
    data = cbor2.loads(to_bytes(new["response"]["attestationObject"]))["authData"]
    message = json.loads(honest()[1])
    message["response"]["authenticatorData"] = to_text(data)

    with pytest.raises(FactorRefused, match="a credential where none is due"):
        parse_assertion(json.dumps(message))


# CBOR.


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.integers(-9, 9) | st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_what_authenticators_write_is_read_as_it_was_meant(value: Any):
    raw = cbor2.dumps(value)

    assert read_item(raw + b"more") == (value, len(raw))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes):
    try:
        _, end = read_item(raw)
    except ValueError:
        return
    assert end <= len(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes.fromhex("c482190100191000"),  # a fraction of 4,096 digits
        bytes.fromhex("d82363282e2a"),  # a regular expression
        bytes.fromhex("c2581f" + "ff" * 31),  # a number of any size
        bytes.fromhex("9f01ff"),  # a list that is left open
        bytes.fromhex("5f4101ff"),
        bytes.fromhex("bb7fffffffffffffff"),  # a map of 2^63 pairs
        bytes.fromhex("5b7fffffffffffffff00"),
        bytes.fromhex("fb3ff0000000000000"),
        bytes.fromhex("a201000100"),  # a key twice
        bytes.fromhex("a2010af50b"),
        bytes.fromhex("a1800a"),  # a list for a key
        b"\x81" * 200 + b"\x00",
        b"\x62\xff\xfe",
    ],
)
def test_cbor_beyond_that_is_refused_before_a_library_reads_it(raw: bytes):
    with pytest.raises(ValueError, match=r"\w"):
        read_item(raw)
