"""Entries as a directory gives them, with as little as a test needs."""

from __future__ import annotations

from connector.mapping.load import parse_mapping
from connector.mapping.mapper import map_entry
from connector.mapping.resource import MappedResource
from connector.source.entry import EntryKind, SourceEntry

EXTERNAL_ID = "0e8b1c0e-9d2f-4c2a-8a53-0c6f3f0f6a11"
LOGIN = '[login]\nnames = ["mail"]\nbind = "userPrincipalName"\n'


def entry(kind: EntryKind = EntryKind.USER, **attributes: str | tuple[str, ...]) -> SourceEntry:
    values = {
        name.lower(): (value,) if isinstance(value, str) else value
        for name, value in attributes.items()
    }
    return SourceEntry(kind, EXTERNAL_ID, "CN=somebody,DC=x", values, True, None, (), b"")


def user_mapping(*lines: str):
    """A mapping of users with these lines below [attributes], besides a userName that is there."""
    rules = "\n".join(['userName = { constant = "somebody" }', *lines])
    return parse_mapping("own.toml", f'resource = "User"\n{LOGIN}[attributes]\n{rules}\n')


def mapped(rules: str | tuple[str, ...], **attributes: str | tuple[str, ...]):
    """What becomes of an entry: its document without what every document has, or the problem."""
    lines = (rules,) if isinstance(rules, str) else rules
    result = map_entry(entry(**attributes), user_mapping(*lines))
    if not isinstance(result, MappedResource):
        return f"{result.attribute_path}: {result.problem}"
    frame = {"schemas", "externalId", "userName"}
    return {key: value for key, value in result.document.items() if key not in frame}
