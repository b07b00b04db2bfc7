"""A passkey that was made and has signed once, honestly: what the attacks on its doors grow from."""

from __future__ import annotations

import json

from connector.idp.authenticator.passkey import relying_party
from connector.idp.authenticator.webauthn_library import (
    Account,
    to_creation_options,
    verify_new_credential,
)
from connector.idp.authenticator.webauthn_message import parse_assertion, parse_new_credential
from tests.parts.software_authenticator import SoftwareAuthenticator, to_text

CHALLENGE = bytes(32)
PARTY = relying_party("https://sso.corp.test", "Corp")
_DEVICE = SoftwareAuthenticator(origin=PARTY.origins[0])
NEW = _DEVICE.create(to_creation_options(PARTY, Account(bytes(32), "a", "A"), CHALLENGE, ()))
ASSERTION = _DEVICE.assertion(_DEVICE.credentials[0], to_text(CHALLENGE))
PUBLIC_KEY = verify_new_credential(parse_new_credential(NEW), PARTY, CHALLENGE).public_key
# Nothing else was ever signed, so nothing else may be taken.
SIGNED = {parse_assertion(ASSERTION).authenticator.raw}


def within(message: str, name: str, data: bytes) -> bytes:
    """Return the message with other bytes in one place."""
    values = json.loads(message)
    values["response"][name] = to_text(data)
    return json.dumps(values).encode()
