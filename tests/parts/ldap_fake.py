"""A directory server that does what a real Active Directory does and Samba does not.

It gives at most 1500 values of an attribute at once, stops at size limits, refers to other servers,
answers 525, and can be told to break the protocol. Filters are not understood: one with "group" in
it finds the groups, any other the users.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.settings import Secret, SourceSettings
from tests.parts import ldap_wire as wire
from tests.parts.ldap_wire import Element, elements, read_message
from tests.parts.tls_server import HOST, TlsServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

BASE = "DC=fake,DC=test"
BASE_OBJECT = 0  # RFC 4511 section 4.5.1.2
START_TLS = b"1.3.6.1.4.1.1466.20037"


@dataclass
class FakeLdap:
    """What stands in the directory, and how it misbehaves.

    Attributes:
        value_limit: Values of an attribute at once (MS-ADTS: MaxValRange).
        search_ends: Result code and words with which a search of this kind ends, on which page:
            {"user": (4, "", 2)} is a size limit in the second page of users.
        referral: Where the base is, if not here.
        bind_answer: Result code and words; None keeps silent.
        modify_answer: Likewise.
        omits_cookie: Pages come without the paging control.
        loses_values_from: A range from this number on comes empty.
        stray_before: Sends these bytes before the first answer to a search.
        is_start_tls: TLS begins by StartTLS.
        injected: Sent in clear behind the answer to StartTLS.
        references: Continuation references in each page.
        bind_count, bind_requests, modify_requests: What it was asked.
        root: What the rootDSE says.

    """

    folder: Path
    value_limit: int = 1500
    search_ends: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    referral: str = ""
    bind_answer: tuple[int, str] | None = (0, "")
    modify_answer: tuple[int, str] | None = (0, "")
    omits_cookie: bool = False
    loses_values_from: int | None = None
    stray_before: bytes = b""
    is_start_tls: bool = False
    injected: bytes = b""
    references: tuple[str, ...] = ()
    bind_count: int = 0
    bind_requests: list[bytes] = field(default_factory=list)
    modify_requests: list[bytes] = field(default_factory=list)
    root: dict[str, list[bytes]] = field(default_factory=dict)
    _entries: dict[str, tuple[str, dict[str, list[bytes]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._silent: set[Any] = set()
        self._server = TlsServer(self.folder, self._serve, is_tls=not self.is_start_tls)
        self._add("", BASE, {})

    def source_settings(self, **overrides: Any) -> SourceSettings:
        values: dict[str, Any] = {
            "servers": (self.url,),
            "bind_dn": "reader@fake.test",
            "password": Secret("test", "reader's"),
            "base": BASE,
            "ca_file": self._server.ca_file,
        }
        return SourceSettings(**(values | overrides))

    @property
    def ca_file(self) -> Path:
        return self._server.ca_file

    @property
    def url(self) -> str:
        return f"{'ldap' if self.is_start_tls else 'ldaps'}://{HOST}:{self._server.port}"

    @property
    def connection_count(self) -> int:
        return self._server.connection_count

    @property
    def open_count(self) -> int:
        return self._server.open_count

    def add_user(self, name: str, **attributes: Any) -> str:
        given = {key.lower() for key in attributes}
        usual = {"sAMAccountName": name, "userAccountControl": "512"}
        values = {key: value for key, value in usual.items() if key.lower() not in given}
        return self._add("user", f"CN={name},OU=People,{BASE}", values | attributes)

    def add_group(self, name: str, *members: str, **attributes: Any) -> str:
        values = {"cn": name, "member": list(members), **attributes}
        return self._add("group", f"CN={name},OU=Groups,{BASE}", values)

    def describe_domain(self, **attributes: Any) -> None:
        """Give the entry at the top attributes, and say in the rootDSE that it is the top."""
        self.root["defaultNamingContext"] = [BASE.encode()]
        self._add("", BASE, attributes)

    def delete(self, name: str) -> None:
        del self._entries[name]

    def fall_silent(self) -> None:
        """Answer no more on the connections that there are, as behind a firewall."""
        self._silent = set(self._server.peers)

    def hang_up(self) -> None:
        """End all connections."""
        self._server.hang_up()

    def close(self) -> None:
        self._server.close()

    def _add(self, kind: str, name: str, attributes: dict[str, Any]) -> str:
        values = {"objectGUID": uuid.uuid5(uuid.NAMESPACE_OID, name).bytes_le} | attributes
        self._entries[name] = (
            kind,
            {
                key: [_raw(value) for value in (listed if isinstance(listed, list) else [listed])]
                for key, listed in values.items()
                if listed is not None
            },
        )
        return name

    # -- the protocol ----------------------------------------------------------------------------

    def _serve(self, channel: socket.socket) -> None:
        while request := read_message(channel):
            number, operation, *controls = next(elements(request)).parts()
            if operation.tag == wire.UNBIND_REQUEST:
                return
            if channel.getpeername() in self._silent:
                continue
            if operation.tag == wire.EXTENDED_REQUEST:
                answer = wire.message(number.number, wire.result(wire.EXTENDED_RESPONSE, 0))
                channel.sendall(answer + self.injected)
                with self._server.context.wrap_socket(channel, server_side=True) as inside:
                    self._serve(inside)
                return
            for answer in self._answers(operation, controls):
                channel.sendall(
                    answer if isinstance(answer, bytes) else wire.message(number.number, *answer)
                )

    def _answers(self, operation: Element, controls: list[Element]) -> Iterator[Any]:
        if operation.tag == wire.BIND_REQUEST:
            self.bind_count += 1
            self.bind_requests.append(operation.content)
            if self.bind_answer is not None:
                yield (wire.result(wire.BIND_RESPONSE, *self.bind_answer),)
            return
        if operation.tag == wire.MODIFY_REQUEST:
            self.modify_requests.append(operation.content)
            if self.modify_answer is not None:
                yield (wire.result(wire.MODIFY_RESPONSE, *self.modify_answer),)
            return
        if self.stray_before:
            yield self.stray_before
        parts = operation.parts()
        base, scope, text = parts[0].content.decode(), parts[1].number, parts[6]
        asked = [part.content.decode() for part in parts[7].parts()]
        if scope == BASE_OBJECT:
            yield from self._read(base, asked)
        else:
            kind = "group" if b"group" in text.content else "user"
            yield from self._search(kind, asked, controls)

    def _read(self, base: str, asked: list[str]) -> Iterator[Any]:
        found = {"": self.root} if not base else {}
        for name, (_, attributes) in self._entries.items():
            if base in {name, f"<GUID={_guid_text(attributes)}>"}:
                found[name] = attributes
        for name, attributes in found.items():
            yield (wire.entry(name, self._chosen(attributes, asked)),)
        yield (wire.result(wire.SEARCH_DONE, 0 if found else 32),)

    def _search(self, kind: str, asked: list[str], controls: list[Element]) -> Iterator[Any]:
        if self.referral:
            yield (wire.result(wire.SEARCH_DONE, 10, "", self.referral),)
            return
        control = controls[0].parts()[0].parts()
        asked_size, cookie = next(elements(control[-1].content)).parts()
        size, start = asked_size.number, int(cookie.content or b"0")
        chosen = [item for item in self._entries.items() if item[1][0] == kind]
        code, words, page = self.search_ends.get(kind, (0, "", 0))
        ends = code and page == start // size + 1
        for name, (_, attributes) in chosen[start : start + (size // 2 if ends else size)]:
            yield (wire.entry(name, self._chosen(attributes, asked)),)
        for reference in self.references:
            yield (wire.element(wire.SEARCH_REFERENCE, wire.text(reference)),)
        if ends:
            yield (wire.result(wire.SEARCH_DONE, code, words),)
            return
        following = b"%d" % (start + size) if start + size < len(chosen) else b""
        done = wire.result(wire.SEARCH_DONE, 0)
        yield (done,) if self.omits_cookie else (done, wire.page_control(following))

    def _chosen(
        self, attributes: dict[str, list[bytes]], asked: list[str]
    ) -> dict[str, list[bytes]]:
        given = {}
        for wanted in asked:
            name, _, range_text = wanted.partition(";range=")
            for key, values in attributes.items():
                if key.lower() == name.lower():
                    given |= self._ranged(key, values, range_text)
        return given

    def _ranged(self, key: str, values: list[bytes], asked: str) -> dict[str, list[bytes]]:
        first = int(asked.partition("-")[0]) if asked else 0
        if not values or (not asked and len(values) <= self.value_limit):
            return {key: values} if values else {}
        if self.loses_values_from is not None and first >= self.loses_values_from:
            return {}
        some = values[first : first + self.value_limit]
        last = "*" if first + len(some) >= len(values) else first + len(some) - 1
        return {key: [], f"{key};range={first}-{last}": some}


def _guid_text(attributes: dict[str, list[bytes]]) -> str:
    raw = attributes.get("objectGUID", [b""])[0]
    return str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 else ""


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
