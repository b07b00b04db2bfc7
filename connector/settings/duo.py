"""The keys of [duo]: the account at Duo that second factors are asked of."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    model_validator,
)

from connector.settings.section import Name, Section
from connector.settings.values import FileField, Secret, read_secret

# What Duo gives every application of the kind "Web SDK"; its own libraries insist on it.
_CLIENT_ID_LENGTH: Final = 20
_CLIENT_SECRET_LENGTH: Final = 40
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def _host(value: str) -> str:
    """Accept a host name, in lower case; a port may follow."""
    host = value.strip().lower()
    if not _HOST.fullmatch(host) or ".." in host:
        message = (
            'must be the API hostname that Duo shows, such as "api-1234abcd.duosecurity.com",'
            f" not {value!r}"
        )
        raise ValueError(message)
    return host


def _client_id(value: Any, info: ValidationInfo) -> str:
    """Return an ID that is written here, or in a file or the environment: it is no secret."""
    secret = Secret("the key", value) if isinstance(value, str) else read_secret(value, info)
    text = secret.reveal()
    if len(text) != _CLIENT_ID_LENGTH or not text.isalnum() or not text.isascii():
        # Whoever mixes the two up has the client secret here.
        may_show = isinstance(value, str) and len(text.strip()) < _CLIENT_SECRET_LENGTH
        found = f", not {text!r}" if may_show else f"; {secret.origin} holds {len(text)} characters"
        message = f"must be the client ID that Duo shows: {_CLIENT_ID_LENGTH} letters and digits"
        raise ValueError(message + found)
    return text


def _client_secret(value: Any, info: ValidationInfo) -> Secret:
    secret = read_secret(value, info)
    length = len(secret.reveal())
    if length != _CLIENT_SECRET_LENGTH or not secret.reveal().isascii():
        message = (
            f"must be the client secret that Duo shows: {_CLIENT_SECRET_LENGTH} characters;"
            f" {secret.origin} holds {length}"
        )
        raise ValueError(message)
    return secret


Host = Annotated[str, AfterValidator(_host)]
ClientId = Annotated[str, BeforeValidator(_client_id)]
ClientSecret = Annotated[Secret, PlainValidator(_client_secret)]


class DuoSettings(Section):
    """Duo's Universal Prompt as a second factor.

    Attributes:
        host: The API hostname of the application at Duo.
        client_id: The application's client ID.
        client_secret: Its client secret.
        fail: What happens while Duo does not answer: "closed": nobody gets in who needs Duo;
            "open": their first factor is enough.
        open_for: Applications for which it is "open", although `fail` is "closed".
        user_name: SCIM attribute path of what people are called at Duo.
        ca_file: Certificates that Duo's may lead to besides the system's, such as those of a proxy
            that opens TLS.

    """

    host: Host
    client_id: ClientId
    client_secret: ClientSecret
    fail: Literal["closed", "open"] = "closed"
    open_for: tuple[Name, ...] = ()
    user_name: str = Field(default="userName", min_length=1)
    ca_file: FileField | None = None

    @model_validator(mode="after")
    def _decided_once(self) -> Self:
        if self.open_for and self.fail == "open":
            message = 'open_for is only of use with fail = "closed"'
            raise ValueError(message)
        return self
