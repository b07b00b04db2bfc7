"""Texts as Duo signs them (HS512), and all the ways to lie in one. Shared with nothing of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_ID = "DI" + "X" * 18
CLIENT_SECRET = "s" * 40

Claims = dict[str, Any]


# What a token that lies says instead: its header, its claims, and what signs it.
Forgery = tuple[Claims, Claims, str]
LIES: dict[str, Callable[[Claims, Claims], Forgery]] = {
    "other key": lambda head, said: (head, said, "t" * 40),
    "alg none": lambda head, said: (head | {"alg": "none"}, said, ""),
    "alg none, signed": lambda head, said: (head | {"alg": "none"}, said, CLIENT_SECRET),
    "HS256": lambda head, said: (head | {"alg": "HS256"}, said, CLIENT_SECRET),
    "RS512": lambda head, said: (head | {"alg": "RS512"}, said, CLIENT_SECRET),
    "a demand that nobody knows": lambda head, said: (
        head | {"crit": ["duo"], "duo": 1}, said, CLIENT_SECRET,
    ),
    "other issuer": lambda head, said: (
        head, said | {"iss": "https://other.example/oauth/v1/token"}, CLIENT_SECRET,
    ),
    "other audience": lambda head, said: (head, said | {"aud": "DI" + "Y" * 18}, CLIENT_SECRET),
    "no audience": lambda head, said: (head, _without(said, "aud"), CLIENT_SECRET),
    "expired": lambda head, said: (head, _later(said, -1000), CLIENT_SECRET),
    "of the future": lambda head, said: (head, _later(said, 1000), CLIENT_SECRET),
    "no end": lambda head, said: (head, _without(said, "exp"), CLIENT_SECRET),
    "no beginning": lambda head, said: (head, _without(said, "iat"), CLIENT_SECRET),
    "an end in words": lambda head, said: (head, said | {"exp": "tomorrow"}, CLIENT_SECRET),
    "other nonce": lambda head, said: (head, said | {"nonce": "n" * 32}, CLIENT_SECRET),
    "no nonce": lambda head, said: (head, _without(said, "nonce"), CLIENT_SECRET),
    "other person": lambda head, said: (
        head, said | {"preferred_username": "mallory"}, CLIENT_SECRET,
    ),
    "nobody": lambda head, said: (head, _without(said, "preferred_username"), CLIENT_SECRET),
}  # fmt: skip
# What Duo's own library lets pass, or nobody checks there.
MORE_LIES: dict[str, Callable[[Claims, Claims], Forgery]] = {
    "two audiences": lambda head, said: (
        head, said | {"aud": [CLIENT_ID, "DI" + "Y" * 18]}, CLIENT_SECRET,
    ),
    "an end that is no number": lambda head, said: (head, said | {"exp": float("nan")}, CLIENT_SECRET),
    "no end at all": lambda head, said: (head, said | {"exp": float("inf")}, CLIENT_SECRET),
    "true for a time": lambda head, said: (head, said | {"iat": True}, CLIENT_SECRET),
    "an endless number": lambda head, said: (head, said | {"exp": 10**400}, CLIENT_SECRET),
    "denied": lambda head, said: (
        head, said | {"auth_result": {"result": "deny", "status_msg": "Denied"}}, CLIENT_SECRET,
    ),
    "no result": lambda head, said: (head, _without(said, "auth_result"), CLIENT_SECRET),
    "a result in words": lambda head, said: (head, said | {"auth_result": "allow"}, CLIENT_SECRET),
    "a nonce of another kind": lambda head, said: (head, said | {"nonce": [said["nonce"]]}, CLIENT_SECRET),
    "a name of another kind": lambda head, said: (
        head, said | {"preferred_username": {"a": 1}}, CLIENT_SECRET,
    ),
    "a name with a long s": lambda head, said: (
        head,
        said | {"preferred_username": said["preferred_username"].replace("s", "\N{LATIN SMALL LETTER LONG S}")},
        CLIENT_SECRET,
    ),
}  # fmt: skip


def signed(head: Claims, said: Claims, secret: str) -> str:
    """Return a signed text (RFC 7515 section 7.1); without a secret its signature is empty."""
    return signed_bytes(json.dumps(head).encode(), json.dumps(said).encode(), secret)


def signed_bytes(head: bytes, said: bytes, secret: str) -> str:
    """Return any header and any claims, signed as the header says, or else by HS512."""
    text = f"{_packed(head)}.{_packed(said)}"
    kind = hashlib.sha256 if b"HS256" in head else hashlib.sha512
    signature = hmac.new(secret.encode(), text.encode(), kind).digest() if secret else b""
    return f"{text}.{_packed(signature)}"


def opened(text: str, secret: str) -> tuple[Claims, Claims]:
    """Return header and claims of a text that was signed by HS512 with that secret.

    Raises:
        ValueError: if it was not.

    """
    if text.count(".") != 2:
        raise ValueError("not a signed text")
    body, _, signature = text.rpartition(".")
    wanted = hmac.new(secret.encode(), body.encode(), hashlib.sha512).digest()
    if not hmac.compare_digest(_unpacked(signature), wanted):
        raise ValueError("the signature is not right")
    head, said = (json.loads(_unpacked(part)) for part in body.split("."))
    return head, said


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _without(said: Claims, name: str) -> Claims:
    return {key: value for key, value in said.items() if key != name}


def _later(said: Claims, seconds: int) -> Claims:
    return said | {name: said[name] + seconds for name in ("iat", "exp", "auth_time")}
