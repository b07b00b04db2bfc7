"""The signed texts between Duo and us, all by one shared secret (RFC 7519, HS512). Pure.

Ours say who asks (RFC 7523 section 3) and what is asked (OpenID Connect Core section 6.1). Duo's
says what came of it (section 2); it counts only for this application, this question, this person.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from connector.errors import FactorRefused
from connector.idp.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ALGORITHM: Final = "HS512"
# Duo takes nothing that is valid for more than five; one is left for clocks that differ.
LIFETIME: Final = timedelta(minutes=4)
LEEWAY: Final = timedelta(minutes=1)
# A token names all groups that somebody is in at Duo, which can be hundreds.
TOKEN_LIMIT_BYTES: Final = 49_152


@dataclass(frozen=True, slots=True)
class DuoApplication:
    """An application at Duo, of the kind "Web SDK".

    Attributes:
        host: Duo's API hostname of the customer; a port may follow.
        client_id: What Duo calls us.
        client_secret: Signs what we say, and what Duo says.

    """

    host: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def base_url(self) -> str:
        """Return whom questions that a browser carries are for."""
        return f"https://{self.host}"

    @property
    def health_url(self) -> str:
        """Return where Duo says that it is there."""
        return f"{self.base_url}/oauth/v1/health_check"

    @property
    def authorize_url(self) -> str:
        """Return where people prove themselves."""
        return f"{self.base_url}/oauth/v1/authorize"

    @property
    def token_url(self) -> str:
        """Return where codes are exchanged; also what Duo calls itself."""
        return f"{self.base_url}/oauth/v1/token"


@dataclass(frozen=True, slots=True)
class DuoQuestion:
    """What Duo is asked by the browser.

    Attributes:
        user_name: Who is to prove that it is them, as Duo calls them.
        state: Comes back with the browser.
        nonce: Comes back in the token.
        redirect_uri: Where the browser comes back to.
        application_name: Where the person is going, for Duo's app and log; "" to say nothing.
        is_forced: Whether a device that Duo remembers is not enough.

    """

    user_name: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str
    application_name: str = ""
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """What a token must be about.

    Attributes:
        user_name: Who was asked for.
        nonce: Of the question.
        fresh_since: The person must have proved themselves after that; None: whenever Duo says.

    """

    user_name: str
    nonce: str = field(repr=False)
    fresh_since: datetime | None = None


def sign_assertion(application: DuoApplication, audience: str, number: str, now: datetime) -> str:
    """Return what proves to Duo, from server to server, who asks.

    Args:
        application: Who we are.
        audience: The URL that it is sent to; it is good for no other.
        number: Unpredictable; one is taken once.
        now: It ends soon.

    """
    claims = {
        "iss": application.client_id,
        "sub": application.client_id,
        "aud": audience,
        "jti": number,
    }
    return _sign(application, claims, now)


def sign_question(application: DuoApplication, question: DuoQuestion, now: datetime) -> str:
    """Return what the browser takes to Duo; whoever carries it cannot change it.

    Duo lets what stands beside it in the address win over what stands in it. So neither the person
    nor the nonce is believed to be ours before the token has said so.
    """
    claims = {
        "iss": application.client_id,
        "aud": application.base_url,
        "client_id": application.client_id,
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": question.redirect_uri,
        "state": question.state,
        "nonce": question.nonce,
        "duo_uname": question.user_name,
        "use_duo_code_attribute": True,
    }
    # Duo tells an empty value from none.
    if question.application_name:
        claims["dest_app_name"] = question.application_name
    if question.is_forced:
        claims["prompt"] = "login"
    return _sign(application, claims, now)


def verify_token(
    application: DuoApplication, token: str, expected: ExpectedToken, now: datetime
) -> None:
    """Return if Duo says that the person proved themselves, in answer to our question.

    Raises:
        FactorRefused: with the reason.

    """
    claims = _open(application, token)
    # OpenID Connect Core section 3.1.3.7.
    if claims.get("iss") != application.token_url:
        raise _refused(Reason.DUO_ISSUER_OTHER, "not of this Duo", claims.get("iss"))
    if claims.get("aud") not in (application.client_id, [application.client_id]):
        raise _refused(Reason.DUO_AUDIENCE_WRONG, "for another application", claims.get("aud"))
    _check_times(claims, expected, now)
    if not _is_text(claims.get("nonce"), expected.nonce):
        raise _refused(Reason.DUO_NONCE_WRONG, "not an answer to our question")
    named = claims.get("preferred_username")
    if not isinstance(named, str) or not is_same_name(named, expected.user_name):
        raise _refused(Reason.DUO_OTHER_PERSON, f"not about {expected.user_name!r}", named)
    result = claims.get("auth_result")
    if not isinstance(result, dict) or result.get("result") != "allow":
        words = result.get("status_msg") if isinstance(result, dict) else None
        raise _refused(Reason.DUO_DENIED, "not an approval", words)


def is_same_name(one: str, other: str) -> bool:
    """Return whether two user names are one at Duo, which keeps them in lower case.

    Some letters become others of ASCII in lower case; a name must not become another one so.

    >>> is_same_name("Anna@Corp.Example", "anna@corp.example"), is_same_name("anna", "ben")
    (True, False)
    >>> is_same_name("\N{KELVIN SIGN}im", "kim")
    False

    """
    return one.lower() == other.lower() and one.isascii() == other.isascii()


def _sign(application: DuoApplication, claims: Mapping[str, Any], now: datetime) -> str:
    seconds = int(now.timestamp())
    times = {"iat": seconds, "exp": seconds + int(LIFETIME.total_seconds())}
    key = OctKey.import_key(application.client_secret)
    return jwt.encode({"alg": ALGORITHM}, {**claims, **times}, key, registry=_registry())


def _open(application: DuoApplication, token: str) -> Mapping[str, Any]:
    """Return what a token says that Duo has signed."""
    if len(token) > TOKEN_LIMIT_BYTES:
        raise FactorRefused(Reason.DUO_TOKEN_MALFORMED, f"a token of {len(token)} characters")
    key = OctKey.import_key(application.client_secret)
    # The library's own words may repeat the token.
    try:
        claims = jwt.decode(token, key, registry=_registry()).claims
    except (BadSignatureError, UnsupportedAlgorithmError) as error:
        words = f"the token is not signed by Duo, with {ALGORITHM} and our client secret"
        raise FactorRefused(Reason.DUO_SIGNATURE_INVALID, words) from error
    except (JoseError, ValueError, RecursionError) as error:
        words = f"no token that can be read ({type(error).__name__})"
        raise FactorRefused(Reason.DUO_TOKEN_MALFORMED, words) from error
    if not isinstance(claims, dict):
        raise FactorRefused(Reason.DUO_TOKEN_MALFORMED, "a token without claims")
    return claims


def _registry() -> JWSRegistry:
    registry = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    registry.max_payload_length = TOKEN_LIMIT_BYTES
    return registry


def _check_times(claims: Mapping[str, Any], expected: ExpectedToken, now: datetime) -> None:
    issued, ends, proved = (_seconds(claims.get(name)) for name in ("iat", "exp", "auth_time"))
    leeway = LEEWAY.total_seconds()
    if issued is None or ends is None:
        raise _refused(Reason.DUO_TOKEN_TIME, "without times")
    if not issued - leeway <= now.timestamp() < ends + leeway:
        words = f"issued at {issued:.0f} and good until {ends:.0f}, and it is {now.timestamp():.0f}"
        raise _refused(Reason.DUO_TOKEN_TIME, words)
    since = expected.fresh_since
    if since is not None and (proved is None or proved < since.timestamp() - leeway):
        raise _refused(Reason.DUO_NOT_FRESH, "of an earlier approval than the one asked for")


def _seconds(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2); JSON as Python reads it has NaN, too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _is_text(value: Any, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(
        value.encode(errors="replace"), wanted.encode()
    )


def _refused(reason: Reason, problem: str, value: Any = "") -> FactorRefused:
    shown = f": {str(value)[:200]!r}" if value else ""
    return FactorRefused(reason, f"Duo's token is {problem}{shown}")
