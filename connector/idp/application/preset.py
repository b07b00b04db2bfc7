"""Service providers without metadata: their entity ID and addresses as templates in a file.

What vendors call themselves, where they answer, and what is to be done at theirs, is data:
`saml_presets.toml` is shipped, and an operator's own file of that name is laid over it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connector.errors import ConfigurationError, Fault
from connector.idp.application.data_file import lay_over, read_data_files
from connector.idp.application.service_provider import AcsEndpoint, ServiceProvider
from connector.idp.names import EMAIL_FORMAT, Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PRESETS_FILE = "saml_presets.toml"
_PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")
_TEXTS = ("title", "entity_id", "account_code", "name_id_format", "portal_acs", "relay_state")
_LISTS = ("acs", "other_entity_ids", "tolerated_contexts", "steps")
_NEEDED = ("title", "entity_id", "acs")
# What `connector app show` fills in, of ours and of the application.
STEP_VALUES = frozenset(
    {"name", "entity_id", "issuer", "login_url", "logout_url", "metadata_url", "certificate"}
)


@dataclass(frozen=True, slots=True)
class Preset:
    """A known vendor's application.

    Attributes:
        name: As `preset` in connector.toml.
        title: As people call it.
        entity_id: Template.
        acs: Templates of addresses; the first is the default one.
        account_code: Regular expression of what the vendor's account codes look like; "" if it has
            none.
        other_entity_ids: Templates of names under which requests may come, too.
        name_id_format: URI.
        portal_acs: Template: where an answer goes that nobody asked for; "" for the default.
        relay_state: What goes with such an answer; "" for nothing.
        tolerated_contexts: Classes of authentication that it asks for out of habit.
        steps: What is to be done at the vendor's, one line each.
        regions: What the templates are filled with, by region; empty if the vendor has none.

    """

    name: str
    title: str
    entity_id: str
    acs: tuple[str, ...]
    account_code: str = ""
    other_entity_ids: tuple[str, ...] = ()
    name_id_format: str = EMAIL_FORMAT
    portal_acs: str = ""
    relay_state: str = ""
    tolerated_contexts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    regions: Mapping[str, Mapping[str, str]] | None = None

    def problems(self, region: str, account_code: str) -> dict[str, str]:
        """Return what is wrong with an operator's values, by key."""
        found = {}
        known = self.regions or {"": {}}
        if region not in known:
            wanted = f"must be one of {', '.join(known)}" if self.regions else "has no regions"
            found["region"] = f"{wanted}, not {region!r}"
        if not re.fullmatch(self.account_code, account_code):
            wanted = f"must look like {self.account_code}" if self.account_code else "is not used"
            found["account_code"] = f"{wanted}, not {account_code!r}"
        return found

    def fill(self, template: str, region: str, account_code: str) -> str:
        """Return a template with the values of a region and an account."""
        values = {"region": region, "account_code": account_code}
        values |= (self.regions or {}).get(region, {})
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)

    def to_service_provider(self, region: str, account_code: str) -> ServiceProvider:
        """Return the service provider for values that have no `problems`."""
        return ServiceProvider(
            self.fill(self.entity_id, region, account_code),
            tuple(
                AcsEndpoint(
                    self.fill(url, region, account_code), Binding.POST, index, is_default=index == 0
                )
                for index, url in enumerate(self.acs)
            ),
            name_id_formats=(self.name_id_format,),
            other_entity_ids=tuple(
                self.fill(each, region, account_code) for each in self.other_entity_ids
            ),
            display_name=self.title,
        )


def load_presets(folders: Sequence[Path]) -> dict[str, Preset]:
    """Return the presets of the operator's file and ours, by name.

    Raises:
        ConfigurationError: with every fault of the files.

    """
    files = read_data_files(PRESETS_FILE, folders)
    tables: Any = {}
    for file in reversed(files):
        tables = lay_over(file.tables, tables)
    # Ours has no faults, so what is wrong is in the operator's own, if there is one.
    origin, regions = files[0].origin, _table(tables.get("regions"))
    presets = {name: _table(table) for name, table in _table(tables.get("preset")).items()}
    for table in presets.values():
        if isinstance(table.get("regions"), str):
            table["regions"] = regions.get(table["regions"], {})
    faults = [
        Fault(origin, f"preset.{name}.{key}", problem)
        for name, table in presets.items()
        for key, problem in _faults(table)
    ]
    if faults:
        raise ConfigurationError(faults)
    return {name: _to_preset(name, table) for name, table in presets.items()}


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _faults(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted({*table, *_NEEDED}):
        if key not in {*_TEXTS, *_LISTS, "regions"}:
            yield key, "unknown key"
        elif key in _NEEDED and not table.get(key):
            yield key, "is missing"
        elif key in _TEXTS and not isinstance(table[key], str):
            yield key, "must be text"
        elif key in _LISTS and not _is_texts(table[key]):
            yield key, "must be a list of texts"
    regions = table.get("regions", {})
    if not isinstance(regions, dict) or not all(map(_is_texts_by_name, regions.values())):
        yield "regions", 'must be a table such as { us = { host = "us.example" } }'
        return
    yield from _template_faults(table, regions)


def _template_faults(
    table: Mapping[str, Any], regions: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    acs, others = table.get("acs", []), table.get("other_entity_ids", [])
    urls = [*(acs if _is_texts(acs) else []), str(table.get("portal_acs") or "https://x")]
    for url in urls:
        if urlsplit(url).scheme != "https":
            yield "acs", f"must be an https address, not {url!r}"
    texts = [*urls, str(table.get("entity_id", "")), *(others if _is_texts(others) else [])]
    known = {"region", "account_code"}.union(*regions.values())
    for name in sorted({name for text in texts for name in _PLACEHOLDER.findall(text)} - known):
        yield "regions", f"nothing says what {{{name}}} stands for"
    steps = table.get("steps", [])
    named = {name for step in steps if _is_texts(steps) for name in _PLACEHOLDER.findall(step)}
    for name in sorted(named - STEP_VALUES - known):
        yield "steps", f"nothing says what {{{name}}} stands for"
    try:
        re.compile(str(table.get("account_code", "")))
    except re.error as error:
        yield "account_code", f"is no regular expression: {error}"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _to_preset(name: str, table: Mapping[str, Any]) -> Preset:
    values: dict[str, Any] = {key: table[key] for key in _TEXTS if key in table}
    values |= {key: tuple(table[key]) for key in _LISTS if key in table}
    return Preset(name=name, regions=table.get("regions"), **values)
