"""What the browser is to show next, with everything that a page needs and nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.source.password_rules import PasswordRules


@dataclass(frozen=True, slots=True)
class AskEmail:
    """Ask who the person is.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back.
        email: As typed last, or "".
        error: Key of the message to show, or "".

    """

    application_name: str
    step_token: str
    email: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class AskPassword:
    """Ask for the password.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whom we ask.
        error: Key of the message to show, or ""; one for every way to fail.

    """

    application_name: str
    step_token: str
    email: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class AskNewPassword:
    """Ask for a new password in place of one that has to be changed.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whose it is.
        rules: What it must be like, or None if that is not known.
        error: Key of the message to show: why it has to be changed, or why it was not.

    """

    application_name: str
    step_token: str
    email: str
    rules: PasswordRules | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class SendToSource:
    """Send the browser to another identity provider.

    Attributes:
        application_name: Where they are going.
        step_token: The form of "Not you?" sends it back.
        source_name: As the pages call the identity provider.
        url: Where to; for a redirect with everything in it.
        fields: Of the form to post there; none: it is a redirect.
        email: Whom we send there, or "" if everybody goes there.
        error: Key of the message to show, or "".
        is_automatic: Whether the browser goes on by itself; otherwise the person decides.

    """

    application_name: str
    step_token: str
    source_name: str
    url: str = field(repr=False)
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    email: str
    error: str
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class SendResponse:
    """Have the browser post the answer to the service provider.

    Attributes:
        application_name: Where they are going.
        acs_url: Where the form goes.
        saml_response: Value of the field SAMLResponse.
        relay_state: Value of the field RelayState; no field if "".
        sso_cookie: The new value of the session's cookie, or "" if it stays as it is.
        name_id: Who the answer speaks of, as the service provider is told; "" for nobody.
        name_id_format: URI of its format.

    """

    application_name: str
    acs_url: str
    saml_response: str = field(repr=False)
    relay_state: str
    sso_cookie: str = field(default="", repr=False)
    name_id: str = field(default="", repr=False)
    name_id_format: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ShowDenied:
    """Say that this login ends here.

    Attributes:
        application_name: Where they were going.
        error: Key of the message to show.
        way_back: Tells the service provider that there is no assertion; None if it did not ask.

    """

    application_name: str
    error: str
    way_back: SendResponse | None = None


@dataclass(frozen=True, slots=True)
class ShowNotReady:
    """Say that the person's account is not ready yet; asking again tries again.

    Attributes:
        application_name: Where they are going.

    """

    application_name: str


NextStep = (
    AskEmail
    | AskPassword
    | AskNewPassword
    | SendToSource
    | SendResponse
    | ShowDenied
    | ShowNotReady
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, for the portal.

    Attributes:
        external_id: The person.
        name: As the pages call them.
        applications: Name and slug of each application that is open to them.

    """

    external_id: str
    name: str
    applications: tuple[tuple[str, str], ...] = ()
