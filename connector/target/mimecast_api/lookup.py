"""What is there, and where? Questions to the API, as conversations without any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.target.lookup import Conversation, Unanswered
from connector.target.mimecast_api.wire import as_meant, next_token, page_call, rows_of, users_page
from connector.target.response import Answer, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.target.request import Request

Row = dict[str, Any]


@dataclass(slots=True)
class Pages:
    """How far the reading of a list has come.

    Attributes:
        name: Of the list within an answer.
        request: Makes the request for the page that a token leads to.
        is_over: Whether there is no next page.

    """

    name: str
    request: Callable[[str], Request]
    is_over: bool = False
    _token: str = ""
    _seen: set[str] = field(default_factory=set)

    def next(self) -> Conversation[list[Row]]:
        """Read one page.

        Raises:
            Unanswered: if it does not come, or if the pages go round in a circle: then what is
                there cannot be known.

        """
        answer = yield from ask(self.request(self._token))
        self._seen.add(self._token)
        self._token = next_token(answer)
        if self._token in self._seen and self._token:
            raise Unanswered(NoAnswer("the list gives the same page again and again"))
        self.is_over = not self._token
        return rows_of(answer, self.name)

    def rest(self) -> Conversation[list[Row]]:
        """Read all pages that are left."""
        rows: list[Row] = []
        while not self.is_over:
            rows += yield from self.next()
        return rows


def ask(request: Request) -> Conversation[Answer]:
    """Put a question; return its answer.

    Raises:
        Unanswered: if none came, or none that answers it.

    """
    reply = as_meant((yield request))
    if not isinstance(reply, Answer) or not reply.is_success:
        raise Unanswered(reply)
    return reply


def user_pages(page_size: int) -> Pages:
    """Return the list of all addresses, aliases included."""
    return Pages("users", lambda token: users_page(token, page_size))


def folder_pages(page_size: int) -> Pages:
    """Return the list of all folders of groups that are not another directory's."""
    path = "directory/find-groups"
    return Pages("folders", lambda token: page_call(path, token, page_size, source="cloud"))


def member_pages(group_id: str, page_size: int) -> Pages:
    """Return the list of a group's members."""
    path = "directory/get-group-members"
    return Pages("groupMembers", lambda token: page_call(path, token, page_size, id=group_id))


def to_user(row: Mapping[str, Any]) -> Row | None:
    """Return an address as a SCIM User; None if it is nobody's own.

    >>> to_user({"emailAddress": "Ann@corp.example", "name": "Ann", "disabled": True})["active"]
    False

    """
    address = row.get("emailAddress")
    if not isinstance(address, str) or row.get("isAlias") is True or row.get("internal") is False:
        return None
    user = {"id": address.lower(), "userName": address, "active": row.get("disabled") is not True}
    return user | ({"displayName": row["name"]} if row.get("name") else {})


def find_user(address: str, page_size: int) -> Conversation[Row | None]:
    """Return the user of an address, or None; the list is read until it comes."""
    pages = user_pages(page_size)
    while not pages.is_over:
        for row in (yield from pages.next()):
            user = to_user(row)
            if user is not None and user["id"] == address.lower():
                return user
    return None


def read_members(group_id: str, page_size: int) -> Conversation[tuple[str, ...]]:
    """Return the addresses of a group's members, in lower case; domains may be members, too."""
    rows = yield from member_pages(group_id, page_size).rest()
    return tuple(str(row["emailAddress"]).lower() for row in rows if row.get("emailAddress"))


def to_group(row: Mapping[str, Any], members: tuple[str, ...] = ()) -> Row:
    """Return a folder as a SCIM Group."""
    return {
        "id": str(row.get("id", "")),
        "displayName": str(row.get("description", "")),
        "members": [{"value": address} for address in members],
    }


def parent_of(folders: list[Row], folder: str) -> str:
    """Return the id of the folder that groups are kept in; "" for the top of the tree.

    Raises:
        Unanswered: if there is none of that name, or more than one.

    """
    if not folder:
        return ""
    named = [one for one in folders if one.get("description") == folder]
    if len(named) == 1:
        return str(named[0].get("id", ""))
    words = f'there are {len(named)} group folders "{folder}"; exactly one is needed (key folder)'
    if not named:
        words = (
            f'there is no group folder "{folder}": make it at Mimecast, or change the key folder'
        )
    raise Unanswered(NoAnswer(words))


def groups_in(folders: list[Row], folder: str) -> list[Row]:
    """Return the folders directly below that of ours.

    Raises:
        Unanswered: as `parent_of`.

    """
    parent_id = parent_of(folders, folder)
    if parent_id:
        return [one for one in folders if str(one.get("parentId") or "") == parent_id]
    ids = {str(one.get("id", "")) for one in folders}
    # The top has a folder of its own, which the list may or may not hold.
    return [one for one in folders if str(one.get("parentId") or "") not in ids]
