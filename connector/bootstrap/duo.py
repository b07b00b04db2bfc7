"""Duo, put together from the settings, and looked at by `connector check`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from connector.bootstrap.finding import Finding
from connector.bootstrap.opening import idp_of
from connector.bootstrap.tls import trusting
from connector.errors import ConfigurationError, DuoUnavailable, Fault
from connector.idp.application.attribute_path import find_path_fault
from connector.idp.authenticator.duo import DuoFactor
from connector.idp.authenticator.duo_client import DuoClient, describe_skew
from connector.idp.authenticator.duo_token import DuoApplication
from connector.idp.endpoints import IdpEndpoints
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.clock import Clock
    from connector.settings import Settings

_SUBJECT: Final = "duo"


def make_duo(settings: Settings) -> DuoFactor | None:
    """Return the factor that asks Duo; None if there is no account at Duo.

    Raises:
        ConfigurationError: if nobody can have a user name there, or the authorities are none.

    """
    duo = settings.duo
    if duo is None:
        return None
    if problem := find_path_fault(duo.user_name):
        raise ConfigurationError([Fault("connector.toml", "duo.user_name", problem)])
    idp = idp_of(settings)
    application = DuoApplication(duo.host, duo.client_id, duo.client_secret.reveal())
    return DuoFactor(
        client=DuoClient(application, secrets.token_bytes, trusting(duo.ca_file, "duo.ca_file")),
        redirect_uri=IdpEndpoints(idp.entity_id, idp.base_url).duo_redirect_uri,
        user_name=duo.user_name,
        fails_open=duo.fail == "open",
        open_for=frozenset(duo.open_for),
    )


def check_duo(settings: Settings) -> Iterator[Finding]:
    """Yield what becomes of people while Duo does not answer; nothing is asked.

    Raises:
        ConfigurationError: as `make_duo`.

    """
    factor = make_duo(settings)
    if factor is None:
        return
    if factor.fails_open:
        words = "while it does not answer, people are let in without it"
        yield Finding("warn", _SUBJECT, words)
        return
    others = f", but into {', '.join(sorted(factor.open_for))}" if factor.open_for else ""
    words = f"while it does not answer, nobody who needs it is let in{others}"
    yield Finding("ok", _SUBJECT, words)


def check_duo_online(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Yield whether Duo answers, knows us, and has the time that we have."""
    factor = make_duo(settings)
    if factor is None:
        return
    now = clock.now()
    try:
        theirs = factor.client.check_health(now)
    except DuoUnavailable as error:
        is_ours = error.reason == Reason.DUO_MISCONFIGURED
        hint = "; compare host, client_id and client_secret with Duo's page" if is_ours else ""
        yield Finding("fail", _SUBJECT, f"{error}{hint}")
        return
    yield Finding("ok", _SUBJECT, f"{factor.client.application.host} answers and knows us")
    if skew := describe_skew(theirs, now):
        words = f"{skew}: set ours right, or answers are refused"
        yield Finding("warn", _SUBJECT, words)
