"""The format of a directory kept in a TOML file: what may stand in it, and what is wrong (pure).

Keys are short, for editing by hand; `roster_entry` gives them Active Directory's names.
"""

from __future__ import annotations

import tomllib
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from connector.source.stored_password import parse_stored_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

# Namespace of the GUIDs of people and groups for whom the file gives none.
_NAMESPACE = UUID("5d9e6a52-0c7b-5b52-9b3f-2a6f3c0d7e11")


def _check_hash(text: str) -> str:
    if text:
        parse_stored_password(text)
    return text


Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
Hash = Annotated[str, AfterValidator(_check_hash)]
AttributeValues = dict[str, str | list[str]]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Person(_Table):
    """One `[[person]]`.

    Attributes:
        login: sAMAccountName.
        guid: objectGUID; by default made of the login, so that a new login is a new person.
        name: The name shown; by default given and family name, or the login.
        mail: By default the login at the file's domain; "" for none.
        upn: userPrincipalName; by default the login at the file's domain; "" for none.
        aliases: Further mail addresses.
        ou: Organisational unit that the person is in.
        groups: Names of the groups that the person is a direct member of.
        password: Hash of the person's own password; by default the file's.
        disabled: Whether the account is disabled.
        locked: Whether it is locked out.
        must_change: Whether the password must be changed first.
        password_expired: Whether the password is too old.
        expires: Last day of the account.
        attributes: Further attributes by Active Directory's name; these come before all keys.

    """

    login: Text
    guid: UUID | None = Field(default=None, strict=False)
    name: str = ""
    given: str = ""
    family: str = ""
    mail: str | None = None
    upn: str | None = None
    aliases: list[Text] = []
    title: str = ""
    department: str = ""
    company: str = ""
    number: str = ""
    phone: str = ""
    mobile: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    language: str = ""
    description: str = ""
    ou: Text = "People"
    groups: list[Text] = []
    password: Hash = ""
    disabled: bool = False
    locked: bool = False
    must_change: bool = False
    password_expired: bool = False
    expires: date | None = None
    attributes: AttributeValues = {}

    @property
    def shown_name(self) -> str:
        """Return the name shown, which is also the entry's common name."""
        return self.name or f"{self.given} {self.family}".strip() or self.login


class Group(_Table):
    """One `[[group]]`; `members` are logins and names of other groups."""

    name: Text
    guid: UUID | None = Field(default=None, strict=False)
    mail: str = ""
    description: str = ""
    ou: Text = "Groups"
    members: list[Text] = []
    attributes: AttributeValues = {}


class Presented(_Table):
    """One `[[try]]`: somebody to sign in as, and what that shows; for the demo only."""

    mail: Text
    why: Text


class Roster(_Table):
    """The whole file.

    Attributes:
        domain: What logins get appended as mail address and user principal name.
        base: Where distinguished names end; by default made of the domain.
        company: Of everybody without one of their own.
        password: Hash of the password of everybody without one of their own.
        password_hint: That password, where everybody may know it.
        presented: `[[try]]`: whom to sign in as.
        person: The people.
        group: The groups.

    """

    domain: Text
    base: str = ""
    company: str = ""
    password: Hash = ""
    password_hint: str = ""
    presented: list[Presented] = Field(default=[], alias="try")
    # A file that an editor has emptied, and not yet written, holds nobody.
    person: list[Person] = Field(min_length=1)
    group: list[Group] = []

    def guid_of(self, member: Person | Group) -> str:
        """Return the objectGUID in lower-case hyphenated form."""
        if member.guid is not None:
            return str(member.guid)
        kind, name = (
            ("person", member.login) if isinstance(member, Person) else ("group", member.name)
        )
        return str(uuid5(_NAMESPACE, f"{self.domain}/{kind}/{name}".casefold()))

    def name_of(self, member: Person | Group) -> str:
        """Return the distinguished name (RFC 4514)."""
        common_name = member.shown_name if isinstance(member, Person) else member.name
        base = self.base or ",".join(f"DC={part}" for part in self.domain.split("."))
        return f"CN={_escape(common_name)},OU={_escape(member.ou)},{base}"

    def bind_name_of(self, person: Person) -> str:
        """Return the userPrincipalName; "" for an account that has none."""
        return f"{person.login}@{self.domain}" if person.upn is None else person.upn


def parse_roster(text: str) -> Roster:
    """Return the file's people and groups.

    Raises:
        ValueError: with every fault, one a line; or with the line at which it is not TOML.

    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"not valid TOML: {error}"
        raise ValueError(message) from error
    try:
        roster = Roster.model_validate(table)
    except ValidationError as error:
        lines = [_line(table, detail) for detail in error.errors()]
        raise ValueError("\n".join(lines)) from None
    if faults := [*_unknown_names(roster), *_doubles(roster)]:
        raise ValueError("\n".join(faults))
    return roster


def _line(table: dict[str, Any], detail: ErrorDetails) -> str:
    """Return one fault in words, with the login or the name instead of a number."""
    place, known = [str(part) for part in detail["loc"]], [*Roster.model_fields]
    match detail["loc"]:
        case ("person" | "group" as kind, int(number), *_):
            row = table[str(kind)][number]
            name = row.get("login") or row.get("name") if isinstance(row, dict) else None
            place[:2] = [f"{kind} {name or f'number {number + 1}'}"]
            known = [*(Person if kind == "person" else Group).model_fields]
    words = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        words = f"there is no such key{_hint(place[-1], known)}"
    return f"{': '.join(place)}: {words[:1].lower()}{words[1:]}"


def _unknown_names(roster: Roster) -> Iterator[str]:
    groups = {group.name.casefold() for group in roster.group}
    everybody = groups | {person.login.casefold() for person in roster.person}
    for person in roster.person:
        for name in person.groups:
            if name.casefold() not in groups:
                hint = _hint(name, [group.name for group in roster.group])
                yield f"person {person.login}: groups: there is no group {name}{hint}"
    for group in roster.group:
        for name in group.members:
            if name.casefold() not in everybody:
                hint = _hint(name, sorted(everybody))
                yield f"group {group.name}: members: nobody is called {name}{hint}"


def _doubles(roster: Roster) -> Iterator[str]:
    everything: list[Person | Group] = [*roster.person, *roster.group]
    logins = [one.login if isinstance(one, Person) else one.name for one in everything]
    yield from _twice("login or group name", logins)
    yield from _twice("guid", [roster.guid_of(one) for one in everything])
    names = [roster.name_of(one) for one in everything]
    yield from (
        f"{line}; give one a `name` or an `ou`" for line in _twice("distinguished name", names)
    )
    yield from _twice("upn", [name for one in roster.person if (name := roster.bind_name_of(one))])


def _twice(what: str, values: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value.casefold() in seen:
            yield f"the {what} {value} is there twice"
        seen.add(value.casefold())


def _hint(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _escape(value: str) -> str:
    r"""Return a value as it stands in a distinguished name (RFC 4514 section 2.4).

    >>> print(_escape("Berg, Anna"))
    Berg\, Anna

    """
    escaped = "".join(f"\\{sign}" if sign in ',+"\\<>;=' else sign for sign in value.strip())
    return f"\\{escaped}" if escaped.startswith("#") else escaped
