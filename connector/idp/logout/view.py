"""What the browser is to show next of a logout."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Have the browser carry a message to an application.

    Attributes:
        application_name: Whose.
        url: Where to go by redirect, the message included; or where the form goes.
        form_field: Name of the form's field; "" to go by redirect.
        value: Of that field.
        relay_state: Value of the field RelayState; no field if "".
        is_answer: It answers the application that asked, and ends the logout.

    """

    application_name: str
    url: str
    form_field: str = ""
    value: str = field(default="", repr=False)
    relay_state: str = ""
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class AskSignOut:
    """Ask the person whether they want to sign out: the application proves nothing.

    Attributes:
        application_name: Whose.
        step_token: The form sends it back.

    """

    application_name: str
    step_token: str


class Outcome(StrEnum):
    """What became of one application; keys of texts."""

    SIGNED_OUT = "logout-signed-out"
    SILENT = "logout-silent"
    REFUSED = "logout-not-done"
    UNTOLD = "logout-untold"


@dataclass(frozen=True, slots=True)
class Told:
    """One application, for the page that lists them."""

    application_name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AwaitAnswer:
    """Say that an application to which the browser was sent has not sent it back.

    Attributes:
        application_name: Whose.
        step_token: The form that goes on without it sends it back.

    """

    application_name: str
    step_token: str


@dataclass(frozen=True, slots=True)
class ShowOutcome:
    """Say which applications answered, and which did not.

    Attributes:
        told: Each application, in order.
        asked_by: Name of the application that waits for an answer; "" if none does.

    """

    told: tuple[Told, ...]
    asked_by: str = ""

    @property
    def is_complete(self) -> bool:
        """Return whether the person is signed out everywhere."""
        return all(each.outcome is Outcome.SIGNED_OUT for each in self.told)


LogoutView = SendMessage | AskSignOut | AwaitAnswer | ShowOutcome
