"""Service providers without metadata: their entity ID and addresses as templates in a file.

What vendors call themselves, and where they answer, is data: `saml_presets.toml` is shipped, and an
operator's own file of that name comes before it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connector.errors import ConfigurationError, Fault
from connector.idp.application.service_provider import AcsEndpoint, ServiceProvider
from connector.idp.names import EMAIL_FORMAT, Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PRESETS_FILE = "saml_presets.toml"
_TEXTS = ("title", "entity_id", "account_code", "name_id_format", "portal_acs")


@dataclass(frozen=True, slots=True)
class Preset:
    """A known vendor's application.

    Attributes:
        name: As `preset` in connector.toml.
        title: As people call it.
        entity_id: Template.
        account_code: Regular expression of what the vendor's account codes look like.
        name_id_format: URI.
        acs_urls: Templates; the first is the default address.
        portal_acs_url: Template: where an answer goes that nobody asked for; "" for the default.
        regions: What the templates are filled with, by region.

    """

    name: str
    title: str
    entity_id: str
    account_code: str
    name_id_format: str
    acs_urls: tuple[str, ...]
    portal_acs_url: str
    regions: Mapping[str, Mapping[str, str]]

    def problems(self, region: str, account_code: str) -> dict[str, str]:
        """Return what is wrong with an operator's values, by key."""
        found = {}
        if region not in self.regions:
            found["region"] = f"must be one of {', '.join(self.regions)}, not {region!r}"
        if not re.fullmatch(self.account_code, account_code):
            found["account_code"] = f"must look like {self.account_code}, not {account_code!r}"
        return found

    def fill(self, template: str, region: str, account_code: str) -> str:
        """Return a template with the values of a region and an account."""
        for key, value in {**self.regions[region], "account_code": account_code}.items():
            template = template.replace(f"{{{key}}}", value)
        return template

    def to_service_provider(self, region: str, account_code: str) -> ServiceProvider:
        """Return the service provider for values that have no `problems`."""
        return ServiceProvider(
            self.fill(self.entity_id, region, account_code),
            tuple(
                AcsEndpoint(
                    self.fill(url, region, account_code), Binding.POST, index, is_default=index == 0
                )
                for index, url in enumerate(self.acs_urls)
            ),
            name_id_formats=(self.name_id_format,),
        )


def load_presets(path: Path) -> dict[str, Preset]:
    """Return the presets of a file, by name.

    Raises:
        ConfigurationError: with every fault of the file.

    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("preset", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError([Fault(path.name, "", f"cannot be read: {error}")]) from error
    faults = [
        Fault(path.name, f"preset.{name}.{key}", problem)
        for name, table in tables.items()
        for key, problem in _faults(table)
    ]
    if faults:
        raise ConfigurationError(faults)
    return {name: _to_preset(name, table) for name, table in tables.items()}


def _faults(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in table.keys() - {*_TEXTS, "acs", "regions"}:
        yield key, "unknown key"
    for key in _TEXTS:
        if not isinstance(table.get(key, ""), str):
            yield key, "must be text"
    for key in ("title", "entity_id", "account_code", "acs", "regions"):
        if not table.get(key):
            yield key, "is missing"
    for url in (*table.get("acs", ()), table.get("portal_acs", "https://{host}")):
        if urlsplit(str(url)).scheme != "https":
            yield "acs", f"must be an https address, not {url!r}"
    yield from _pattern_faults(str(table.get("account_code", "")))


def _pattern_faults(pattern: str) -> Iterator[tuple[str, str]]:
    try:
        re.compile(pattern)
    except re.error as error:
        yield "account_code", f"is no regular expression: {error}"


def _to_preset(name: str, table: Mapping[str, Any]) -> Preset:
    return Preset(
        name=name,
        title=table["title"],
        entity_id=table["entity_id"],
        account_code=table["account_code"],
        name_id_format=table.get("name_id_format", EMAIL_FORMAT),
        acs_urls=tuple(table["acs"]),
        portal_acs_url=table.get("portal_acs", ""),
        regions=table["regions"],
    )
