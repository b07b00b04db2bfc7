"""What the browser is to show next, with everything that a page needs and nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.idp.factor import FactorKind
    from connector.source.password_rules import PasswordRules


@dataclass(frozen=True, slots=True)
class PasskeyQuestion:
    """What a browser hands to an authenticator (WebAuthn section 5.1).

    Attributes:
        options: JSON of PublicKeyCredentialRequestOptions, or of the CreationOptions.
        asked_at: When it was asked, as the form sends it back; the challenge is bound to it.

    """

    options: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class AskEmail:
    """Ask who the person is.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back.
        email: As typed last, or "".
        error: Key of the message to show, or "".
        passkey: How to sign in by a passkey alone; None if that is not offered.

    """

    application_name: str
    step_token: str
    email: str = ""
    error: str = ""
    passkey: PasskeyQuestion | None = None


@dataclass(frozen=True, slots=True)
class AskPassword:
    """Ask for the password.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whom we ask.
        error: Key of the message to show, or ""; one for every way to fail.
        passkey: How to sign in by a passkey instead; None if that is not offered.
        wait: How long none is taken, if that is the message.

    """

    application_name: str
    step_token: str
    email: str
    error: str = ""
    passkey: PasskeyQuestion | None = None
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class AskNewPassword:
    """Ask for a new password in place of one that has to be changed.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whose it is.
        rules: What it must be like, or None if that is not known.
        error: Key of the message to show: why it has to be changed, or why it was not.
        wait: How long no password is taken, if that is the message.

    """

    application_name: str
    step_token: str
    email: str
    rules: PasswordRules | None
    error: str = ""
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class AskFactor:
    """Ask for a second factor.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whom we ask.
        kind: Of the factor that is asked for.
        others: The kinds that they may prove instead, the strongest first.
        error: Key of the message to show, or "".
        passkey: How to ask for one; None for other kinds.
        remember_for: How long this device may be remembered; None: not at all.
        why: Key of a sentence that says why it is asked; "" for the usual reason.

    """

    application_name: str
    step_token: str
    email: str
    kind: FactorKind
    others: tuple[FactorKind, ...] = ()
    error: str = ""
    passkey: PasskeyQuestion | None = None
    remember_for: timedelta | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class AskEnrolment:
    """Ask which factor the person wants to add.

    Attributes:
        application_name: Where they are going; our own name if they came to add one.
        step_token: The form sends it back; the form of "Not you?" too.
        email: Whom we ask.
        kinds: What they may add, the strongest first.
        error: Key of the message to show, or "".
        is_demanded: Whether they cannot go on without.

    """

    application_name: str
    step_token: str
    email: str
    kinds: tuple[FactorKind, ...]
    error: str = ""
    is_demanded: bool = True


@dataclass(frozen=True, slots=True)
class AskTotpEnrolment:
    """Show what an authenticator app has to know, and ask for its first code.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back.
        email: Whose it will be.
        picture: SVG of the QR code.
        uri: The same as a link, for the app on this very device.
        spelled: The secret in groups, to type it.
        error: Key of the message to show, or "".

    """

    application_name: str
    step_token: str
    email: str
    picture: str = field(repr=False)
    uri: str = field(repr=False)
    spelled: str = field(repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class AskPasskeyEnrolment:
    """Have the browser make a passkey.

    Attributes:
        application_name: Where they are going.
        step_token: The form sends it back.
        email: Whose it will be.
        passkey: How to make one.
        error: Key of the message to show, or "".

    """

    application_name: str
    step_token: str
    email: str
    passkey: PasskeyQuestion
    error: str = ""


@dataclass(frozen=True, slots=True)
class ShowCodes:
    """Show new recovery codes, once.

    Attributes:
        application_name: Where they are going.
        step_token: The form that goes on sends it back.
        email: Whose they are.
        codes: As they are typed.

    """

    application_name: str
    step_token: str
    email: str
    codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendToDuo:
    """Send the browser to Duo, which asks for the second factor and sends it back.

    Attributes:
        application_name: Where they are going.
        url: Where to, with everything in it.

    """

    application_name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendHome:
    """Send the browser to a page of ours that somebody signed in for.

    Attributes:
        path: Of the page.
        sso_cookie: The new value of the session's cookie, or "" if it stays as it is.
        device: The cookie of a device that is remembered from now on; None for none.

    """

    path: str
    sso_cookie: str = field(default="", repr=False)
    device: DeviceCookie | None = None


@dataclass(frozen=True, slots=True)
class DeviceCookie:
    """What a browser keeps to be remembered by.

    Attributes:
        value: Opaque.
        lifetime: How long it keeps it.

    """

    value: str = field(repr=False)
    lifetime: timedelta


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
        device: The cookie of a device that is remembered from now on; None for none.
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
    device: DeviceCookie | None = None


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
    | AskFactor
    | AskEnrolment
    | AskTotpEnrolment
    | AskPasskeyEnrolment
    | ShowCodes
    | SendToSource
    | SendResponse
    | SendHome
    | ShowDenied
    | ShowNotReady
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Something that a person may open at the portal.

    Attributes:
        name: What it is called.
        href: Where it is: a path of ours, or another site's address.
        is_recent: Whether they opened it lately.

    """

    name: str
    href: str
    is_recent: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, for the portal.

    Attributes:
        external_id: The person.
        name: As the pages call them.
        tiles: What is open to them: what they opened last first, the rest in the operator's order.

    """

    external_id: str
    name: str
    tiles: tuple[Tile, ...] = ()
