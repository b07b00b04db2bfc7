"""What every table of the file is made of."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connector.settings.values import (
    to_distinguished_name,
    to_left_path,
)


class Section(BaseModel):
    """A table of the file: unknown keys are faults, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _https_url(value: str) -> str:
    """Accept https, and http only to this machine."""
    url = urlsplit(value)
    is_local = url.hostname is not None and (
        url.hostname in {"localhost", "::1"}
        or url.hostname.startswith("127.")
        or url.hostname.endswith(".localhost")
    )
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and is_local)):
        message = f"must be an https URL, not {value!r}"
        raise ValueError(message)
    return value.rstrip("/")


def _ldap_url(value: str) -> str:
    if urlsplit(value).scheme not in {"ldap", "ldaps"} or not urlsplit(value).hostname:
        message = f'must be an LDAP URL such as "ldaps://dc1.corp.example", not {value!r}'
        raise ValueError(message)
    return value


HttpsUrl = Annotated[str, AfterValidator(_https_url)]
LdapUrl = Annotated[str, AfterValidator(_ldap_url)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
EntryName = Annotated[str, AfterValidator(to_distinguished_name)]
LeftPath = Annotated[str, AfterValidator(to_left_path)]
Groups = Literal["*"] | tuple[EntryName, ...]
