"""How somebody is authenticated, and whether that is what was asked for (Core section 3.3.2.2.1).

The classes are in an order of strength, which the standard leaves to us. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.idp.names import PASSWORD_CLASS

_CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
UNSPECIFIED = f"{_CLASSES}unspecified"

# The weakest first. Those of one rung are equally strong to us.
_LADDER = (
    (UNSPECIFIED, f"{_CLASSES}InternetProtocol", f"{_CLASSES}PreviousSession"),
    (f"{_CLASSES}Password", f"{_CLASSES}InternetProtocolPassword"),
    (PASSWORD_CLASS, f"{_CLASSES}Kerberos", "urn:federation:authentication:windows"),
    (
        *(f"{_CLASSES}TimeSyncToken", f"{_CLASSES}MobileTwoFactorUnregistered"),
        *(f"{_CLASSES}MobileTwoFactorContract", "https://refeds.org/profile/mfa"),
        "http://schemas.microsoft.com/claims/multipleauthn",
    ),
    (f"{_CLASSES}X509", f"{_CLASSES}TLSClient", f"{_CLASSES}Smartcard", f"{_CLASSES}SmartcardPKI"),
)
_SECOND_FACTOR = 3
_STRENGTH = {each: rung for rung, classes in enumerate(_LADDER) for each in classes}
# What may be said of whoever proved a password over TLS, and of whoever proved that and more.
_OF_A_PASSWORD = (UNSPECIFIED, f"{_CLASSES}Password", PASSWORD_CLASS)
_OF_TWO_FACTORS = _LADDER[_SECOND_FACTOR]
_TWO_FACTORS = "https://refeds.org/profile/mfa"
POSSIBLE_CLASSES = (PASSWORD_CLASS, *_OF_TWO_FACTORS)
"""What a login here can amount to; a request that none of them meets is refused at once."""


@dataclass(frozen=True, slots=True)
class AskedContext:
    """A RequestedAuthnContext (Core section 3.3.2.2.1).

    Attributes:
        classes: URIs in the order of preference; empty if any will do.
        comparison: "exact", "minimum", "maximum" or "better".
        tolerated: URIs that may be asked for although nobody is authenticated that way.

    """

    classes: tuple[str, ...] = ()
    comparison: str = "exact"
    tolerated: frozenset[str] = frozenset()


def choose_class(asked: AskedContext, used: str, *, has_second_factor: bool = False) -> str | None:
    """Return the class to state in the assertion, or None if the request is not met.

    Two factors are stated to those who ask for them; applications that ask for nothing may know
    only the usual classes.

    Args:
        asked: What the service provider wants.
        used: The class of how the person was really authenticated first.
        has_second_factor: Whether they proved a second factor as well.

    >>> choose_class(AskedContext((f"{_CLASSES}Password",)), PASSWORD_CLASS)
    'urn:oasis:names:tc:SAML:2.0:ac:classes:Password'
    >>> choose_class(AskedContext((f"{_CLASSES}X509",), "minimum"), PASSWORD_CLASS) is None
    True

    """
    if not asked.classes:
        return used
    if has_second_factor:
        wanted = next((each for each in asked.classes if each in _OF_TWO_FACTORS), _TWO_FACTORS)
        return _choose(asked, wanted) or _choose(asked, used)
    return _choose(asked, used)


def wants_second_factor(asked: AskedContext, used: str = PASSWORD_CLASS) -> bool:
    """Return whether a request is met only by somebody who proves a second factor here.

    Args:
        asked: What the service provider wants.
        used: The class of how the person was authenticated first.

    >>> wants_second_factor(AskedContext(("https://refeds.org/profile/mfa",)))
    True

    """
    if not asked.classes or choose_class(asked, used) is not None:
        return False
    return choose_class(asked, used, has_second_factor=True) is not None


def _choose(asked: AskedContext, used: str) -> str | None:
    if asked.comparison == "exact":
        true_ones = _true_of(used)
        found = next((each for each in asked.classes if each in true_ones), None)
        # What is stated is what was done, never what was asked for in vain.
        return found or (used if asked.tolerated & {*asked.classes} else None)
    if used in asked.classes and asked.comparison != "better":
        return used
    return _compare(asked, used)


def _compare(asked: AskedContext, used: str) -> str | None:
    """Return the class to state by strength; classes that we do not know cannot be compared."""
    rungs = [_STRENGTH[each] for each in asked.classes if each in _STRENGTH]
    if not rungs or used not in _STRENGTH:
        return None
    match asked.comparison:
        case "minimum":
            return used if _STRENGTH[used] >= min(rungs) else None
        case "better":
            return used if _STRENGTH[used] > max(rungs) else None
        case "maximum":  # as strong as can be said within that
            within = (each for each in _true_of(used) if _STRENGTH[each] <= max(rungs))
            return next(within, None)
        case _:
            return None


def _true_of(used: str) -> tuple[str, ...]:
    """Return every class that is true of such an authentication, the strongest first."""
    if used in _OF_A_PASSWORD or used in _LADDER[_SECOND_FACTOR]:
        weaker = [each for each in _OF_A_PASSWORD if _STRENGTH[each] < _STRENGTH[used]]
        return (used, *reversed(weaker))
    return (used, UNSPECIFIED)
