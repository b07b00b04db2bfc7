"""Passkeys and security keys (WebAuthn Level 3): discoverable, the user always verified.

The library looks at the signature and at what is signed. Whose the credential is, that it may still
be used, that its count rises and that nobody framed our page is looked at here (section 7.2).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connector.errors import FactorRefused
from connector.idp.authenticator.webauthn_library import (
    Account,
    RelyingParty,
    to_creation_options,
    to_request_options,
    verify_assertion,
    verify_new_credential,
)
from connector.idp.authenticator.webauthn_message import (
    parse_assertion,
    parse_new_credential,
    require_asked,
)
from connector.idp.factor import EnrolledFactor, FactorKind, Proof, clean_name
from connector.idp.reason import Reason
from connector.idp.store.passkeys import Passkey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from connector.idp.authenticator.webauthn_message import Assertion
    from connector.idp.store.factors import FactorStore
    from connector.idp.store.passkeys import OwnedPasskey, PasskeyStore

PASSKEYS_AT_MOST: Final = 20
# Where passkeys are kept, by the AAGUID that it gives away of itself; the list of
# passkeydeveloper/passkey-authenticator-aaguids has more.
_KEEPERS: Final = MappingProxyType(
    {
        "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "Passkey in iCloud Keychain",
        "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "Passkey in iCloud Keychain",
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Passkey in Google Password Manager",
        "adce0002-35bc-c60a-648b-0b25f1f05503": "Passkey in Chrome on Mac",
        "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
        "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
        "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
        "bada5566-a7aa-401f-bd96-45619a55120d": "Passkey in 1Password",
        "d548826e-79b4-db40-a3d8-11116f7e8349": "Passkey in Bitwarden",
        "531126d6-e717-415c-9320-3d9aa6981239": "Passkey in Dashlane",
        "53414d53-554e-4700-0000-000000000000": "Passkey in Samsung Pass",
    }
)
_OF_SECURITY_KEYS: Final = frozenset({"usb", "nfc", "ble", "smart-card"})


@dataclass(frozen=True, slots=True)
class PasskeyFactor:
    """Enrols passkeys, and checks what they sign.

    A challenge is made, bound to its purpose and used up by whoever calls; here it has to be found.

    Attributes:
        factors: Disables what was cloned.
        passkeys: Keeps the public keys.
        party: Who we are.
        random: Returns that many unpredictable bytes.

    """

    factors: FactorStore
    passkeys: PasskeyStore
    party: RelyingParty
    random: Callable[[int], bytes] = field(repr=False)

    def creation_options(
        self, external_id: str, account: str, display_name: str, challenge: bytes
    ) -> str:
        """Return the JSON by which a browser makes a passkey; not where the person has one."""
        person = Account(self._handle(external_id), account, display_name)
        return to_creation_options(self.party, person, challenge, self._of(external_id))

    def request_options(self, challenge: bytes, external_id: str | None) -> str:
        """Return the JSON by which a browser asks for a passkey.

        Args:
            challenge: What must be signed.
            external_id: Whose passkeys; None for whoever comes, which tells nobody who has any.

        Raises:
            FactorRefused: if that person has none that may be used.

        """
        if external_id is None:
            return to_request_options(self.party, challenge, ())
        known = self._of(external_id, with_disabled=False)
        if not known:
            raise FactorRefused(Reason.FACTOR_UNKNOWN)
        return to_request_options(self.party, challenge, known)

    def is_usable_by(self, external_id: str) -> bool:
        """Return whether somebody has a passkey that can be asked for at this host."""
        return bool(self._of(external_id, with_disabled=False))

    def enrol(
        self, external_id: str, response_json: str, challenge: bytes, name: str, now: datetime
    ) -> EnrolledFactor:
        """Keep a new passkey.

        Raises:
            FactorRefused: if it is not what was asked for, is somebody's already, or the person
                has too many.

        """
        new = parse_new_credential(response_json)
        require_asked(new.client, "webauthn.create", challenge, self.party.origins)
        if not new.authenticator.is_verified:
            raise FactorRefused(Reason.PASSKEY_UNVERIFIED)
        verified = verify_new_credential(new, self.party, challenge)
        passkey = Passkey(
            credential_id=new.credential_id,
            public_key=verified.public_key,
            sign_count=verified.sign_count,
            rp_id=self.party.rp_id,
            aaguid=verified.aaguid,
            transports=new.transports,
            is_backup_eligible=new.authenticator.is_backup_eligible,
            is_backed_up=new.authenticator.is_backed_up,
        )
        factor = EnrolledFactor(
            factor_id=self.random(16).hex(),
            external_id=external_id,
            kind=FactorKind.PASSKEY,
            name=clean_name(name, _default_name(passkey)),
            created_at=now,
            used_at=None,
            disabled_at=None,
            remaining=None,
        )
        if not self.passkeys.add(factor, passkey, PASSKEYS_AT_MOST):
            raise FactorRefused(Reason.FACTOR_EXISTS)
        return factor

    def check(
        self, response_json: str, challenge: bytes, external_id: str | None, now: datetime
    ) -> Proof:
        """Return whose passkey has signed.

        Failures are not counted: a signature cannot be guessed, and whoever knows a password
        could otherwise take the passkey away from its owner.

        Args:
            response_json: As the browser sent it.
            challenge: What it was asked to sign.
            external_id: Who has to have signed; None for whoever it is.
            now: The present moment.

        Raises:
            FactorRefused: if nobody has, or somebody else.

        """
        assertion = parse_assertion(response_json)
        require_asked(assertion.client, "webauthn.get", challenge, self.party.origins)
        owned = self.passkeys.find(assertion.credential_id)
        if owned is None or owned.passkey.rp_id != self.party.rp_id:
            raise FactorRefused(Reason.FACTOR_UNKNOWN)
        self._require_owner(owned, assertion, external_id)
        if owned.is_disabled:
            raise FactorRefused(Reason.FACTOR_DISABLED)
        if not assertion.authenticator.is_verified:
            raise FactorRefused(Reason.PASSKEY_UNVERIFIED)
        count = verify_assertion(assertion, self.party, challenge, owned.passkey.public_key)
        if assertion.authenticator.is_backup_eligible != owned.passkey.is_backup_eligible:
            raise FactorRefused(Reason.PASSKEY_MALFORMED, "its backup eligibility has changed")
        is_backed_up = assertion.authenticator.is_backed_up
        if not self.passkeys.advance(owned.factor_id, count, now, is_backed_up=is_backed_up):
            raise self._not_advanced(owned, now)
        return Proof(FactorKind.PASSKEY, owned.external_id, owned.factor_id, now)

    def _require_owner(
        self, owned: OwnedPasskey, assertion: Assertion, external_id: str | None
    ) -> None:
        if external_id is not None and owned.external_id != external_id:
            raise FactorRefused(Reason.PASSKEY_OTHER_PERSON)
        # An authenticator that was told which credential to use need not say whose it is.
        if external_id is not None and not assertion.user_handle:
            return
        if not hmac.compare_digest(assertion.user_handle, self._handle(owned.external_id)):
            raise FactorRefused(Reason.PASSKEY_OTHER_PERSON)

    def _not_advanced(self, owned: OwnedPasskey, now: datetime) -> FactorRefused:
        """Return why a good signature is not taken; a passkey that was copied is good no more."""
        found = self.passkeys.find(owned.passkey.credential_id)
        if found is None or found.is_disabled:
            return FactorRefused(Reason.FACTOR_DISABLED if found else Reason.FACTOR_UNKNOWN)
        self.factors.disable(owned.factor_id, Reason.PASSKEY_CLONED, now)
        return FactorRefused(
            Reason.PASSKEY_CLONED, disabled_ids=[owned.factor_id], owner=owned.external_id
        )

    def _handle(self, external_id: str) -> bytes:
        """Return what stands for a person in authenticators; it must never change."""
        text = f"connector user handle\n{self.party.rp_id}\n{external_id}"
        return hashlib.sha256(text.encode()).digest()

    def _of(self, external_id: str, *, with_disabled: bool = True) -> list[Passkey]:
        return [
            one.passkey
            for one in self.passkeys.of_person(external_id)
            if one.passkey.rp_id == self.party.rp_id and (with_disabled or not one.is_disabled)
        ]


def relying_party(base_url: str, name: str) -> RelyingParty:
    """Return who asks for passkeys, for an identity provider at that address.

    >>> relying_party("https://SSO.corp.example:443", "Corp")
    RelyingParty(rp_id='sso.corp.example', name='Corp', origins=('https://sso.corp.example',))
    >>> relying_party("https://sso.corp.example:8443", "Corp").origins
    ('https://sso.corp.example:8443',)

    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return RelyingParty(host, name, (f"{parts.scheme}://{shown}{port}",))


def _default_name(passkey: Passkey) -> str:
    if passkey.aaguid in _KEEPERS:
        return _KEEPERS[passkey.aaguid]
    is_key = not passkey.is_backup_eligible and _OF_SECURITY_KEYS & set(passkey.transports)
    return "Security key" if is_key else "Passkey"
