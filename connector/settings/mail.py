"""The keys of [mail]: by which server people are told that their sign-on has changed."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from connector.settings.section import Section
from connector.settings.values import FileField, SecretField

_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailUrl:
    """A mail server.

    Attributes:
        scheme: "smtps" (TLS from the first byte), or "smtp" (STARTTLS).
        host: Name or address.
        port: By default that of the scheme.

    """

    scheme: Literal["smtp", "smtps"]
    host: str
    port: int

    @property
    def is_on_this_machine(self) -> bool:
        """Return whether what is said to it goes over no network."""
        return (
            self.host in {"localhost", "::1"}
            or self.host.startswith("127.")
            or self.host.endswith(".localhost")
        )


def parse_mail_url(value: Any) -> MailUrl:
    """Return the mail server that a URL names.

    >>> parse_mail_url("smtps://mail.corp.example")
    MailUrl(scheme='smtps', host='mail.corp.example', port=465)

    Raises:
        ValueError: if it is none, or says more.

    """
    if isinstance(value, MailUrl):
        return value
    # What is there is not repeated: somebody may have written a password into it.
    message = (
        'must be a mail server such as "smtps://mail.corp.example" or'
        ' "smtp://mail.corp.example:587"'
    )
    if not isinstance(value, str):
        raise ValueError(message)  # noqa: TRY004 - the library asks for a ValueError
    try:
        url = urlsplit(value)
        host, port = (url.hostname or "").encode("idna").decode("ascii"), url.port
    except ValueError as error:
        raise ValueError(message) from error
    if url.username or url.password:
        message = "user and password are keys of their own"
        raise ValueError(message)
    has_more = url.path.strip("/") or url.query or url.fragment
    if not host or has_more or port == 0:
        raise ValueError(message)
    if url.scheme == "smtp":
        return MailUrl("smtp", host, port or _PORTS["smtp"])
    if url.scheme == "smtps":
        return MailUrl("smtps", host, port or _PORTS["smtps"])
    raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An e-mail address, and the name beside it ("": none)."""

    name: str
    address: str


def parse_mailbox(value: Any) -> Mailbox:
    """Return the mailbox that a text names (RFC 5322 section 3.4).

    >>> parse_mailbox("Northwind sign-on <no-reply@corp.example>")
    Mailbox(name='Northwind sign-on', address='no-reply@corp.example')

    Raises:
        ValueError: if it is none, or more than one.

    """
    if isinstance(value, Mailbox):
        return value
    message = f'must be an address such as "no-reply@corp.example", not {value!r}'
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(message)
    (name, address), *others = getaddresses([value]) or [("", "")]
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError) as error:
        raise ValueError(message) from error
    if others or not parsed.username or not parsed.domain or not address.isascii():
        raise ValueError(message)
    return Mailbox(name, address)


def _ascii(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        message = "must be of ASCII characters: mail servers agree on no others"
        raise ValueError(message)
    return value


class MailSettings(Section):
    """How people are told.

    Attributes:
        server: "smtps://host" (TLS from the first byte, port 465) or "smtp://host" (STARTTLS, port
            25). To this machine, smtp does without TLS, unless `ca_file` is given.
        from: The address that messages come from; "Name <address>" gives it a name, by default
            `organization` of [idp].
        user: Name to log in with; omitted: no login.
        password: Its password.
        ca_file: Certificates that the server's must lead to; default: the system's.
        reply_to: Where answers go; omitted: the message says that nobody reads them.

    """

    server: Annotated[MailUrl, PlainValidator(parse_mail_url)]
    sender: Annotated[Mailbox, PlainValidator(parse_mailbox)] = Field(alias="from")
    user: Annotated[str, AfterValidator(_ascii)] = ""
    password: SecretField | None = None
    ca_file: FileField | None = None
    reply_to: Annotated[Mailbox | None, PlainValidator(parse_mailbox)] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.user) != (self.password is not None):
            message = "user and password: only of use together"
            raise ValueError(message)
        if self.password is not None and not self.password.reveal().isascii():
            message = "password must be of ASCII characters: mail servers agree on no others"
            raise ValueError(message)
        return self

    @property
    def tls(self) -> Literal["at-once", "start", "none"]:
        """Return when TLS begins.

        On this machine it would protect nothing, and the certificates there are seldom good for
        anything; whoever gives `ca_file` wants it all the same.
        """
        if self.server.scheme == "smtps":
            return "at-once"
        is_spared = self.server.is_on_this_machine and self.ca_file is None
        return "none" if is_spared else "start"
