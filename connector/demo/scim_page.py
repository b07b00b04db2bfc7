"""The page of the embedded SCIM service: whom it holds, and what it was asked last."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHOWN_REQUESTS_COUNT: Final = 15
_STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
.off { opacity: .55 } code { font-size: .9em }
"""


def render_page(
    users: Sequence[dict[str, Any]],
    groups: Sequence[dict[str, Any]],
    requests: Sequence[tuple[str, str, int]],
) -> str:
    """Return the page as HTML; it loads itself anew every few seconds."""
    active_count = sum(user.get("active") is not False for user in users)
    names = {user["id"]: str(user.get("userName", "")) for user in users}
    latest = list(islice(reversed(requests), _SHOWN_REQUESTS_COUNT))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SCIM service</title><style>{_STYLE}</style></head><body>
<h1>SCIM service</h1>
<p>{len(users)} people ({active_count} active), {len(groups)} groups.
Stands in for Mimecast; everything is in memory.</p>
<h2>Groups</h2>
{_table(("Group", "Members", ""), (_group_row(one, names) for one in _named(groups)))}
<h2>People</h2>
{_table(("User name", "Name", "Active"), map(_user_row, _named(users)))}
<h2>Latest requests</h2>
{_table(("Method", "Path", "Status"), (_row(map(str, one)) for one in latest))}
</body></html>"""


def _named(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(resources, key=_name)


def _name(resource: dict[str, Any]) -> str:
    return str(resource.get("userName") or resource.get("displayName") or "").casefold()


def _user_row(user: dict[str, Any]) -> str:
    name = user.get("name") if isinstance(user.get("name"), dict) else {}
    full = user.get("displayName") or " ".join(
        str(part)
        for part in ((name or {}).get("givenName"), (name or {}).get("familyName"))
        if part
    )
    is_active = user.get("active") is not False
    cells = (str(user.get("userName", "")), str(full), "yes" if is_active else "no")
    return _row(cells, "" if is_active else "off")


def _group_row(group: dict[str, Any], names: dict[str, str]) -> str:
    members = [names.get(one.get("value", ""), "?") for one in group.get("members") or []]
    some = ", ".join(sorted(members)[:5]) + (", ..." if len(members) > 5 else "")
    return _row((str(group.get("displayName", "")), str(len(members)), some))


def _row(cells: Iterable[str], style: str = "") -> str:
    inside = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr class="{style}">{inside}</tr>' if style else f"<tr>{inside}</tr>"


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
