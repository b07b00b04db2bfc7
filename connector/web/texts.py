"""Every sentence that a browser shows, by key; one message for every failed login.

What a person reads says what to do next, and never why a login failed: the audit knows that.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sign-in": "Sign in",
        "to-continue": "to continue to {application}",
        "email": "Work email",
        "continue": "Continue",
        "enter-password": "Enter your password",
        "password": "Password",
        "not-you": "Not you?",
        "new-password-heading": "Choose a new password",
        "current-password": "Current password",
        "why-again": "Once more, so that nobody else changes it while you are away.",
        "new-password": "New password",
        "new-password-again": "New password, once more",
        "change-and-sign-in": "Change and sign in",
        "rule-length": "At least {count} characters.",
        "rule-kinds": "At least three kinds of characters: capital letters, small letters, digits,"
        " others.",
        "rule-name": "Not your login, nor a part of your name.",
        "rule-last": "Not your current password.",
        "rule-history": "None of your last {count} passwords.",
        "rule-age": "Once chosen, it stays for {time}.",
        "rules-unknown": "Your organisation has rules for it; if it breaks one, we say so.",
        "hour": "an hour",
        "hours": "{count} hours",
        "day": "a day",
        "days": "{count} days",
        "opening": "Opening {application}",
        "press-continue": "Press Continue to open the application.",
        "help-desk": "Help desk",
        "your-applications": "Your applications",
        "signed-in-as": "Signed in as {name}",
        "sign-out": "Sign out",
        "no-applications": "No application is open to you. Ask the help desk if you miss one.",
        "not-signed-in": "You are not signed in",
        "open-application": "Open the application that you want to use. It brings you here when it"
        " needs to know who you are.",
        "request-number": "Request",
        # Signing out.
        "logout-visiting": "Signing out of {application}",
        "logout-returning": "Going back to {application}",
        "logout-press-continue": "Press Continue to sign out there.",
        "logout-ask-heading": "Sign out?",
        "logout-ask": "{application} asks to sign you out, here and of all applications that you"
        " opened from here.",
        "logout-stay": "Stay signed in",
        "logout-await-heading": "Not finished yet",
        "logout-await": "{application} did not answer. You are signed out here; other applications"
        " may still have to be told.",
        "logout-go-on": "Go on without it",
        "logout-try-again": "Try {application} again",
        "logout-done-heading": "You are signed out",
        "logout-complete": "You are signed out here, and of everything that you opened from here.",
        "logout-incomplete": "You are signed out here, but not everywhere. Close the browser to"
        " end what is still open.",
        "logout-signed-out": "signed out",
        "logout-silent": "did not answer",
        "logout-not-done": "did not sign you out",
        "logout-untold": "cannot be told: close the browser",
        "logout-back-to": "Back to {application}",
        "logout-unfinished": "You are signed out here, but your applications have not all been"
        " told.",
        "logout-finish": "Finish signing out",
        "logout-refused-heading": "Sign-out stopped",
        "logout-refused": "What the application sent to sign you out was not accepted.",
        "logout-ended": "This sign-out has ended, or was begun in another browser.",
        # Answers to what was typed.
        "invalid-email": "Enter your full work email, such as name@company.com.",
        "failed": "That email and password do not open this application. Try again, or ask the"
        " help desk.",
        "too-many": "There were too many attempts. Wait a few minutes, then try again.",
        "unavailable": "We cannot check passwords at the moment. Nothing is wrong with yours: try"
        " again in a minute.",
        # Why a password has to be changed, and why it was not.
        "password-expired": "Your password has expired. Choose another one to go on.",
        "must-change-password": "Your password has to be changed before you go on.",
        "wrong-old": "That is not your current password. Type the one that you just signed in"
        " with.",
        "new-empty": "Type a new password.",
        "new-differs": "The two new passwords are not the same. Type both again.",
        "new-password-against-rules": "That password breaks one of your organisation's rules, such"
        " as its length or its kinds of characters, or you have used it before. Choose another"
        " one.",
        "new-password-too-short": "That password is too short. Choose a longer one.",
        "new-password-too-long": "That password is too long. Choose one of 256 characters at most.",
        "new-password-not-complex": "That password has too few kinds of characters. Choose one with"
        " at least three of: capital letters, small letters, digits, others.",
        "new-password-contains-name": "That password holds your login or a part of your name."
        " Choose one without.",
        "new-password-used-before": "You have used that password before, or it is on a list of"
        " forbidden ones. Choose another one.",
        "new-password-not-sendable": "That password holds a character that cannot be used. Choose"
        " another one.",
        "password-too-young": "Your password was changed only lately, and has to stay a while. Ask"
        " the help desk.",
        "password-not-changeable": "Your password cannot be changed here. Ask the help desk.",
        "change-unanswered": "We cannot tell whether your password was changed. Sign in with the"
        " new one; if that fails, with the current one.",
        "changed-only": "Your password was changed. Sign in with the new one.",
        # Other identity providers.
        "sign-in-at": "Sign in at {source}",
        "continue-at": "Continue to {source}",
        "checked-at": "{source} checks who you are, and brings you back here.",
        "no-source": "There is no sign-in for addresses like this one. Check it for typing errors,"
        " or ask the help desk.",
        "upstream-refused": "{source} let you in, but that account cannot sign in here. Choose"
        " another account there, or ask the help desk.",
        "other-person": "At {source} you are signed in as somebody else than you entered here. Sign"
        " in there anew, or choose another address.",
        "upstream-declined": "{source} did not let you in. Try again, or ask the help desk.",
        "upstream-error": "{source} answered with an error. Try again; if it stays, tell the help"
        " desk.",
        "upstream-away": "The service that knows you cannot be asked at the moment. Nothing is"
        " wrong on your side: try again in a few minutes.",
        "upstream-unusable": "The answer of the other sign-in service was not accepted.",
        # Ends of a login.
        "denied-heading": "Sign-in stopped",
        "denied": "This sign-in cannot go on.",
        "back-to": "Back to {application}",
        "not-allowed": "Your account does not open {application}.",
        "incomplete": "{application} needs something that your account does not have.",
        "other-subject": "{application} asked for somebody else to sign in.",
        "no-such-way": "{application} asks for a way to sign in that we do not offer.",
        "unsupported": "{application} asks for something that we do not offer.",
        "help-hint": "If you think that this is wrong, ask the help desk.",
        "denied-hint": "Go back to the application and start again. If it stops here once more,"
        " ask the help desk.",
        "refused": "The application's request was not accepted.",
        "expired": "This sign-in has ended, or has taken too long.",
        "other-browser": "This sign-in was begun in another browser.",
        "not-ready": "Your account is not ready yet",
        "not-ready-words": "{application} does not have a usable account for you yet, and we could"
        " not make it just now. Nothing is wrong with your password.",
        "not-ready-hint": "Try again in a minute. If it stays so, ask the help desk.",
        "try-again": "Try again",
        # Ends of a request.
        "403-heading": "That did not come from this page",
        "403": "For your safety nothing was done. Open the page again and repeat what you did.",
        "404-heading": "Page not found",
        "404": "There is no page at this address.",
        "405-heading": "Not possible here",
        "405": "This address does not take that kind of request.",
        "413-heading": "Too large",
        "413": "What was sent is larger than this service accepts.",
        "400-heading": "Not understood",
        "400": "The request was incomplete or damaged. Go back to the application and start again.",
        "500-heading": "Something went wrong",
        "500": "The fault is on our side. Try again; if it stays, give the help desk the number"
        " below.",
        "503-heading": "Sign-in is not available right now",
        "503": "Something that we need does not answer. Nothing is wrong on your side: please try"
        " again in a few minutes.",
    }
)


def text(key: str, **values: str) -> str:
    """Return the sentence of that key with its values.

    >>> text("opening", application="Payroll")
    'Opening Payroll'

    """
    return ENGLISH[key].format(**values)


def message(key: str) -> str:
    """Return what a login's message key says; "" for none, the general one for one unknown."""
    return ENGLISH.get(key, ENGLISH["failed"]) if key else ""
