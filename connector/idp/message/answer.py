"""Turn the end of a login into the form that the browser posts to the service provider."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from connector.errors import PolicyDenied
from connector.idp.binding import to_form_value
from connector.idp.message.assertion import SignOn, build_assertion, choose_name_id
from connector.idp.message.response import build_error_response, build_response
from connector.idp.reason import Reason
from connector.idp.view import SendResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from connector.directory.person import DirectoryUser
    from connector.idp.application.service_provider import Application
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
    ) -> SendResponse:
        """Return the form that says who the person is.

        Raises:
            PolicyDenied: if the directory has no name for them that this application would take.

        """
        name_id = choose_name_id(user, application, request.name_id_format, self._xml_id())
        if name_id is None:
            message = f"{application.name_id} of the person is not usable as NameID"
            raise PolicyDenied(Reason.NO_NAME_ID, message)
        assertion = build_assertion(
            user,
            application,
            request,
            issuer=self.issuer,
            name_id=name_id,
            sign_on=sign_on,
            assertion_id=self._xml_id(),
            now=now,
            lifetime=self.lifetime,
        )
        key = self.keys.key_for(application.slug)
        form = _to_form(application, request, build_response(assertion, key, self._xml_id()))
        return replace(form, name_id=name_id.value, name_id_format=name_id.format)

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


def _to_form(application: Application, request: AuthnRequest, response: str) -> SendResponse:
    return SendResponse(
        application_name=application.name,
        acs_url=request.acs_url,
        saml_response=to_form_value(response),
        relay_state=request.relay_state,
    )
