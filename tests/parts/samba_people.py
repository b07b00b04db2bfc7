"""The people and groups of a test domain, changed by LDAP as an administrator would."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from connector.source.ldap_library import ldap3

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tests.parts.samba import Samba

PASSWORD = "Str0ng!Password"  # of people who are given none
NORMAL, DISABLED = 512, 514  # userAccountControl
GLOBAL_SECURITY = -2147483646  # groupType
FIRST_MOMENT = datetime(1601, 1, 1, tzinfo=UTC)


class People:
    """Adds and changes; names are distinguished names unless they are called login."""

    def __init__(self, samba: Samba) -> None:
        self._samba = samba
        self._connection: Any = None

    # -- units -----------------------------------------------------------------------------------

    def add_unit(self, name: str, parent: str = "") -> str:
        unit = f"OU={name},{parent or self._samba.base}"
        self._do("add", unit, "organizationalUnit")
        return unit

    def unit(self, name: str) -> str:
        """An OU at the top, made if it is not there."""
        unit = f"OU={name},{self._samba.base}"
        if not self._ask(self._samba.base, f"(&(objectClass=organizationalUnit)(ou={name}))"):
            self._do("add", unit, "organizationalUnit")
        return unit

    # -- people ----------------------------------------------------------------------------------

    def add_user(
        self, login: str, *, unit: str = "", password: str = PASSWORD, **attributes: Any
    ) -> str:
        """Add somebody who can sign in; cn= gives another name than the login."""
        values = {
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@{self._samba.realm}",
            "givenName": login.title(),
            "sn": "Example",
            "displayName": f"{login.title()} Example",
            "mail": f"{login}@corp.example",
        } | {key: value for key, value in attributes.items() if value is not None}
        common_name = values.pop("cn", login)
        values = {key: value for key, value in values.items() if value != ""}
        name = f"CN={escape(common_name)},{unit or self.unit('People')}"
        values |= {"unicodePwd": encode_password(password), "userAccountControl": NORMAL}
        self._do("add", name, "user", values)
        return name

    def modify(self, name: str, **attributes: Any) -> None:
        """Replace values; None or [] takes an attribute away."""
        changes = {
            key: [(ldap3.MODIFY_REPLACE, _listed(value))] for key, value in attributes.items()
        }
        self._do("modify", name, changes)

    def set_password(self, name: str, password: str) -> None:
        self.modify(name, unicodePwd=encode_password(password))

    def disable(self, name: str) -> None:
        self.modify(name, userAccountControl=DISABLED)

    def enable(self, name: str) -> None:
        self.modify(name, userAccountControl=NORMAL)

    def expire(self, name: str, at: datetime) -> None:
        """Let the account end at a moment; the far future for never is `never_expire`."""
        self.modify(name, accountExpires=(at - FIRST_MOMENT) // timedelta(microseconds=1) * 10)

    def never_expire(self, name: str) -> None:
        self.modify(name, accountExpires=0)

    def require_new_password(self, name: str) -> None:
        self.modify(name, pwdLastSet=0)

    def lock_after(self, count: int) -> None:
        """Lock accounts after so many wrong passwords, for half an hour; 0: never."""
        half_an_hour = -30 * 60 * 10**7
        self.modify(
            self._samba.base,
            lockoutThreshold=count,
            lockoutDuration=half_an_hour,
            lockOutObservationWindow=half_an_hour,
        )

    def demand(self, **rules: int) -> None:
        """Change the domain's rules, such as minPwdLength=7, pwdHistoryLength=24."""
        self.modify(self._samba.base, **rules)

    def add_settings(self, name: str, *people: str, **settings: Any) -> str:
        """Give people rules of their own (msDS-PasswordSettings), such as a minimum length."""
        day, never = -24 * 3600 * 10**7, -(2**63)
        values = {
            "msDS-PasswordSettingsPrecedence": 1,
            "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
            "msDS-PasswordHistoryLength": 24,
            "msDS-PasswordComplexityEnabled": "FALSE",
            "msDS-MinimumPasswordLength": 7,
            "msDS-MinimumPasswordAge": 0,
            "msDS-MaximumPasswordAge": never,
            "msDS-LockoutThreshold": 0,
            "msDS-LockoutObservationWindow": day,
            "msDS-LockoutDuration": day,
            "msDS-PSOAppliesTo": list(people),
        } | {f"msDS-{key}": value for key, value in settings.items()}
        settings_name = f"CN={name},CN=Password Settings Container,CN=System,{self._samba.base}"
        self._do("add", settings_name, "msDS-PasswordSettings", values)
        return settings_name

    def unlock(self, name: str) -> None:
        self.modify(name, lockoutTime=0)

    def bad_password_count(self, login: str) -> int:
        return int(self.values(self.find(login), "badPwdCount")[0])

    def lockouts(self, unit: str) -> dict[str, tuple[int, bool]]:
        """How many wrong passwords everybody in a unit has, and whether they are locked."""
        names = ("sAMAccountName", "badPwdCount", "lockoutTime")
        found = self._connected().extend.standard.paged_search(
            unit, "(objectCategory=person)", attributes=names, paged_size=500, generator=True
        )
        entries = [Found(each["raw_dn"], each["raw_attributes"]) for each in found]
        return {
            each.get("sAMAccountName", [])[0].decode(): (
                int((each.get("badPwdCount", []) or [b"0"])[0]),
                (each.get("lockoutTime", []) or [b"0"])[0] != b"0",
            )
            for each in entries
        }

    # -- groups ----------------------------------------------------------------------------------

    def add_group(self, name: str, *members: str, unit: str = "", **attributes: Any) -> str:
        group = f"CN={escape(name)},{unit or self.unit('Groups')}"
        values = {"sAMAccountName": name, "groupType": GLOBAL_SECURITY} | attributes
        if members:
            values["member"] = list(members)
        self._do("add", group, "group", values)
        return group

    def add_members(self, group: str, *members: str) -> None:
        self._do("modify", group, {"member": [(ldap3.MODIFY_ADD, list(members))]})

    def remove_members(self, group: str, *members: str) -> None:
        self._do("modify", group, {"member": [(ldap3.MODIFY_DELETE, list(members))]})

    # -- everything ------------------------------------------------------------------------------

    def rename(self, name: str, new: str) -> str:
        """Give a new last name part, such as a CN or OU, and return the whole."""
        kind, _, _ = name.partition("=")
        part = f"{kind}={escape(new)}"
        self._do("modify_dn", name, part)
        return f"{part},{_parent(name)}"

    def move(self, name: str, unit: str) -> str:
        part = name.removesuffix(f",{_parent(name)}")
        self._do("modify_dn", name, part, new_superior=unit)
        return f"{part},{unit}"

    def delete(self, name: str) -> None:
        self._do("delete", name)

    def restore(self, external_id: str, name: str) -> None:
        """Bring back what was deleted, under a name."""
        show_deleted = ("1.2.840.113556.1.4.417", True, None)
        changes = {
            "isDeleted": [(ldap3.MODIFY_DELETE, [])],
            "distinguishedName": [(ldap3.MODIFY_REPLACE, [name])],
        }
        connection = self._connected()
        connection.search(
            f"<GUID={external_id}>", "(objectClass=*)", ldap3.BASE, controls=[show_deleted]
        )
        self._do("modify", connection.response[0]["dn"], changes, controls=[show_deleted])
        self.modify(name, userAccountControl=NORMAL)

    def find(self, login: str) -> str:
        """The name of a person or group by sAMAccountName."""
        found = self._ask(self._samba.base, f"(sAMAccountName={login})")
        assert len(found) == 1, f"{len(found)} entries named {login}"
        return found[0].name.decode()

    def external_id(self, name: str) -> str:
        """The objectGUID in hyphenated form."""
        (found,) = self._ask(name, "(objectClass=*)", ldap3.BASE, ["objectGUID"])
        return str(UUID(bytes_le=found.get("objectGUID", [])[0]))

    def values(self, name: str, attribute: str) -> list[str]:
        """One attribute as it is now."""
        found = self._ask(name, "(objectClass=*)", ldap3.BASE, [attribute])
        return [value.decode() for value in found[0].get(attribute, [])]

    # -- the connection --------------------------------------------------------------------------

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.unbind()

    def _do(self, verb: str, *arguments: Any, **options: Any) -> None:
        connection = self._connected()
        done = getattr(connection, verb)(*arguments, **options)
        result = connection.result
        assert done, f"{verb} {arguments[0]}: {result['description']} {result['message']}"

    def _ask(
        self, base: str, text: str, scope: str = ldap3.SUBTREE, attributes: Sequence[str] = ()
    ) -> list[Found]:
        connection = self._connected()
        connection.search(base, text, scope, attributes=list(attributes))
        return [
            Found(entry["raw_dn"], entry["raw_attributes"])
            for entry in connection.response
            if entry["type"] == "searchResEntry"
        ]

    def _connected(self) -> Any:
        if self._connection is None:
            # it is our own server; ldap3 would check its name by a function that Python gave up
            tls = ldap3.Tls(validate=ssl.CERT_NONE)
            server = ldap3.Server(self._samba.url, get_info=ldap3.NONE, tls=tls)
            name, password = self._samba.administrator
            self._connection = ldap3.Connection(server, name, password, auto_bind=True)
        return self._connection


class Found:
    """An entry as the test reads it."""

    def __init__(self, name: bytes, attributes: dict[str, list[bytes]]) -> None:
        self.name = name
        self._attributes = {key.lower(): values for key, values in attributes.items()}

    def get(self, attribute: str, default: list[bytes]) -> list[bytes]:
        return self._attributes.get(attribute.lower(), default)


def escape(text: str) -> str:
    """A value of a distinguished name (RFC 4514 section 2.4)."""
    escaped = "".join(f"\\{mark}" if mark in '\\,+"<>;=' else mark for mark in text)
    escaped = escaped.replace("\0", "\\00")
    if escaped[:1] in {" ", "#"}:
        escaped = f"\\{escaped}"
    return f"{escaped[:-1]}\\ " if escaped.endswith(" ") else escaped


def encode_password(password: str) -> bytes:
    return f'"{password}"'.encode("utf-16-le")


def _parent(name: str) -> str:
    """The name without its first part; an escaped comma does not end it."""
    at = 0
    while name[at] != ",":
        at += 2 if name[at] == "\\" else 1
    return name[at + 1 :]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
