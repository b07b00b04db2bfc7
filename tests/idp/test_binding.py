"""Messages come off the wire as they were sent, or are refused with the reason."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from connector.errors import RequestRefused
from connector.idp.binding import read_post, read_redirect, to_form_value, to_redirect_url
from connector.idp.reason import Reason


def query_of(document: str, relay_state: str = "") -> str:
    return to_redirect_url("https://idp/sso", "SAMLRequest", document, relay_state).partition("?")[
        2
    ]


@pytest.mark.parametrize("relay_state", ["", "a b&c=d", "https://app/?x=1#y", "grün+"])
def test_a_redirect_comes_back_as_it_was_sent(relay_state: str):
    message = read_redirect(query_of("<x>ü</x>", relay_state).encode())

    assert (message.document.decode(), message.relay_state) == ("<x>ü</x>", relay_state)


def test_a_post_comes_back_as_it_was_sent():
    message = read_post({"SAMLRequest": to_form_value("<x/>"), "RelayState": "r"})

    assert (message.document, message.relay_state) == (b"<x/>", "r")


def test_base64_of_a_form_may_have_line_ends():
    value = to_form_value("<x>" + "y" * 100 + "</x>")
    lines = "\r\n".join(value[at : at + 76] for at in range(0, len(value), 76))

    assert read_post({"SAMLRequest": lines}).document.startswith(b"<x>y")


def test_a_url_that_has_a_query_keeps_it():
    assert "?a=b&SAMLRequest=" in to_redirect_url("https://idp/sso?a=b", "SAMLRequest", "<x/>")


def test_a_signature_covers_the_octets_as_they_came_in_the_fixed_order():
    """Encoding them anew could change %2f to %2F, and the signature would fail."""
    packed = query_of("<x/>").partition("=")[2]
    lower = packed.replace("%2F", "%2f").replace("%3D", "%3d")
    query = f"Signature=AAAA&SigAlg=rsa%2dx&RelayState=a+b&other=1&SAMLRequest={lower}"

    signature = read_redirect(query.encode()).signature

    assert signature.octets == f"SAMLRequest={lower}&RelayState=a+b&SigAlg=rsa%2dx".encode()
    assert (signature.value, signature.algorithm) == (b"\0\0\0", "rsa-x")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", Reason.MESSAGE_MISSING),
        ("RelayState=x", Reason.MESSAGE_MISSING),
        ("SAMLRequest=%%%", Reason.MESSAGE_ENCODING),
        ("SAMLRequest=" + quote(b64encode(b"plain")), Reason.MESSAGE_ENCODING),
        (query_of("<x/>")[:-8], Reason.MESSAGE_ENCODING),
        (query_of("<x/>") + "&SAMLRequest=x", Reason.MESSAGE_ENCODING),
        (query_of("<x/>") + "&RelayState=%ff", Reason.MESSAGE_ENCODING),
        (query_of("<x/>") + "&Signature=%%", Reason.MESSAGE_ENCODING),
        (query_of("<x/>", "r" * 2049), Reason.RELAY_STATE_TOO_LONG),
    ],
)
def test_a_query_that_does_not_decode_is_refused(query: str, reason: Reason):
    with pytest.raises(RequestRefused) as refused:
        read_redirect(query.encode())
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({}, Reason.MESSAGE_MISSING),
        ({"SAMLRequest": "not base64!"}, Reason.MESSAGE_ENCODING),
        ({"SAMLRequest": "ü"}, Reason.MESSAGE_ENCODING),
        ({"SAMLRequest": to_form_value("x" * 65_537)}, Reason.XML_TOO_LARGE),
        ({"SAMLRequest": "AAAA", "RelayState": "ü" * 1025}, Reason.RELAY_STATE_TOO_LONG),
    ],
)
def test_a_form_that_does_not_decode_is_refused(form: dict[str, str], reason: Reason):
    with pytest.raises(RequestRefused) as refused:
        read_post(form)
    assert refused.value.reason == reason
