"""What `connector check` says of passkeys: they are bound to the host that they were made for."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from connector.bootstrap.finding import Finding
from connector.idp.authenticator.passkey import relying_party
from connector.idp.store.passkeys import PasskeyStore

if TYPE_CHECKING:
    from connector.settings import IdpSettings
    from state.engine import Engine


def check_passkeys(idp: IdpSettings, engine: Engine | None) -> list[Finding]:
    """Return what keeps passkeys from being made or used.

    Args:
        idp: The configuration.
        engine: The state; None if there is none yet.

    """
    host = relying_party(idp.base_url, idp.organization).rp_id
    findings = []
    if _is_address(host):
        words = f"browsers make none for an address: have base_url name a host instead of {host}"
        findings.append(Finding("warn", "passkeys", words))
    made = PasskeyStore(engine).count_by_host() if engine is not None else {}
    for other, count in made.items():
        if other != host:
            words = (
                f"{count} made for {other} cannot be used while base_url names {host};"
                f" their owners sign in by something else, or base_url names {other} again"
            )
            findings.append(Finding("warn", "passkeys", words))
    return findings


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
