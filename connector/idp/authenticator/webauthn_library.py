"""The one door to the library for WebAuthn: options for browsers, signatures of authenticators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import webauthn
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from connector.errors import FactorRefused
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.idp.authenticator.webauthn_message import Assertion, NewCredential
    from connector.idp.store.passkeys import Passkey

# As long as a challenge is taken.
_TIMEOUT_MS: Final = 300_000
# Besides its own errors, what the library lets through of data that is not as it should be.
_FAULTS: Final = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for passkeys.

    Attributes:
        rp_id: Our host.
        name: Of the organisation.
        origins: Of the pages that may ask.

    """

    rp_id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """For whom a passkey is made, as authenticators show it.

    Attributes:
        handle: Stands for the person; at most 64 bytes, and no name.
        name: Such as an e-mail address.
        display_name: Such as "Anna Berg".

    """

    handle: bytes
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A credential that may be kept.

    Attributes:
        public_key: COSE key.
        sign_count: Where it begins to count.
        aaguid: Model of the authenticator.

    """

    public_key: bytes = field(repr=False)
    sign_count: int
    aaguid: str


def to_creation_options(
    party: RelyingParty, account: Account, challenge: bytes, known: Iterable[Passkey]
) -> str:
    """Return options for `parseCreationOptionsFromJSON`: discoverable, the user verified."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name=party.name,
        user_id=account.handle,
        user_name=account.name,
        user_display_name=account.display_name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return webauthn.options_to_json(options)


def to_request_options(party: RelyingParty, challenge: bytes, known: Iterable[Passkey]) -> str:
    """Return options for `parseRequestOptionsFromJSON`; with none known, any of ours will do."""
    options = webauthn.generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def verify_new_credential(new: NewCredential, party: RelyingParty, challenge: bytes) -> Registered:
    """Return what is kept of a new credential.

    No attestation is asked for, so none is believed: whatever came is put aside, and with it the
    reading of certificates that anybody may have made up.

    Raises:
        FactorRefused: if it is not to be kept.

    """
    attestation = {"fmt": "none", "attStmt": {}, "authData": new.authenticator.raw}
    credential = RegistrationCredential(
        id=bytes_to_base64url(new.credential_id),
        raw_id=new.credential_id,
        response=AuthenticatorAttestationResponse(
            client_data_json=new.client.raw, attestation_object=encode_cbor(attestation)
        ),
    )
    try:
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        key = decode_credential_public_key(verified.credential_public_key)
        decoded_public_key_to_cryptography(key)
    except _FAULTS as error:
        raise FactorRefused(Reason.PASSKEY_MALFORMED, _words(error)) from error
    if verified.credential_id != new.credential_id:
        raise FactorRefused(Reason.PASSKEY_MALFORMED, "its id is another one inside")
    return Registered(verified.credential_public_key, verified.sign_count, verified.aaguid)


def verify_assertion(
    assertion: Assertion, party: RelyingParty, challenge: bytes, public_key: bytes
) -> int:
    """Return how often the credential has signed, after a look at the signature.

    Whether that is more than before is for the caller to say, in one step with keeping it.

    Raises:
        FactorRefused: if it was not signed by that key, or not for us.

    """
    credential = AuthenticationCredential(
        id=bytes_to_base64url(assertion.credential_id),
        raw_id=assertion.credential_id,
        response=AuthenticatorAssertionResponse(
            client_data_json=assertion.client.raw,
            authenticator_data=assertion.authenticator.raw,
            signature=assertion.signature,
        ),
    )
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _FAULTS as error:
        raise FactorRefused(Reason.PASSKEY_SIGNATURE, _words(error)) from error
    return verified.new_sign_count


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _descriptors(known: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id,
            transports=[AuthenticatorTransport(name) for name in one.transports] or None,
        )
        for one in known
    ]
