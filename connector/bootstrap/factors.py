"""The factors that people prove besides a password, put together."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from connector.idp.authenticator.bypass_code import BypassCodes
from connector.idp.authenticator.factors import Factors
from connector.idp.authenticator.passkey import PasskeyFactor
from connector.idp.authenticator.recovery_code import RecoveryCodes
from connector.idp.authenticator.totp import TotpFactor
from connector.idp.authenticator.written_code import pepper_of
from connector.idp.store.codes import CodeStore
from connector.idp.store.factors import FactorStore
from connector.idp.store.passkeys import PasskeyStore
from connector.idp.store.totp_seeds import TotpSeedStore

if TYPE_CHECKING:
    from connector.idp.authenticator.duo import DuoFactor
    from connector.idp.authenticator.webauthn_library import RelyingParty
    from connector.idp.keys.seal import Seal
    from state.engine import Engine


def make_factors(
    engine: Engine, seal: Seal, secret: bytes, party: RelyingParty, duo: DuoFactor | None = None
) -> Factors:
    """Return the factors of an identity provider.

    Args:
        engine: The state database.
        seal: Seals what must not be readable in it.
        secret: Of the logins.
        party: Whom passkeys are made for.
        duo: Duo; None if the organisation has none.

    """
    store, codes, pepper = FactorStore(engine), CodeStore(engine), pepper_of(secret)
    random = secrets.token_bytes
    return Factors(
        store=store,
        passkeys=PasskeyFactor(store, PasskeyStore(engine), party, random),
        totp=TotpFactor(store, TotpSeedStore(engine), seal, random),
        recovery_codes=RecoveryCodes(codes, pepper, random),
        bypass_codes=BypassCodes(codes, pepper, random),
        seal=seal,
        random=random,
        duo=duo,
    )
