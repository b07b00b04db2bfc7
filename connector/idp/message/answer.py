"""Turn the end of a login into the form that the browser posts to the service provider."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from connector.errors import PolicyDenied
from connector.idp.application.attribute import Person
from connector.idp.binding import to_form_value
from connector.idp.message.assertion import Frame, build_assertion, choose_name_id
from connector.idp.message.context import AskedContext, choose_class
from connector.idp.message.name_id import NameId
from connector.idp.message.response import Seal, build_error_response, build_response
from connector.idp.reason import Reason
from connector.idp.view import SendResponse
from connector.idp.xmlenc.encrypt import encrypt_element

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
    from connector.idp.message.assertion import SignOn
    from connector.idp.message.authn_request import AuthnRequest
    from connector.idp.xmldsig import SigningKey


class SigningKeys(Protocol):
    """By what we sign."""

    def key_for(self, slug: str) -> SigningKey:
        """Return what signs for the application of that slug."""
        ...


@dataclass(frozen=True, slots=True)
class Answerer:
    """Writes and signs answers.

    Attributes:
        keys: Sign.
        issuer: Our entity ID.
        lifetime: How long an assertion may be used.
        random: Returns that many unpredictable bytes.

    """

    keys: SigningKeys = field(repr=False)
    issuer: str
    lifetime: timedelta
    random: Callable[[int], bytes]

    def respond(
        self,
        user: DirectoryUser,
        application: Application,
        request: AuthnRequest,
        sign_on: SignOn,
        now: datetime,
        groups: tuple[str, ...] = (),
    ) -> SendResponse:
        """Return the form that says who the person is.

        Args:
            user: The person.
            application: Where they are going.
            request: What is answered.
            sign_on: How they proved who they are.
            now: Goes into the answer.
            groups: Names of all their groups, if the application `reads_groups`.

        Raises:
            PolicyDenied: if the person cannot be named, authenticated or described as the
                application must have it.

        """
        context_class = choose_class(
            asked_context(request, application),
            sign_on.context_class,
            has_second_factor=sign_on.has_second_factor,
        )
        if context_class is None:
            raise PolicyDenied(Reason.AUTHN_CONTEXT_UNSUPPORTED)
        if context_class != sign_on.context_class:
            sign_on = replace(sign_on, context_class=context_class)
        assertion = build_assertion(
            Person(user.document, groups),
            application,
            request,
            name_id=self._name(user, application, request),
            sign_on=sign_on,
            frame=Frame(self.issuer, self._xml_id(), now, self.lifetime),
        )
        key = self.keys.key_for(application.slug)
        response = build_response(assertion, key, self._xml_id(), self._seal(application))
        return _to_form(application, request, response, assertion.name_id)

    def _seal(self, application: Application) -> Seal:
        encrypt = None
        if application.recipient is not None:
            encrypt = partial(encrypt_element, recipient=application.recipient, random=self.random)
        return Seal(application.signs_response, application.signs_assertion, encrypt)

    def _name(self, user: DirectoryUser, application: Application, request: AuthnRequest) -> NameId:
        """Return how the person is called."""
        name_id = choose_name_id(user, application, request.name_id_format, self._xml_id)
        if name_id is None:
            path = application.name_id or "emails.value"
            raise PolicyDenied(Reason.NO_NAME_ID, f"{path} of the person is not usable as NameID")
        if not request.subject:
            return name_id
        if name_id.value.casefold() != request.subject.casefold():
            raise PolicyDenied(Reason.OTHER_SUBJECT)
        # Core section 3.3.4: the very name that was asked for, letter by letter.
        return replace(name_id, value=request.subject)

    def refuse(
        self, application: Application, request: AuthnRequest, reason: str, now: datetime
    ) -> SendResponse:
        """Return the form that says why nothing is said of anybody."""
        ids, key = (self._xml_id(), now), self.keys.key_for(application.slug)
        response = build_error_response(request, reason, issuer=self.issuer, key=key, ids=ids)
        return _to_form(application, request, response)

    def _xml_id(self) -> str:
        # An XML ID must not begin with a digit; 128 random bits (Core section 1.3.4).
        return f"_{self.random(16).hex()}"


def asked_context(request: AuthnRequest, application: Application) -> AskedContext:
    """Return how a request wants the person to be authenticated."""
    tolerated = application.tolerated_contexts
    return AskedContext(request.context_classes, request.comparison, tolerated)


_NOBODY = NameId("", "")


def _to_form(
    application: Application, request: AuthnRequest, response: str, name_id: NameId = _NOBODY
) -> SendResponse:
    return SendResponse(
        application_name=application.name,
        acs_url=request.acs_url,
        saml_response=to_form_value(response),
        relay_state=request.relay_state,
        name_id=name_id.value,
        name_id_format=name_id.format,
    )
